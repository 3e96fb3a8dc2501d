"""What goes in: feeds that record what a venue tells, gateways that journal what it is asked."""
