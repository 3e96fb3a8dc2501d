"""Order entry at Outpoll over REST: limit and market orders, take-profit / stop-loss orders, and what can be asked.

`gateway` sends and journals, `queries` reads, `requests` and `answers` say what goes over the wire and what
comes back, `errors` what a refusal means, and `states` are the typed answers of queries.
"""

from producers.gateways.outpoll.gateway import OutpollGateway
from producers.gateways.outpoll.queries import OutpollQueries

__all__ = ["Gateway", "OutpollGateway", "OutpollQueries", "Queries"]

# By these names they are found in the module of their venue.
Gateway = OutpollGateway
Queries = OutpollQueries
