"""Trouble with Kafka as log lines: one when it begins, few while it lasts, one when it is over.

librdkafka tells of each vain try to reach a broker, many times a second while the brokers are away. What
it says is kept by broker and kind of error; the first is told at once, and then how often it came again,
after 10 s, a minute and then every ten minutes.

    trouble = Trouble("consumer")
    consumer = Consumer(config | trouble.properties())
    ...
    trouble.over()  # a record came
"""

import time
from collections import OrderedDict
from typing import Any, NamedTuple

import msgspec
from confluent_kafka import KafkaError
from prometheus_client import Counter

from dropcopy.logs import get_logger

__all__ = ["Line", "State", "Trouble", "step"]

# What may be kept: a cluster has so many brokers, and they can fail in a few ways.
MOST_KINDS = 64
# How long after the first of a kind it is told again, and from the last of these on every so long.
AGAIN_AFTER_S = (10, 60, 600)
# A kind that did not come for so long begins anew.
FORGOTTEN_S = 600

ERRORS = Counter(
    "dropcopy_kafka_errors", "Errors that Kafka's clients told of, by client and code.", ["client", "code"]
)

log = get_logger(__name__)


class State(msgspec.Struct, frozen=True):
    """One broker's one kind of error: since when it comes, when it came last, how often it was told, and came since."""

    since_s: float
    last_s: float
    told: int = 1
    repeats: int = 0

    @property
    def tell_at_s(self) -> float:
        """When it is told again, should it come again."""
        return self.since_s + (AGAIN_AFTER_S[self.told - 1] if self.told <= 2 else AGAIN_AFTER_S[2] * (self.told - 2))


class Line(NamedTuple):
    """What is to be told: how often it came since it was told last, and for how long already."""

    repeats: int
    for_s: float


def step(state: State | None, now_s: float) -> tuple[State, Line | None]:
    """Take one more error of a kind; return what to keep of it, and what to tell, if anything. Times are monotonic."""
    if state is None or now_s - state.last_s > FORGOTTEN_S:
        return State(since_s=now_s, last_s=now_s), Line(0, 0.0)
    repeats = state.repeats + 1
    if now_s < state.tell_at_s:
        return msgspec.structs.replace(state, last_s=now_s, repeats=repeats), None
    kept = State(since_s=state.since_s, last_s=now_s, told=state.told + 1)
    return kept, Line(repeats, now_s - state.since_s)


class Trouble:
    """Tells of the errors of one Kafka client, from whichever thread polls it. `client` names it in the log."""

    def __init__(self, client: str) -> None:
        self._client = client
        self._kinds: OrderedDict[tuple[str, str], State] = OrderedDict()

    def properties(self) -> dict[str, Any]:
        """Return what the client's configuration needs; the client has to be polled, even when it is idle."""
        # librdkafka's own lines would say the same, each time.
        return {"error_cb": self.take, "log_level": 0}

    def take(self, error: KafkaError) -> None:
        """Take an error as librdkafka tells it."""
        code = error.name()
        ERRORS.labels(self._client, code).inc()
        broker, _, text = error.str().partition(": ")
        kind = (broker if text else "", code)
        state, line = step(self._kinds.get(kind), time.monotonic())
        self._kinds[kind] = state
        self._kinds.move_to_end(kind)
        if len(self._kinds) > MOST_KINDS:
            self._kinds.popitem(last=False)
        if line is None:
            return
        repeated = {"repeats": line.repeats, "for_s": round(line.for_s)} if line.repeats else {}
        log.warning(
            "kafka_trouble", client=self._client, broker=kind[0] or None, code=code, error=text or broker, **repeated
        )

    def over(self) -> None:
        """Say that the client is served again; of nothing to tell, it costs nothing."""
        if not self._kinds:
            return
        first_s = min(state.since_s for state in self._kinds.values())
        self._kinds.clear()
        log.info("kafka_back", client=self._client, after_s=round(time.monotonic() - first_s, 1))
