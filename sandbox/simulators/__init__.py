"""One folder a venue: a simulator that speaks its exact protocol on real sockets.

The modules beside them are what simulators of all venues share; a venue's folder holds what is only its own.
"""
