"""A Ripio Trade that runs on this machine: the exchange and its JSON, which are pure, and its sockets.

Its controls are HTTP calls with JSON under `/control`; what can't be done is answered with 400 and
`{"error": ...}`:

| call | what it does |
|---|---|
| `GET orders` | the ledger: all that the venue took, as it stands |
| `GET calls` | the newest REST calls: what was asked, and how each ended |
| `GET balances` | what each account has |
| `GET stats` | counts of connections, calls, messages, and faults still to come |
| `POST faults` | lets something go wrong: `{"fault": name, ...}`, see `faults` |
| `GET`, `POST limits` | how often each user may call: `none`, `1`, `3.5`, or see `limits` |
| `GET`, `POST prices` | `{"pair", "price"}` moves a price, which triggers the orders that wait for it |
| `POST orders` | `{"action": "place", "fill", "cancel" or "trigger", ...}`, see `controls` |
"""

from sandbox.simulators.ripio.server import Simulator

__all__ = ["Simulator"]
