"""One folder a venue: its frames as reports in the core's words."""
