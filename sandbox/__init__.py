"""The whole system on one machine: a real broker and registry, venue simulators, the demo."""
