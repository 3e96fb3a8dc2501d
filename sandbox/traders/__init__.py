"""What the demo trader sends to each venue, and what may come of it, one file each.

A file offers functions of an account or an order, and a source of chance:

| function | returns |
|---|---|
| `random_order(account, random)` | an order such as a strategy might send, mostly a limit order near the market |
| `random_terms(order, random)` | another quantity and price for a limit order; absent where none is changed |
| `random_stop_order(account, random)` | a stop order; absent where the venue has none beside its orders |

`STATES` are the words of the simulated venue's ledgers, with every OrdStatus that is right for each: what a
demo holds the results against. `SETTINGS`, where there are any, are the venue's settings in a demo.
"""
