"""Runs a simulated venue as a process of its own, until it is told to stop.

Every folder here is a venue's, and offers a class `Simulator`: an async context manager, made with the
options below, whose `environment` are the settings that lead to it and `control_url` its controls.
"""

import asyncio
import ssl
from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from typing import Any, Protocol, Self

import typer

import sandbox.simulators
from dropcopy.errors import UsageError
from sandbox.ports import HOST
from sandbox.running import stop_event
from sandbox.simulators.limits import LimitsError

__all__ = ["Simulated", "read_accounts", "run_simulator", "simulator_names", "simulator_of"]


class Simulated(Protocol):
    """A simulated venue, as it is run."""

    port: int
    accounts: list[str]

    @property
    def environment(self) -> Mapping[str, str]:
        """The settings that lead to it, its made-up credentials included."""

    @property
    def control_url(self) -> str:
        """What `/orders`, `/faults` and the other controls are appended to."""

    async def __aenter__(self) -> Self: ...
    async def __aexit__(self, *exc: Any) -> None: ...


def simulator_names() -> list[str]:
    """Return the venues that can be simulated."""
    return sorted(module.name for module in iter_modules(sandbox.simulators.__path__) if module.ispkg)


def simulator_of(venue: str) -> Any:
    """Return the class that simulates a venue.

    Raises:
        UsageError: there is none.
    """
    if venue not in simulator_names():
        raise UsageError(
            f"there is no simulator of {venue!r}", hint=f"There is one of: {', '.join(simulator_names())}."
        )
    return import_module(f"sandbox.simulators.{venue}").Simulator


def run_simulator(
    venue: str,
    *,
    port: int,
    accounts: str,
    seed: int | None,
    speed: float,
    certificate: Path | None,
    key: Path | None,
    limits: str = "none",
    host: str = HOST,
    secrets: Path | None = None,
) -> None:
    """Simulate `venue` until SIGTERM or SIGINT; print the settings that lead to it when it is ready.

    `secrets` is a folder with the venue's secrets, each in a file of its name (`tinvest_token`); without it
    they are made up.

    Raises:
        UsageError: there is no simulator of it, or an option can't be used.
    """
    made = simulator_of(venue)
    files = _secret_files(venue, secrets)
    try:
        simulator: Simulated = made(
            accounts=read_accounts(accounts, venue),
            credentials=tuple(read_secret(file) for file in files.values()) or None,
            host=host,
            port=port,
            seed=seed,
            speed=speed,
            limits=limits,
            tls=_tls(certificate, key),
        )
    except LimitsError as error:
        hint = "Give none, or documented where the venue's documents tell any."
        raise UsageError(f"--limits {limits!r} can't be used: {error}", hint=hint) from None
    asyncio.run(_serve(simulator, files))


def _secret_files(venue: str, folder: Path | None) -> dict[str, Path]:
    """Return the file of each of a venue's secrets, by the name of its setting."""
    if folder is None:
        return {}
    settings = import_module(f"producers.venues.{venue}").VenueSettings
    secrets = [field for field in settings.model_fields if settings.is_secret(field)]
    return {f"{settings.prefix()}{field.upper()}": folder / f"{venue}_{field}" for field in secrets}


def read_accounts(text: str, venue: str) -> Sequence[str]:
    """Return the account ids that an option `--accounts` names, or as many made-up ones as it says.

    Raises:
        UsageError: it names none.
    """
    names = [name.strip() for name in text.split(",") if name.strip()]
    if len(names) == 1 and names[0].isdecimal() and len(names[0]) <= 4:
        count = int(names[0])
        made_up = getattr(simulator_of(venue), "account_names", None)
        names = made_up(count) if made_up else [f"{venue}-{n}" for n in range(1, count + 1)]
    if not names:
        raise UsageError(f"--accounts {text!r} names no account", hint="Give a number such as 3, or ids.")
    return names


def read_secret(file: Path) -> str:
    """Return the secret that a file holds.

    Raises:
        UsageError: there is none in it.
    """
    try:
        secret = file.read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{file} can't be read: {getattr(error, 'strerror', None) or 'not UTF-8'}") from None
    if not secret:
        raise UsageError(f"{file} is empty", hint="Write the secret into it.")
    return secret


def _tls(certificate: Path | None, key: Path | None) -> ssl.SSLContext | None:
    if certificate is None:
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    try:
        context.load_cert_chain(certificate, key)
    except (OSError, ssl.SSLError) as error:
        raise UsageError(f"the certificate {certificate} can't be used: {error.strerror or error}") from None
    return context


async def _serve(simulator: Simulated, files: Mapping[str, Path]) -> None:
    stop = stop_event()
    try:
        await simulator.__aenter__()
    except OSError as error:
        raise UsageError(
            f"port {simulator.port} can't be served: {error.strerror}",
            hint="End the program that uses it, or give another --port (0 takes a free one) or --host.",
        ) from None
    try:
        for name, value in simulator.environment.items():
            # A secret that was given is not told.
            typer.echo(f"{name}_FILE={files[name]}" if name in files else f"{name}={value}")
        typer.echo(f"SIMULATOR_CONTROL_URL={simulator.control_url}")
        await stop.wait()
    finally:
        await simulator.__aexit__(None, None, None)
