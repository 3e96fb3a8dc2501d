"""Runs `dropcopy …` as a process, beside the simulator that runs in this one."""

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, NamedTuple

from sandbox.simulators.tinvest import TInvestSimulator
from sandbox.stack import Stack

__all__ = ["CommandLine", "Result"]


class Result(NamedTuple):
    status: int | None
    out: str
    err: str

    def json(self) -> Any:
        """Return the one JSON object that was printed."""
        return json.loads(self.out)

    def lines(self) -> list[Any]:
        """Return the JSON objects that were printed, one a line."""
        return [json.loads(line) for line in self.out.splitlines()]


class CommandLine:
    def __init__(self, stack: Stack, simulator: TInvestSimulator) -> None:
        self.environment = stack.environment | {
            "DROPCOPY_TINVEST_TOKEN": simulator.token,
            "DROPCOPY_TINVEST_ACCOUNTS": ",".join(simulator.accounts),
            "DROPCOPY_TINVEST_REST_URL": simulator.rest_url,
            "DROPCOPY_JOURNAL_TIMEOUT_S": "2",
            "DROPCOPY_ORDER_TIMEOUT_S": "1",
            "DROPCOPY_ORDER_SETTLE_TIMEOUT_S": "1",
            "DROPCOPY_QUERY_TIMEOUT_S": "2",
        }

    async def __call__(
        self,
        *words: str,
        options: Mapping[str, str] | None = None,
        environment: Mapping[str, str | None] | None = None,
        out: int = asyncio.subprocess.PIPE,
        meanwhile: Callable[[asyncio.subprocess.Process], Awaitable[None]] | None = None,
    ) -> Result:
        """Run a command with options by name; None takes a name out of the environment.

        `out` is where its standard output goes, `meanwhile` is awaited while it runs.
        """
        named = [part for pair in (options or {}).items() for part in pair]
        changed = self.environment | dict(environment or {})
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", "from dropcopy.cli import main; main()", *words, *named),
            env={name: value for name, value in changed.items() if value is not None},
            stdout=out,
            stderr=asyncio.subprocess.PIPE,
        )
        try:
            async with asyncio.timeout(60):
                if meanwhile is not None:
                    await meanwhile(process)
                told, err = await process.communicate()
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        return Result(process.returncode, (told or b"").decode(), err.decode())
