"""Order entry at Ripio Trade over REST: all of its calls for orders, and the trades.

`gateway` sends and journals, `queries` reads, `requests` and `answers` say what goes over the wire and
what comes back, `states` are the typed answers of queries, `words` the venue's words beside FIX's.
"""

from producers.gateways.ripio.gateway import RipioGateway
from producers.gateways.ripio.queries import RipioQueries

__all__ = ["Gateway", "Queries", "RipioGateway", "RipioQueries"]

# By these names they are found in the module of their venue.
Gateway = RipioGateway
Queries = RipioQueries
