"""One input partition: its records through the core, and what that comes to as records to write.

Everything here is computation on what was read. A record that can't be read becomes a dead letter
and the next one is taken; a failure of the program itself is not caught, for it ends the process.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Final, Protocol

from dropcopy.kafka import MAX_RECORD_BYTES, murmur2_partition
from processors.batches import Consumed
from processors.core import deadlines, feeds
from processors.core.errors import MappingError
from processors.core.join import on_report, on_submission
from processors.core.model import Account, Order, Origin, Report, Submission
from processors.core.reading import UNREADABLE, QuantityOf
from processors.core.state import Grace, Outcome, Partition, index, joined
from processors.dead_letters import HEADROOM_BYTES, dead_letter
from processors.encoding.results import Encoders
from processors.encoding.state import decode_state, encode_state
from processors.encoding.submissions import SubmissionReader
from processors.headers import HeaderReader, Headers
from processors.markers import Marker, read_marker
from processors.metrics import Counts
from processors.sink import Record
from schemas import topics
from schemas.fix import Source
from schemas.headers import FrameHeaders, HeaderError, Kind
from schemas.topics import account_key, venue_of

__all__ = ["Reports", "Shard"]

_EXECUTIONS: Final = topics.EXECUTIONS.name
_LATEST: Final = topics.LATEST.name
_STATE: Final = topics.STATE.name
# A member of an enum is looked up by name at every use; these are used for every record.
_STREAM: Final = Source.STREAM
_RECONCILIATION: Final = Source.RECONCILIATION
_GATEWAY: Final = Source.GATEWAY
_FRAME: Final = Kind.FRAME.value
_SNAPSHOT: Final = Kind.SNAPSHOT.value
# How many frames go through one step before the next: few enough to stay in the caches.
_CHUNK: Final = 128
_REKEYED: Final = "dropcopy.rekeyed"


# A frame that was read: its offset, its headers, its account's key, its reports.
_Read = tuple[int, Headers, str, Sequence[Report]]


class Reports(Protocol):
    """What `processors/mappings/<venue>/` offers."""

    def __call__(self, value: bytes, source: str, account: str, order_qty: QuantityOf) -> Sequence[Report]:
        """Return the reports in one frame or snapshot."""


class Shard:
    """The state of one input partition, and the round that is being made of its records."""

    def __init__(
        self,
        number: int,
        partitions: int,
        grace: Grace,
        mappings: Mapping[str, Reports],
        encoders: Encoders,
        read_submission: SubmissionReader,
    ) -> None:
        self.number = number
        self.state = Partition(grace)
        self.counts = Counts()
        self._partitions = partitions
        self._mappings = mappings
        self._encoders = encoders
        self._read_submission = read_submission
        self._right_keys: dict[tuple[str, str], bytes] = {}
        self._homes: set[tuple[str, str]] = set()
        self._at_end: dict[str, bool] = {}
        self._out = Outcome()
        # The account whose orders a snapshot tells of.
        self._asked = ""
        self._records: list[Record] = []
        self._headers = HeaderReader()

    def restore(self, kept: Mapping[bytes, bytes]) -> None:
        """Take over the state as the state topic has it.

        Raises:
            StateError: a record is of a layout that this version does not know.
        """
        for value in kept.values():
            entry = decode_state(value)
            if isinstance(entry, Order):
                self.state.orders[entry.terms.order_request_id] = entry
            elif isinstance(entry, Account):
                self.state.accounts[account_key(entry.venue, entry.account)] = entry
        for key, order in self.state.orders.items():
            index(self.state, key, order)

    def take(self, topic: str, messages: Sequence[Consumed], *, at_end: bool) -> None:
        """Put the records of one batch through the core."""
        self.counts.taken[topic] += len(messages)
        venue = venue_of(topic)
        if venue is None:
            self._take_submissions(messages)
        else:
            self._take_frames(venue, messages)
        self._at_end[topic] = at_end if messages else True

    def finish(self) -> list[Record]:
        """End the round: look at what is due, and return all that is to be written."""
        out = self._out
        deadlines.expire(self.state, list(out.accounts), out, submitted_at_end=self._submitted_at_end)
        self._write(out)
        self._write_rest(out)
        records, self._records, self._out = self._records, [], Outcome()
        return records

    def tick(self, now_ns: int) -> bool:
        """Look at what only a clock can tell, and say whether there is something to write."""
        out = self._out
        if self._frames_at_end and self._submitted_at_end:
            deadlines.expire_on_clock(self.state, now_ns, out)
        # What waits for the submitted side to be read to its end waits for no further frame.
        for key in self.state.waiting:
            out.accounts[key] = self.state.accounts[key]
        return bool(out.orders or out.accounts or out.unmatched or out.feeds)

    @property
    def _submitted_at_end(self) -> bool:
        return self._at_end.get(topics.SUBMITTED.name, False)

    @property
    def _frames_at_end(self) -> bool:
        return all(self._at_end.get(topics.frames_topic(venue).name, False) for venue in self._mappings)

    def _take_submissions(self, messages: Sequence[Consumed]) -> None:
        for start in range(0, len(messages), _CHUNK):
            read: list[tuple[int, Submission]] = []
            for message in messages[start : start + _CHUNK]:
                try:
                    submission = self._read_submission(message.value())
                    if not self._rekey(message, submission):
                        read.append((message.offset(), submission))
                except MappingError as error:
                    self._bury(message, error, "submission")
            for offset, submission in read:
                origin = Origin(topics.SUBMITTED.name, self.number, offset, submission.phase_ns, _GATEWAY)
                on_submission(self.state, submission, origin, self._out)

    def _rekey(self, message: Consumed, submission: Submission) -> bool:
        """Send a submission that lies in another partition than its account's to where it belongs."""
        identity = (submission.venue, submission.account)
        key = self._right_keys.get(identity)
        if key is None:
            key = self._right_keys[identity] = account_key(*identity).encode()
        if message.key() == key and (
            identity in self._homes or murmur2_partition(key, self._partitions) == self.number
        ):
            self._homes.add(identity)
            return False
        headers = message.headers() or []
        if any(name == _REKEYED for name, _ in headers):
            raise MappingError("key", message.key(), f"it lies in partition {self.number} again, and belongs elsewhere")
        if len(message.value() or b"") > MAX_RECORD_BYTES - HEADROOM_BYTES:
            raise MappingError(
                "key", message.key(), f"it lies in partition {self.number}, and is too large to be moved"
            )
        self.counts.rekeyed += 1
        self._records.append((topics.SUBMITTED.name, message.value(), key, -1, [*headers, (_REKEYED, b"1")]))
        return True

    def _take_frames(self, venue: str, messages: Sequence[Consumed]) -> None:
        for start in range(0, len(messages), _CHUNK):
            self._take_chunk(venue, messages[start : start + _CHUNK])

    def _take_chunk(self, venue: str, messages: Sequence[Consumed]) -> None:
        """Take some records step by step: each step over all of them, which is half as long as record by record."""
        named: list[tuple[Consumed, Headers, str]] = []
        for message in messages:
            try:
                headers, key = self._headers.read(message.headers())
                named.append((message, headers, key))
            except HeaderError as error:
                self._bury(message, error, "frame")
        read: list[_Read] = []
        for message, headers, key in named:
            if headers[3] == _FRAME:
                read.append((message.offset(), headers, key, self._reports(venue, message, headers)))
                continue
            # What the others say depends on what was told before them.
            self._join(venue, read, _STREAM)
            read = []
            if headers[3] == _SNAPSHOT:
                self._asked = key
                snapshot = (message.offset(), headers, key, self._reports(venue, message, headers))
                self._join(venue, [snapshot], _RECONCILIATION)
            else:
                self._take_marker(venue, message, FrameHeaders(*headers))
        self._join(venue, read, _STREAM)

    def _reports(self, venue: str, message: Consumed, headers: Headers) -> Sequence[Report]:
        try:
            return self._mappings[venue](message.value() or b"", headers[2], headers[1], self._order_qty)
        except MappingError as error:
            self._bury(message, error, "frame")
            return error.reports

    def _join(self, venue: str, read: list[_Read], source: Source) -> None:
        state, out, number, topic = self.state, self._out, self.number, topics.frames_topic(venue).name
        for offset, headers, _, reports in read:
            origin = Origin(topic, number, offset, headers[6], source)
            at = 0
            for report in reports:
                at = on_report(state, venue, report, origin, out, at)
        for _, headers, key, _ in read:
            account = feeds.account_of(state, key, venue, headers[1])
            # An answer over REST doesn't say how far the stream was heard.
            heard_ns = headers[6] if source is _STREAM else 0
            if feeds.hear(key, account, headers[4], headers[5], heard_ns, out):
                self.counts.missing[venue] += 1
        self._write_executions(out)

    def _take_marker(self, venue: str, message: Consumed, headers: FrameHeaders) -> None:
        try:
            marker = read_marker(message.value() or b"{}")
        except UNREADABLE as error:
            self._bury(message, MappingError("marker", message.value(), str(error)), "frame")
            marker = Marker()
            if headers.kind == Kind.RECONCILED:
                # What could not be read there isn't known: it says no more than that the feed lives.
                headers = headers._replace(kind=Kind.HEARTBEAT)
        topic = topics.frames_topic(venue).name
        origin = Origin(topic, self.number, message.offset(), headers.received_ns, _STREAM)
        feeds.on_marker(self.state, headers, marker.feed, marker.reason, origin, self._out, marker.unread)

    def _order_qty(self, request_id: str | None, name: str | None) -> Decimal | None:
        orders, names = self.state.orders, self.state.aliases.get(self._asked, {})
        order = orders.get(request_id or "") or orders.get(names.get(name or "", ""))
        return order.terms.order_qty if order is not None else None

    def _bury(self, message: Consumed, error: Exception, stage: str) -> None:
        self.counts.dead_letters[message.topic()] += 1
        self._records.append(dead_letter(message, error, stage))

    def _write_executions(self, out: Outcome) -> None:
        """Encode the executions at once: what a record made is still at hand then, in the processor's caches too."""
        encode, records = self._encoders.execution, self._records
        self.counts.executions += len(out.executions)
        for terms, event in out.executions:
            encoded = event.encoded = encode(terms, event)
            event.encoded_terms = terms
            records.append((_EXECUTIONS, encoded, terms.order_request_id, -1, None))
        out.executions.clear()

    def _write(self, out: Outcome) -> None:
        self._write_executions(out)
        records, encoders = self._records, self._encoders
        for key, order in out.orders.items():
            if order is None:
                records.append((_STATE, None, f"o:{key}", self.number, None))
                continue
            last = order.last
            if last is not None:
                encoded = last.encoded
                if encoded is None or last.encoded_terms is not order.terms:
                    encoded = encoders.execution(order.terms, last)
                records.append((_LATEST, encoders.latest(encoded), key, -1, None))
                for event in (last, *order.unjoined):
                    event.encoded = event.encoded_terms = None
                if joined(order):
                    # It would only be told again if its other side came.
                    order.last = None
            if order.ended_ns:
                order.terms.encoded = None  # there is little to be told of it any more
            records.append((_STATE, encode_state(order), f"o:{key}", self.number, None))

    def _write_rest(self, out: Outcome) -> None:
        records, encoders = self._records, self._encoders
        for key in out.absorbed:
            records.append((_LATEST, None, key, -1, None))
        for account_name, account in out.accounts.items():
            records.append((_STATE, encode_state(account), f"a:{account_name}", self.number, None))
        for unmatched in out.unmatched:
            key = unmatched.order_request_id
            self.counts.unmatched[unmatched.venue, unmatched.reason, unmatched.status] += 1
            records.append((topics.UNMATCHED.name, encoders.unmatched(unmatched), key, -1, None))
        for status in out.feeds:
            key = account_key(status.venue, status.account)
            records.append((topics.FEEDS_STATUS.name, encoders.feed_status(status), key, -1, None))
