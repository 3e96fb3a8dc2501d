#!/bin/sh
# Runs a Python program with the first Python of this machine that is new enough and can make virtual
# environments: PYTHON if it is set, else this checkout's own, else what is found by name.
# Each is tried by running it, because a name can be there without a Python behind it (pyenv's shims).
set -u

new_enough='import sys; sys.exit(sys.version_info < (3, 11))'
complete="$new_enough; import ensurepip, venv"
incomplete=

for python in ${PYTHON:-.venv/bin/python python3.13 python3.12 python3.11 python3 python}; do
    if "$python" -c "$complete" 2>/dev/null; then
        exec "$python" "$@"
    elif "$python" -c "$new_enough" 2>/dev/null; then
        incomplete=${incomplete:-$python}
    fi
done

if [ -n "$incomplete" ]; then
    version=$("$incomplete" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
    echo "missing: $incomplete has no venv module; on Debian and Ubuntu: apt install python$version-venv" >&2
elif [ -n "${PYTHON:-}" ]; then
    echo "missing: PYTHON=$PYTHON is no working Python 3.11 or newer" >&2
else
    echo "missing: Python 3.11 or newer; install it, or name it: make PYTHON=/path/to/python3" >&2
fi
exit 1
