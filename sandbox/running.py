"""How a part of the sandbox that runs on asyncio learns that it shall end."""

import asyncio
import signal

__all__ = ["stop_event"]


def stop_event() -> asyncio.Event:
    """Return an event that SIGTERM or SIGINT sets, from now on instead of ending the process."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    return stop
