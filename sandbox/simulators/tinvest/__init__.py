"""A T-Invest that runs on this machine: the exchange and its JSON, which are pure, and its sockets.

Its controls are HTTP calls with JSON under `/control`; what can't be done is answered with 400 and
`{"error": ...}`:

| call | what it does |
|---|---|
| `GET orders`, `GET stop-orders` | the ledgers: all that the venue took, as it stands |
| `GET calls` | the newest REST calls: what was asked, and how each ended |
| `GET stats` | counts of connections, calls, messages, and faults still to come |
| `POST faults` | lets something go wrong: `{"fault": name, ...}`, see `faults` |
| `GET`, `POST limits` | how often each method may be called: `documented`, `none`, or see `limits` |
| `GET`, `POST prices` | `{"instrument", "price"}` moves a price, which triggers stop orders |
| `POST orders` | `{"action": "place", "fill" or "cancel", ...}`, see `controls` |
| `POST stop-orders` | `{"action": "trigger" or "expire", "account", "stop_order_id"}` |
"""

from sandbox.simulators.tinvest.server import TInvestSimulator

__all__ = ["Simulator", "TInvestSimulator"]

# By this name it is found.
Simulator = TInvestSimulator
