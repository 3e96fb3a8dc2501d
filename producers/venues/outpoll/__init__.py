"""Outpoll: order updates and the order feed over WebSocket, and the history service to reconcile with.

`settings` say where the venue is, and `signing` how calls to it are signed.
"""

from producers.venues.outpoll.settings import VenueSettings

__all__ = ["VenueSettings"]
