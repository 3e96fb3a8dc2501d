"""The journal of order entry: records of `orders.submitted`, acknowledged before an order is sent.

One idempotent producer that never gives a record up writes all of it, so the records of an account
keep their order. A thread serves its callbacks; each acknowledgement wakes the coroutine that waits
for it, so that many orders can be under way at once.
"""

import asyncio
import threading
from types import TracebackType
from typing import Any, Self

from confluent_kafka import KafkaError, KafkaException, Message, Producer
from prometheus_client import Counter
from tenacity import AsyncRetrying, retry_if_exception_type, wait_exponential_jitter, wait_fixed

from dropcopy.errors import ClusterError
from dropcopy.kafka import producer_config
from dropcopy.logs import get_logger
from dropcopy.registry import AvroWriter, schema_ids
from dropcopy.settings import Settings
from dropcopy.trouble import Trouble
from producers.gateways.settings import GatewaySettings
from schemas.topics import SUBMITTED, account_key

__all__ = ["Journal"]

_log = get_logger(__name__)

JOURNALED = Counter(
    "dropcopy_gateway_journaled",
    "Records of requests that Kafka acknowledged or refused, by the phase of the request.",
    ["venue", "phase", "result"],
)

# What may wait for Kafka: at some 500 bytes each it is a few MB.
MOST_WAITING = 10_000
CLOSE_TIMEOUT_S = 10.0


