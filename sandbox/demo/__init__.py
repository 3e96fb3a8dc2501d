"""The demo: all parts on this machine, things that go wrong on purpose, and an account of every order."""
