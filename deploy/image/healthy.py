#!/usr/bin/env -S python3 -I -S
"""Exit status 0 when an address answers with status 200, 1 otherwise: a container's health check.

    healthy [URL]    by default the role's own /readyz, of each of its processes

It runs every few seconds in every container, so it imports next to nothing.
"""

import os
import socket
import sys

TIMEOUT_S = 2


def answers(url: str) -> bool:
    """Tell whether a GET of `http://host:port/path` is answered with 200."""
    place, _, path = url.removeprefix("http://").partition("/")
    host, _, port = place.partition(":")
    try:
        with socket.create_connection((host, int(port or 80)), TIMEOUT_S) as connection:
            connection.sendall(f"GET /{path} HTTP/1.0\r\nHost: {host}\r\n\r\n".encode())
            status = connection.makefile("rb").readline().split()
    except (OSError, ValueError) as error:
        sys.stdout.write(f"{url}: {error}\n")
        return False
    sys.stdout.write(f"{url}: {b' '.join(status).decode(errors='replace')}\n")
    return status[1:2] == [b"200"]


def own() -> list[str]:
    """Return the addresses at which the container's role answers."""
    first = int(os.environ.get("DROPCOPY_METRICS_PORT", "9464"))
    count = int(os.environ.get("DROPCOPY_PROCESSES", "1"))
    return [f"http://127.0.0.1:{port}/readyz" for port in range(first, first + count)]


if __name__ == "__main__":
    sys.exit(not all(answers(url) for url in sys.argv[1:2] or own()))
