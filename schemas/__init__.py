"""The contract: what is on which topic, under which key, in which form.

Nothing here does I/O beyond reading its own files, and nothing here imports another package of the
project, so that every side can depend on it.
"""
