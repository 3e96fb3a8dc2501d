"""Order entry at T-Invest over REST: every unary call of OrdersService and StopOrdersService, and GetAccounts.

`gateway` sends and journals, `queries` reads, `requests` and `answers` say what goes over the wire and
what comes back, `states` are the typed answers of queries, `words` the venue's words beside FIX's.
"""

from producers.gateways.tinvest.answers import read_answer
from producers.gateways.tinvest.gateway import TInvestGateway
from producers.gateways.tinvest.queries import TInvestQueries
from producers.gateways.tinvest.requests import post_order_body

__all__ = ["Gateway", "Queries", "TInvestGateway", "TInvestQueries", "post_order_body", "read_answer"]

# By these names they are found in the module of their venue.
Gateway = TInvestGateway
Queries = TInvestQueries
