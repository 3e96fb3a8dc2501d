"""What a feed counts, for Prometheus."""

from prometheus_client import Counter, Gauge

__all__ = [
    "CONNECTIONS_ENDED",
    "DELIVERED",
    "QUEUE_BYTES",
    "QUEUE_RECORDS",
    "RECONCILED",
    "RECORDS",
    "UNREADABLE",
    "UP",
    "WATERMARK",
]

RECORDS = Counter("dropcopy_feed_records", "Records handed to Kafka's producer.", ["venue", "kind"])
DELIVERED = Counter("dropcopy_feed_delivered", "Records that Kafka has acknowledged.", ["venue"])
QUEUE_RECORDS = Gauge("dropcopy_feed_queue_records", "Records that wait for Kafka's acknowledgement.", ["venue"])
QUEUE_BYTES = Gauge("dropcopy_feed_queue_bytes", "Bytes that wait for Kafka's acknowledgement.", ["venue"])
UP = Gauge("dropcopy_feed_up", "1 while the venue has confirmed the subscription of the account.", ["venue", "account"])
WATERMARK = Gauge(
    "dropcopy_feed_watermark_timestamp_seconds",
    "Up to which Unix time the feed has recorded all that it heard of the account.",
    ["venue", "account"],
)
UNREADABLE = Counter("dropcopy_feed_unreadable", "Messages recorded that the feed could not read.", ["venue"])
CONNECTIONS_ENDED = Counter(
    "dropcopy_feed_connections_ended", "Connections and attempts at one that ended, by reason.", ["venue", "reason"]
)
RECONCILED = Counter("dropcopy_feed_reconciled", "Readings of an account's state over REST.", ["venue", "result"])
