"""Logs: structured events on standard error, as coloured lines for a person, as JSON for a machine."""

import logging
import sys

import structlog

from dropcopy.settings import Settings

__all__ = ["configure_logs", "get_logger"]


def configure_logs(settings: Settings) -> None:
    """Set up structlog and the standard library's logging to write the same lines.

    `auto` writes for a person when standard error is a terminal, plain `key=value` lines otherwise.
    """
    level = getattr(logging, settings.log_level.upper())
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    renderer: structlog.typing.Processor
    if settings.log_format == "json":
        shared.append(structlog.processors.format_exc_info)
        renderer = structlog.processors.JSONRenderer()
    elif settings.log_format == "console" or sys.stderr.isatty():
        renderer = structlog.dev.ConsoleRenderer()
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
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
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


def get_logger(name: str) -> structlog.stdlib.BoundLogger:
    """Return the logger of a part of the program; events are named in snake_case, facts are fields."""
    logger: structlog.stdlib.BoundLogger = structlog.get_logger(name)
    return logger
