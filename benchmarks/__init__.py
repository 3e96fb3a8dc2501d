"""Measurements, as commands: each runs the real program on a real broker and prints what it found."""
