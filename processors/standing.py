"""How a worker stands at a moment, for Prometheus: looked up when it is asked for. docs/metrics.md lists all of it."""

from collections.abc import Callable, Iterable, Mapping

from faust.types import TP
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from processors.shard import Shard
from schemas.fix import FeedState

__all__ = ["Standing"]


class Standing(Collector):
    """How a worker stands at the moment, looked up from another thread than the worker's.

    `lags` gives how many records of each partition are not taken yet.
    """

    def __init__(self, shards: Mapping[int, Shard], lags: Callable[[], Mapping[TP, int]]) -> None:
        self._shards = shards
        self._lags = lags

    @staticmethod
    def families() -> dict[str, GaugeMetricFamily]:
        """Return the metrics, without values, by the last word of their names."""
        given: dict[str, tuple[str, list[str]]] = {
            "lag_records": (
                "Records of a partition that are not taken yet; the end is known a second late.",
                ["topic", "partition"],
            ),
            "watermark_timestamp_seconds": (
                "Up to which Unix time the account's feeds have told all they heard.",
                ["venue", "account"],
            ),
            "feed_up": (
                "1 while a feed of the account is up, by what is on its topic.",
                ["venue", "account"],
            ),
            "orders": ("Orders in memory.", []),
            "partitions": ("Partitions that the worker owns, each of all input topics.", []),
        }
        return {
            name: GaugeMetricFamily(f"dropcopy_processor_{name}", text, labels=labels)
            for name, (text, labels) in given.items()
        }

    def describe(self) -> Iterable[Metric]:
        """Return the metrics without values."""
        return self.families().values()

    def collect(self) -> Iterable[Metric]:
        """Return the metrics with their values now."""
        families = self.families()
        for tp, lag in self._lags().items():
            families["lag_records"].add_metric([tp.topic, str(tp.partition)], lag)
        shards = list(self._shards.values())
        for account in [account for shard in shards for account in list(shard.state.accounts.values())]:
            names = [account.venue, account.account]
            families["watermark_timestamp_seconds"].add_metric(names, account.watermark_ns / 1e9)
            families["feed_up"].add_metric(names, float(account.state is FeedState.UP))
        families["orders"].add_metric([], sum(len(shard.state.orders) for shard in shards))
        families["partitions"].add_metric([], len(shards))
        return families.values()
