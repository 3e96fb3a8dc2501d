"""What comes out: readers of the results."""
