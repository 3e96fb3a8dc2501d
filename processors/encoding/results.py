"""Results as they are written: Confluent-framed Avro, the fields in the schema's order."""

from collections.abc import Mapping

from processors.core.model import Event, FeedStatus, Terms, Unmatched
from processors.encoding.avro import (
    boolean,
    decimal,
    long,
    optional_decimal,
    optional_text,
    optional_time,
    optional_word,
    prefix,
    quotient,
    text,
    time,
    word,
)
from schemas import topics

__all__ = ["Encoders"]


class Encoders:
    """Writes results as Confluent-framed Avro. `schema_ids` maps topic names to the registry's ids."""

    def __init__(self, schema_ids: Mapping[str, int]) -> None:
        self._ids = {name: prefix(number) for name, number in schema_ids.items()}
        self._execution = self._ids[topics.EXECUTIONS.name]
        self._latest = self._ids[topics.LATEST.name]

    def execution(self, terms: Terms, event: Event) -> bytes:
        """Return a record of `orders.executions`."""
        # An order's terms seldom change, so their encoding is kept beside them.
        encoded = terms.encoded
        if encoded is None:
            encoded = terms.encoded = _terms(terms)
        return _execution(self._execution, encoded, event)

    def latest(self, execution: bytes) -> bytes:
        """Return the record of `orders.latest` that says the same as one of `orders.executions`."""
        return execution if self._latest == self._execution else self._latest + execution[5:]

    def unmatched(self, record: Unmatched) -> bytes:
        """Return a record of `orders.unmatched`."""
        return self._ids[topics.UNMATCHED.name] + _unmatched(record)

    def feed_status(self, record: FeedStatus) -> bytes:
        """Return a record of `feeds.status`."""
        return self._ids[topics.FEEDS_STATUS.name] + _feed_status(record)


def _terms(terms: Terms) -> bytes:
    return b"".join(
        (
            text(terms.order_request_id),
            word(terms.venue),
            word(terms.account),
            optional_word(terms.instrument),
            optional_word(terms.symbol),
            optional_word(terms.side),
            optional_word(terms.ord_type),
            optional_word(terms.time_in_force),
            optional_decimal(terms.price),
            optional_word(terms.currency),
            optional_decimal(terms.submitted_quantity),
            optional_time(terms.submitted_ns),
            optional_decimal(terms.order_qty),
            optional_decimal(terms.stop_price),
            optional_time(terms.expire_ns),
            optional_text(terms.replaces),
            optional_text(terms.replaced_by),
            optional_text(terms.triggers),
            optional_text(terms.triggered_by),
            optional_decimal(terms.cash_order_qty),
            optional_decimal(terms.take_profit_price),
        )
    )


def _execution(prefix: bytes, terms: bytes, event: Event) -> bytes:
    exec_id = text(event.exec_id)
    return b"".join(
        (
            prefix,
            terms,
            optional_text(event.venue_order_id),
            word(event.ord_status),
            word(event.exec_type),
            decimal(event.cum_qty),
            optional_decimal(event.leaves_qty),
            quotient(event.avg_px),
            optional_decimal(event.last_qty),
            optional_decimal(event.last_px),
            optional_text(event.trade_id),
            optional_word(event.text),
            optional_word(event.venue_status),
            optional_time(event.transact_ns),
            time(event.received_ns),
            word(event.join_status),
            optional_word(event.unmatched_reason),
            boolean(event.late),
            long(event.revision),
            word(event.source),
            exec_id,
            exec_id if event.event_id is event.exec_id else text(event.event_id),
            word(event.raw_topic),
            long(event.raw_partition),
            long(event.raw_offset),
            optional_text(event.change_request_id),
            optional_decimal(event.commission),
            optional_word(event.commission_currency),
            optional_word(event.last_liquidity_ind),
        )
    )


def _unmatched(record: Unmatched) -> bytes:
    return b"".join(
        (
            text(record.order_request_id),
            word(record.venue),
            word(record.account),
            word(record.status),
            word(record.reason),
            long(record.revision),
            boolean(record.late),
            text(record.detail),
            optional_text(record.venue_order_id),
            optional_word(record.ord_status),
            time(record.since_ns),
            time(record.decided_ns),
            optional_time(record.submitted_ns),
            text(record.event_id),
        )
    )


def _feed_status(record: FeedStatus) -> bytes:
    return b"".join(
        (
            word(record.venue),
            word(record.account),
            word(record.status),
            time(record.since_ns),
            long(record.connections),
            optional_word(record.reason),
            optional_time(record.gap_from_ns),
            optional_time(record.gap_to_ns),
            optional_time(record.reconciled_ns),
            text(record.event_id),
        )
    )
