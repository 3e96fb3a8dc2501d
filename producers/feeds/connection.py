"""The life of a feed's connection, as a pure function: (state, input, time) -> (state, actions).

    WAITING ──tick──► OPENING ──opened──► SUBSCRIBING ──confirmed──► LIVE
       ▲                 │                     │                       │
       │                 └──────── any reason to end it ───────────────┤
       │                                                               ▼
       └──────────────── closed, after a pause ◄──────────────────── CLOSING ──closed, for good──► STOPPED

The shell (`producers.feeds.feed`) says what happened and does what it is told; nothing here reads a
clock, a socket or a random number. What the life cycle promises:

- A connection counts as connected from the venue's own confirmation on, and not before. Each
  `connected` marker is followed by exactly one `disconnected` before the next.
- A `heartbeat` speaks for the time of the last bytes heard, never for a later one: readers take it
  as the venue's watermark.
- Frames that arrived before the end are recorded even while the connection is being closed.
- A frame that shows that others before it are missing stands behind a `gap` marker, which says since
  when: since the last word that came. The connection goes on.
- While the recorder holds the feed back (its queue is full) nothing is read, so the venue's silence
  then proves nothing, and no new connection is opened. When it takes too long the connection is
  closed, because a venue that can't write to us would do so in a less orderly way.
- A clock that is set back takes along every time that was noted, so nothing that is waited for comes later
  by as much: not the next try, not the end of a silence, not a heartbeat.
- At most one connection is open: the next one is opened only after the shell reported the end of
  the last.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Any, TypeAlias

import msgspec

from producers.feeds.events import (
    Abort,
    Action,
    Close,
    Closed,
    Failed,
    Held,
    Input,
    KeepAlive,
    Mark,
    Message,
    Open,
    Opened,
    Publish,
    Released,
    Retry,
    Send,
    Stop,
    StopAsked,
    Tick,
)
from producers.feeds.venue import Meaning, What
from schemas.headers import Kind

__all__ = ["SECOND_NS", "Limits", "Phase", "State", "backoff_s", "step"]

SECOND_NS = 1_000_000_000

HANDSHAKE = Meaning("handshake_timeout", text="the venue did not confirm the subscription in time")
SILENCE = Meaning("silence", text="the venue said nothing for too long")
KAFKA_UNAVAILABLE = Meaning("kafka_unavailable", text="Kafka took no more records")
STOPPED = Meaning("stopped")


@dataclass(frozen=True, kw_only=True)
class Limits:
    """The times that the life cycle goes by.

    The pause before the n-th try in a row is drawn from 0 to `backoff_base_s` x 2^n, at most
    `backoff_cap_s` ("full jitter"); a connection that stayed connected for `settled_ns` starts the
    row anew. `keepalive_ns` is how often the client speaks on a confirmed connection, if the venue
    wants that.
    """

    handshake_ns: int = 10 * SECOND_NS
    silence_ns: int = 15 * SECOND_NS
    heartbeat_ns: int = 1 * SECOND_NS
    stall_ns: int = 10 * SECOND_NS
    stop_ns: int = 5 * SECOND_NS
    settled_ns: int = 30 * SECOND_NS
    keepalive_ns: int | None = None
    backoff_base_s: float = 0.5
    backoff_cap_s: float = 30.0


class Phase(Enum):
    """Where a feed stands."""

    WAITING = "waiting"
    OPENING = "opening"
    SUBSCRIBING = "subscribing"
    LIVE = "live"
    CLOSING = "closing"
    STOPPED = "stopped"


class State(msgspec.Struct, frozen=True, kw_only=True):
    """All that a feed remembers. Times are nanoseconds of Unix time.

    `since_ns` is when the phase began, `live_ns` when the venue confirmed, `heard_ns` when the last
    bytes of this connection came, `beat_ns` for which time the last marker spoke and `beat_at_ns` when
    it was written, `spoke_ns` when the client last said that it is there, `held_ns` since when the
    recorder holds the feed back, `patient_ns` from when on silence counts, `cap_ns` after which time
    nothing read counts as having arrived, `ticked_ns` when the last tick was. `told` says that a `connected`
    marker waits for its `disconnected`; `ending` is why the connection is being closed.
    """

    phase: Phase = Phase.WAITING
    since_ns: int = 0
    retry_at_ns: int = 0
    attempts: int = 0
    heard_ns: int = 0
    beat_ns: int = 0
    beat_at_ns: int = 0
    spoke_ns: int = 0
    held_ns: int | None = None
    patient_ns: int = 0
    cap_ns: int | None = None
    live_ns: int | None = None
    ticked_ns: int = 0
    told: bool = False
    ending: Meaning | None = None
    stopping: bool = False
    aborted: bool = False


Outcome: TypeAlias = tuple[State, list[Action]]

_change = msgspec.structs.replace
_TIMES = tuple(name for name in State.__struct_fields__ if name.endswith("_ns"))
_OPEN = frozenset({Phase.OPENING, Phase.SUBSCRIBING, Phase.LIVE, Phase.CLOSING})
_READING = frozenset({Phase.SUBSCRIBING, Phase.LIVE, Phase.CLOSING})


def step(state: State, event: Input, now_ns: int, *, limits: Limits, chance: float) -> Outcome:
    """Return what becomes of `state` by `event`, and what is to be done, in this order.

    `chance` is a random number from 0 to 1, drawn anew for each call. An input that makes no sense in
    the present phase, such as news of a connection already given up, changes nothing.
    """
    if state.phase is Phase.STOPPED:
        return state, []
    if now_ns < state.ticked_ns or now_ns < state.heard_ns:
        state = _set_back(state, max(state.ticked_ns, state.heard_ns) - now_ns)
    return _HANDLERS[type(event)](state, event, now_ns, limits, chance)


def _set_back(state: State, by_ns: int) -> State:
    return _change(state, **{name: at_ns - by_ns for name in _TIMES if (at_ns := getattr(state, name))})


def backoff_s(attempts: int, wait_s: float, limits: Limits, chance: float) -> float:
    """Return the pause before the next try, after `attempts` vain ones in a row."""
    ceiling_s = limits.backoff_base_s * 2.0 ** min(attempts, 32)
    return min(wait_s + chance * min(ceiling_s, limits.backoff_cap_s), limits.backoff_cap_s)


def _on_tick(state: State, event: Tick, now_ns: int, limits: Limits, chance: float) -> Outcome:
    state = _change(state, ticked_ns=now_ns)
    held_for_ns = 0 if state.held_ns is None else now_ns - state.held_ns
    quiet_for_ns = now_ns - max(state.since_ns, state.heard_ns, state.patient_ns)
    match state.phase:
        case Phase.WAITING if state.held_ns is None and now_ns >= state.retry_at_ns:
            return _change(state, phase=Phase.OPENING, since_ns=now_ns), [Open()]
        case Phase.OPENING if now_ns - state.since_ns > limits.handshake_ns:
            return _close(state, HANDSHAKE, now_ns)
        case Phase.SUBSCRIBING | Phase.LIVE if held_for_ns > limits.stall_ns:
            # What is read from now on waited in buffers since before the queue was full.
            return _close(_change(state, cap_ns=state.held_ns), KAFKA_UNAVAILABLE, now_ns)
        case Phase.SUBSCRIBING if state.held_ns is None and (
            now_ns - max(state.since_ns, state.patient_ns) > limits.handshake_ns
        ):
            return _close(state, HANDSHAKE, now_ns)
        case Phase.LIVE if state.held_ns is None and quiet_for_ns > limits.silence_ns:
            return _close(state, SILENCE, now_ns)
        case Phase.LIVE:
            return _beat(state, now_ns, limits)
        case Phase.CLOSING if state.stopping and not state.aborted and now_ns - state.since_ns > limits.stop_ns:
            return _change(state, aborted=True), [Abort()]
    return state, []


def _beat(state: State, now_ns: int, limits: Limits) -> Outcome:
    """Tell the readers how far the connection was heard, and the venue that somebody listens."""
    actions: list[Action] = []
    if state.heard_ns > state.beat_ns and now_ns - state.beat_at_ns >= limits.heartbeat_ns:
        state = _change(state, beat_ns=state.heard_ns, beat_at_ns=now_ns)
        actions.append(Mark(Kind.HEARTBEAT, state.heard_ns))
    if limits.keepalive_ns is not None and now_ns - state.spoke_ns >= limits.keepalive_ns:
        state = _change(state, spoke_ns=now_ns)
        actions.append(KeepAlive())
    return state, actions


def _on_opened(state: State, event: Opened, now_ns: int, limits: Limits, chance: float) -> Outcome:
    if state.phase is not Phase.OPENING:
        return state, []
    subscribing = _change(state, phase=Phase.SUBSCRIBING, heard_ns=now_ns, cap_ns=None)
    return subscribing, [Send(data) for data in event.greeting]


def _on_message(state: State, event: Message, now_ns: int, limits: Limits, chance: float) -> Outcome:
    if state.phase not in _READING:
        return state, []
    last_ns = state.heard_ns
    state = _change(state, heard_ns=_arrived(state, now_ns))
    actions: list[Action] = []
    if event.heard.gap and state.told:
        body = {"reason": "sequence_gap", "detail": event.heard.gap, "since_ns": last_ns}
        actions.append(Mark(Kind.GAP, state.heard_ns, body))
    actions.append(Publish(event.data, event.heard.account, state.heard_ns, event.heard.source))
    if event.answer is not None:
        actions.append(Send(event.answer))
    if event.heard.what is What.CONFIRMED and state.phase is Phase.SUBSCRIBING:
        state = _change(
            state,
            phase=Phase.LIVE,
            since_ns=now_ns,
            live_ns=now_ns,
            told=True,
            beat_ns=state.heard_ns,
            beat_at_ns=now_ns,
            spoke_ns=now_ns,
        )
        actions.append(Mark(Kind.CONNECTED, state.heard_ns))
    elif event.heard.meaning is not None and state.phase is not Phase.CLOSING:
        state, more = _close(state, event.heard.meaning, now_ns)
        actions += more
    return state, actions


def _on_end(state: State, event: Closed | Failed, now_ns: int, limits: Limits, chance: float) -> Outcome:
    if state.phase not in _OPEN:
        return state, []
    ending = state.ending or event.meaning
    heard_ns = _arrived(state, now_ns) if isinstance(event, Closed) and event.heard else state.heard_ns
    actions: list[Action] = []
    if state.told:
        body = {"reason": ending.reason, "detail": ending.text, "since_ns": heard_ns}
        actions.append(Mark(Kind.DISCONNECTED, heard_ns, body))
    error = ending if ending.final else None
    if state.stopping or error is not None:
        return _change(state, phase=Phase.STOPPED, told=False), [*actions, Stop(error)]
    settled = state.live_ns is not None and now_ns - state.live_ns >= limits.settled_ns
    attempts = 0 if settled else state.attempts
    delay_s = backoff_s(attempts, ending.wait_s, limits, chance)
    waiting = State(
        since_ns=now_ns,
        retry_at_ns=now_ns + int(delay_s * SECOND_NS),
        attempts=attempts + 1,
        held_ns=state.held_ns,
        patient_ns=state.patient_ns,
        ticked_ns=now_ns,
    )
    return waiting, [*actions, Retry(delay_s, ending)]


def _on_held(state: State, event: Held, now_ns: int, limits: Limits, chance: float) -> Outcome:
    return (state if state.held_ns is not None else _change(state, held_ns=now_ns)), []


def _on_released(state: State, event: Released, now_ns: int, limits: Limits, chance: float) -> Outcome:
    return _change(state, held_ns=None, patient_ns=now_ns), []


def _on_stop(state: State, event: StopAsked, now_ns: int, limits: Limits, chance: float) -> Outcome:
    if state.stopping:
        return state, []
    state = _change(state, stopping=True)
    if state.phase is Phase.WAITING:
        return _change(state, phase=Phase.STOPPED), [Stop()]
    if state.phase is Phase.CLOSING:
        return _change(state, since_ns=now_ns), []
    return _close(state, STOPPED, now_ns)


def _close(state: State, meaning: Meaning, now_ns: int) -> Outcome:
    return _change(state, phase=Phase.CLOSING, since_ns=now_ns, ending=meaning), [Close()]


def _arrived(state: State, now_ns: int) -> int:
    return now_ns if state.cap_ns is None else max(state.heard_ns, min(now_ns, state.cap_ns))


_HANDLERS: dict[type, Callable[[State, Any, int, Limits, float], Outcome]] = {
    Opened: _on_opened,
    Message: _on_message,
    Closed: _on_end,
    Failed: _on_end,
    Tick: _on_tick,
    Held: _on_held,
    Released: _on_released,
    StopAsked: _on_stop,
}