class Journal:
    """Writes submitted records; an async context manager.

    Entering it asks the registry and the broker, so that a start without them fails at once. With
    `best_effort` it starts without them too, drops records (each with a log line) until they answer.

    Raises on entering:
        ClusterError: the broker, the registry, the topic or its schema is not there.
    """

    def __init__(self, settings: Settings, gateway: GatewaySettings) -> None:
        self._settings = settings
        self._required = gateway.journal == "required"
        self._timeout_s = gateway.journal_timeout_s
        self._trouble = Trouble("journal")
        self._writer: AvroWriter | None = None
        self._producer: Producer | None = None
        self._stopping = threading.Event()
        self._poller: threading.Thread | None = None
        self._background: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        try:
            await asyncio.to_thread(self._open)
        except ClusterError as error:
            if self._required:
                raise
            _log.error("journal_away", reason=error.message, kept="nothing, until it is there")
            self._run(self._open_later())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.close()

    def _open(self) -> None:
        writer = AvroWriter(SUBMITTED.record or "", schema_ids(self._settings, [SUBMITTED])[SUBMITTED.name])
        properties = producer_config(self._settings, linger_ms=0, queue_buffering_max_messages=MOST_WAITING)
        producer = Producer(properties | self._trouble.properties())
        try:
            known = producer.list_topics(timeout=self._timeout_s).topics
        except KafkaException as error:
            raise ClusterError(
                f"no Kafka broker answers at {self._settings.bootstrap_servers} ({error.args[0].str()})",
                hint="No order can be sent. Start one (`dropcopy sandbox up`), or set DROPCOPY_BOOTSTRAP_SERVERS.",
            ) from None
        if SUBMITTED.name not in known:
            raise ClusterError(
                f"the topic {SUBMITTED.name} is missing at {self._settings.bootstrap_servers}",
                hint="No order can be sent. Run `dropcopy topics create`.",
            )
        self._poller = threading.Thread(target=self._poll, args=(producer,), name="journal", daemon=True)
        self._poller.start()
        self._writer, self._producer = writer, producer

    async def _open_later(self) -> None:
        async for attempt in AsyncRetrying(
            retry=retry_if_exception_type(ClusterError), wait=wait_exponential_jitter(max=30)
        ):
            with attempt:
                await asyncio.to_thread(self._open)
        _log.info("journal_back")

    def _poll(self, producer: Producer) -> None:
        while not self._stopping.is_set():
            producer.poll(0.2)

    async def write(self, record: dict[str, Any]) -> None:
        """Write an intent, and return once the broker has it; with `best_effort`, at once.

        Raises:
            ClusterError: the broker did not acknowledge it in time. It stays in the producer's queue
                and may yet arrive, so what follows from this must be written after it.
        """
        if not self._required:
            self.write_behind(record)
            return
        try:
            acknowledged = self._produce(record)
        except BufferError:
            raise _not_journaled(record, f"{MOST_WAITING} records wait for Kafka already") from None
        except KafkaException as error:  # refused before it is queued: too large, or the producer can go on no more
            raise _not_journaled(record, error.args[0].str()) from None
        try:
            # Not wait_for, which until Python 3.12 drops a cancel that comes with the acknowledgement.
            async with asyncio.timeout(self._timeout_s):
                await acknowledged
        except TimeoutError:
            reason = f"{self._settings.bootstrap_servers} did not acknowledge it within {self._timeout_s:g} s"
            raise _not_journaled(record, reason) from None
        except KafkaException as error:
            raise _not_journaled(record, error.args[0].str()) from None

    def write_behind(self, record: dict[str, Any]) -> None:
        """Write a record in the background, for as long as it takes; one given up is logged.

        Given up are those that the broker refuses for good, and those that come while the producer's
        queue is full and as many again wait for room in it.
        """
        if self._producer is None:
            _given_up(record, "the journal is away")
        elif len(self._background) >= 2 * MOST_WAITING:
            _given_up(record, f"{2 * MOST_WAITING} records wait for Kafka already")
        else:
            self._run(self._write_behind(record))

    async def _write_behind(self, record: dict[str, Any]) -> None:
        try:
            async for attempt in AsyncRetrying(retry=retry_if_exception_type(BufferError), wait=wait_fixed(0.1)):
                with attempt:
                    acknowledged = self._produce(record)
            await acknowledged
        except KafkaException as error:
            _given_up(record, error.args[0].str())

    def _run(self, work: Any) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._background.add(task)
        task.add_done_callback(self._background.discard)

    def _produce(self, record: dict[str, Any]) -> asyncio.Future[None]:
        """Queue a record; the future ends with the broker's word on it. Raises BufferError when the queue is full."""
        if self._producer is None or self._writer is None:
            raise RuntimeError("the journal is not open")
        loop = asyncio.get_running_loop()
        acknowledged: asyncio.Future[None] = loop.create_future()

        def settle(error: KafkaError | None) -> None:
            settled = JOURNALED.labels(record["venue"], record["phase"], "acknowledged")
            # Asked for beside it, so that it begins with 0: an increase from nothing to 1 is none to Prometheus.
            refused = JOURNALED.labels(record["venue"], record["phase"], "refused")
            (refused if error else settled).inc()
            if acknowledged.done():
                return
            if error is None:
                acknowledged.set_result(None)
            else:
                acknowledged.set_exception(KafkaException(error))

        def delivered(error: KafkaError | None, message: Message) -> None:
            if error is None:
                self._trouble.over()
            loop.call_soon_threadsafe(settle, error)

        key = account_key(record["venue"], record["account"])
        self._producer.produce(SUBMITTED.name, self._writer(record), key, on_delivery=delivered)
        return acknowledged

    async def close(self) -> None:
        """Wait for what is still on its way, for a while; log what did not arrive."""
        if self._background and self._producer is not None:
            await asyncio.wait(self._background, timeout=CLOSE_TIMEOUT_S)
        for task in list(self._background):
            task.cancel()
        self._stopping.set()
        if self._poller is not None:
            await asyncio.to_thread(self._poller.join)
        if self._producer is not None and (left := len(self._producer)):
            _log.error("journal_closed_with_records_left", records=left)
            self._producer.purge()
            self._producer.flush(0)


def _given_up(record: dict[str, Any], reason: str) -> None:
    facts = {name: record[name] for name in ("order_request_id", "account", "phase")}
    _log.error("not_journaled", reason=reason, **facts)


def _not_journaled(record: dict[str, Any], reason: str) -> ClusterError:
    return ClusterError(
        f"the request {record['order_request_id']} was not sent, for its intent could not be journaled: {reason}",
        hint="Check Kafka. DROPCOPY_JOURNAL=best_effort would send orders without a journal.",
    )
