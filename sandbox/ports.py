"""Free ports on the loopback interface."""

import socket
from collections.abc import Sequence
from contextlib import ExitStack

__all__ = ["HOST", "are_free", "free_ports"]

HOST = "127.0.0.1"


def free_ports(count: int) -> list[int]:
    """Return `count` different ports that are free now.

    Another program can still take one before it is used, so who starts a server on it has to be ready
    to come back for another.
    """
    with ExitStack() as held:
        # All are held at once, so that no two are the same.
        sockets = [held.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind((HOST, 0))
        return [one.getsockname()[1] for one in sockets]


def are_free(ports: Sequence[int]) -> bool:
    """Tell whether a server could listen on all of the ports now."""
    with ExitStack() as held:
        for port in ports:
            one = held.enter_context(socket.socket())
            # As servers do: connections of an earlier run that are still closing don't count.
            one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                one.bind((HOST, port))
            except OSError:
                return False
    return True
