"""Runs a simulated venue as a process of its own, until it is told to stop."""

import asyncio
import ssl
from pathlib import Path

import typer

from dropcopy.errors import UsageError
from sandbox.ports import HOST
from sandbox.running import stop_event
from sandbox.simulators.tinvest.limits import Limits, LimitsError, read_limits
from sandbox.simulators.tinvest.server import TInvestSimulator, account_ids

__all__ = ["run_simulator"]

SIMULATED = ("tinvest",)


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
    if venue not in SIMULATED:
        raise UsageError(f"there is no simulator of {venue!r}", hint=f"There is one of: {', '.join(SIMULATED)}.")
    token_file = secrets / "tinvest_token" if secrets else None
    simulator = TInvestSimulator(
        accounts=read_accounts(accounts),
        token=read_secret(token_file) if token_file else None,
        host=host,
        port=port,
        seed=seed,
        speed=speed,
        limits=_limits(limits),
        tls=_tls(certificate, key),
    )
    asyncio.run(_serve(simulator, token_file))


def read_accounts(text: str) -> list[str]:
    """Return the account ids that an option `--accounts` names, or as many made-up ones as it says.

    Raises:
        UsageError: it names none.
    """
    names = [name.strip() for name in text.split(",") if name.strip()]
    if len(names) == 1 and names[0].isdecimal() and len(names[0]) <= 4:
        names = account_ids(int(names[0]))
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


def _limits(name: str) -> Limits:
    try:
        return read_limits(name)
    except LimitsError:
        raise UsageError(f"--limits {name!r} is none", hint="Give one of: none, documented.") from None


def _tls(certificate: Path | None, key: Path | None) -> ssl.SSLContext | None:
    if certificate is None:
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    try:
        context.load_cert_chain(certificate, key)
    except (OSError, ssl.SSLError) as error:
        raise UsageError(f"the certificate {certificate} can't be used: {error.strerror or error}") from None
    return context


async def _serve(simulator: TInvestSimulator, token_file: Path | None) -> None:
    stop = stop_event()
    try:
        await simulator.__aenter__()
    except OSError as error:
        raise UsageError(f"port {simulator.port} can't be served: {error.strerror}") from None
    try:
        # One that was given is not told.
        typer.echo(
            f"DROPCOPY_TINVEST_TOKEN_FILE={token_file}" if token_file else f"DROPCOPY_TINVEST_TOKEN={simulator.token}"
        )
        typer.echo(f"DROPCOPY_TINVEST_ACCOUNTS={','.join(simulator.accounts)}")
        typer.echo(f"DROPCOPY_TINVEST_REST_URL={simulator.rest_url}")
        typer.echo(f"DROPCOPY_TINVEST_WS_URL={simulator.ws_url}")
        typer.echo(f"SIMULATOR_CONTROL_URL={simulator.control_url}")
        await stop.wait()
    finally:
        await simulator.__aexit__(None, None, None)
