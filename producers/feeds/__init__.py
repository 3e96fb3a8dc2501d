"""Connections to venues: their life cycle (pure) and the shell that runs it on real sockets."""
