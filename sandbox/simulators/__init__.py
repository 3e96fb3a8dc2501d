"""One file a venue: a simulator that speaks its exact protocol on real sockets."""
