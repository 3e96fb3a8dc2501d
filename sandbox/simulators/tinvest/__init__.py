"""A T-Invest that runs on this machine: the exchange (pure), its JSON (pure), its sockets."""
