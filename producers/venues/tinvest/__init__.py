"""T-Invest: the order-state stream over WebSocket, and GetOrders, GetOrderState and GetStopOrders to reconcile with.

`settings` say where the venue is, `feed` is what `producers.feeds` asks of it, `meanings` are its
refusals, and `snapshots` the calls of the reconciler.
"""

from producers.venues.tinvest.feed import VenueFeed
from producers.venues.tinvest.settings import VenueSettings, rest_headers

__all__ = ["VenueFeed", "VenueSettings", "rest_headers"]
