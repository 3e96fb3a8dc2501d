"""Ripio Trade: order_status, user_trades and balance over WebSocket, and its order lists to reconcile with.

`settings` say where the venue is, `signing` how calls to it are signed, `feed` is what `producers.feeds`
asks of it, `errors` are its refusals, `limits` its rate of calls, and `snapshots` the reconciler's calls.
"""

from producers.venues.ripio.feed import VenueFeed
from producers.venues.ripio.settings import VenueSettings

__all__ = ["VenueFeed", "VenueSettings"]
