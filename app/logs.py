"""JSON logs: one line per entry, constant messages, no personal data."""

import logging
import re
import sys
from collections.abc import MutableMapping
from typing import Any

import structlog
from structlog.tracebacks import ExceptionDictTransformer

# PostgreSQL says which values were refused: "Key (uscc)=(…) already exists", the failing row
_DETAIL = re.compile(r"\nDETAIL: [^\n]*")


def _without_values(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> Any:
    """Take out of a traceback what the database tells of the row that it refused."""
    for stack in event.get("exception", ()):
        stack["exc_value"] = _DETAIL.sub("", stack["exc_value"])
    return event


_SHARED: list[Any] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    # never the local variables: they hold keys, tokens and names
    structlog.processors.ExceptionRenderer(ExceptionDictTransformer(show_locals=False)),
    _without_values,
]


def json_formatter() -> logging.Formatter:
    """Return the formatter that writes a record of the standard library as one JSON line."""
    return structlog.stdlib.ProcessorFormatter(
        processor=structlog.processors.JSONRenderer(ensure_ascii=False), foreign_pre_chain=_SHARED
    )


def server_logging(level: str) -> dict[str, Any]:
    """Return the logging set-up of the web server's own lines, in the same form."""
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"json": {"()": "app.logs.json_formatter"}},
        "handlers": {"json": {"class": "logging.StreamHandler", "formatter": "json"}},
        "loggers": {"_granian": {"handlers": ["json"], "level": level, "propagate": False}},
    }


def configure(level: str) -> None:
    """Send structlog and the standard library to stderr as JSON lines from `level` upwards."""
    structlog.configure(
        processors=[*_SHARED, structlog.processors.JSONRenderer(ensure_ascii=False)],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelName(level)),
        logger_factory=structlog.WriteLoggerFactory(file=sys.stderr),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler()
    handler.setFormatter(json_formatter())
    logging.basicConfig(handlers=[handler], level=level, force=True)
    for chatty in ("alembic.runtime.plugins", "alembic.autogenerate", "apscheduler"):
        logging.getLogger(chatty).setLevel(logging.WARNING)


log = structlog.get_logger()
