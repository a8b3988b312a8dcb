"""How logs are written: one line an event, as logfmt."""

from typing import Any

import structlog

# Tracebacks are written without the values of local variables, which may be rows or secrets.
_LOG_STEPS: list[Any] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_logger_name,
    structlog.stdlib.add_log_level,
    structlog.processors.TimeStamper(fmt="iso"),
    structlog.processors.format_exc_info,
]


def configure(level: str) -> dict[str, Any]:
    """Django's LOGGING; structlog is told at once."""
    structlog.configure(
        processors=[structlog.stdlib.filter_by_level, *_LOG_STEPS, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "plain": {
                "()": structlog.stdlib.ProcessorFormatter,
                "processor": structlog.processors.LogfmtRenderer(key_order=["timestamp", "level", "logger", "event"], bool_as_flag=False),
                "foreign_pre_chain": _LOG_STEPS,
            }
        },
        "filters": {"masked": {"()": "accounts.middleware.correlation.MaskPaths"}},
        "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "plain"}},
        # What it says about 4xx, CorrelationMiddleware says too, and with the request's id.
        "loggers": {"django.request": {"level": "ERROR", "filters": ["masked"]}},
        "root": {"handlers": ["console"], "level": level},
    }
