"""Logs: structured events on standard error, as coloured lines for a person, as JSON for a machine."""

import logging
import os
import sys
from pathlib import Path
from types import TracebackType

import structlog

from dropcopy.errors import DropcopyError
from dropcopy.settings import Settings

__all__ = ["configure_logs", "get_logger", "log_failure"]


def configure_logs(settings: Settings, **facts: object) -> None:
    """Set up structlog and the standard library's logging to write the same lines, each with `facts`.

    `auto` writes for a person when standard error is a terminal, JSON in a container, and plain
    `key=value` lines otherwise.
    """
    level = getattr(logging, settings.log_level.upper())
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        lambda _, __, event: {**event, **facts},
    ]
    renderer: structlog.typing.Processor
    form = _form(settings.log_format, terminal=sys.stderr.isatty(), container=_in_container())
    if form == "json":
        shared.append(structlog.processors.format_exc_info)
        renderer = structlog.processors.JSONRenderer()
    elif form == "console":
        # Its own tracebacks show every frame's variables, among them tokens and secrets.
        renderer = structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
    else:
        shared.append(structlog.processors.format_exc_info)
        renderer = structlog.processors.KeyValueRenderer(key_order=["timestamp", "level", "event"])
    structlog.configure(
        processors=[structlog.stdlib.filter_by_level, *shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    formatter = _JsonFormatter if form == "json" else structlog.stdlib.ProcessorFormatter
    if form == "json":
        sys.excepthook = _log_crash
    handler.setFormatter(
        formatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    # Libraries whose information is about themselves: theirs is told from warnings on.
    for noisy in ("httpx", "httpcore", "aiokafka", "websockets", "faust", "mode", "asyncio"):
        logging.getLogger(noisy).setLevel(max(level, logging.WARNING))


def log_failure(error: DropcopyError) -> bool:
    """Log what ends the process where its log is for machines; False where a person is to be told instead."""
    if not any(isinstance(handler.formatter, _JsonFormatter) for handler in logging.getLogger().handlers):
        return False
    get_logger(__name__).critical("failed", error=error.message, hint=error.hint, exit_status=error.exit_status)
    return True


class _JsonFormatter(structlog.stdlib.ProcessorFormatter):
    """Tells that the log is for machines."""


def _log_crash(kind: type[BaseException], error: BaseException, traceback: TracebackType | None) -> None:
    if not issubclass(kind, Exception):
        sys.__excepthook__(kind, error, traceback)
        return
    get_logger(__name__).critical("crashed", exc_info=(kind, error, traceback))


def _form(asked: str, *, terminal: bool, container: bool) -> str:
    if asked != "auto":
        return asked
    return "console" if terminal else "json" if container else "plain"


def _in_container() -> bool:
    """Tell whether the process runs under Kubernetes, Docker or Podman, by the marks that they leave."""
    marks = (Path("/.dockerenv"), Path("/run/.containerenv"))
    return "KUBERNETES_SERVICE_HOST" in os.environ or any(mark.exists() for mark in marks)


def get_logger(name: str) -> structlog.stdlib.BoundLogger:
    """Return the logger of a part of the program; events are named in snake_case, facts are fields."""
    logger: structlog.stdlib.BoundLogger = structlog.get_logger(name)
    return logger
