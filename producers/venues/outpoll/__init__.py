"""Outpoll: order updates and the order feed over WebSocket, and the history service to reconcile with.

`settings` say where the venue is, `signing` how calls to it are signed, `clock` whether ours is off, `feed` is what
`producers.feeds` asks of it, `meanings` are its refusals, and `snapshots` the calls of the reconciler.
"""

from producers.venues.outpoll.feed import OrderFeed, VenueFeed
from producers.venues.outpoll.settings import VenueSettings

__all__ = ["AUXILIARY", "OrderFeed", "VenueFeed", "VenueSettings"]

# Streams beside the one that the accounts are heard by.
AUXILIARY = (OrderFeed,)
