"""One folder a venue: its addresses, its hand-shake, what its frames and refusals mean to a feed."""
