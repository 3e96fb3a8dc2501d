"""The sandbox's commands, one file each: `simulate.py` holds the function `simulate`.

A command is found by its file, so adding one edits nothing else. These files are read whenever
`dropcopy` starts, so what is heavy is imported inside the function.
"""
