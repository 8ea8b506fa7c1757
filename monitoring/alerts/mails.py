"""Writing mails from templates, such that no text of a person or a provider breaks one.

A mail is three templates of one stem under templates/mail/; a comment in the subject's lists the
keys of the context. What comes from outside stays on its line, and in the HTML it is text.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.template import Context, engines

LONGEST_SUBJECT = 300
# What somebody wrote as paragraphs; of everything else the lines are put into one.
PARAGRAPHS = frozenset({"message"})
# Marks that turn the direction of writing, so that a name could disguise what follows it.
DIRECTIONS = frozenset("\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture that the HTML of a mail shows as `cid:` and its name."""

    cid: str
    png: bytes


@dataclass(frozen=True, slots=True)
class Mail:
    """What a mail says: a subject of one line, plain text, and the same as HTML.

    `headers` are those that are its own, beside what every mail bears.
    """

    subject: str
    text: str
    html: str
    headers: Mapping[str, str] = field(default_factory=dict)
    pictures: tuple[Picture, ...] = ()


def mail_of(
    template_stem: str,
    context: Mapping[str, Any],
    *,
    headers: Mapping[str, str] | None = None,
    pictures: Sequence[Picture] = (),
) -> Mail:
    """Return the mail that the templates of a stem make of a context.

    Times in it are written in the zone under the key "zone", a tzinfo, or else in UTC.
    """
    zone = context.get("zone") or UTC
    shown = {key: presentable(key, value, zone) for key, value in context.items()}
    shown["site"] = urlsplit(settings.BASE_URL).netloc
    subject = rendered(f"mail/{template_stem}-subject.txt", shown, escape=False)
    return Mail(
        subject=shortened(one_line(subject), LONGEST_SUBJECT),
        text=rendered(f"mail/{template_stem}-body.txt", shown, escape=False).strip() + "\n",
        html=rendered(f"mail/{template_stem}-body.html", shown, escape=True),
        headers={name: one_line(value) for name, value in (headers or {}).items()},
        pictures=tuple(pictures),
    )


def text_mail(subject: str, text: str) -> Mail:
    """Return a text that is to go elsewhere than into a mail, as the outbox keeps it."""
    return Mail(subject=shortened(one_line(subject), LONGEST_SUBJECT), text=text, html="")


def rendered(name: str, context: dict[str, Any], *, escape: bool) -> str:
    django: Any = engines["django"]
    text: str = django.engine.get_template(name).render(Context(context, autoescape=escape))
    return text


def presentable(key: str, value: Any, zone: tzinfo) -> Any:
    """Return a value of a context as a mail may show it."""
    if isinstance(value, str):
        return lines_of(value) if key in PARAGRAPHS else one_line(value)
    if isinstance(value, datetime):
        return moment(value, zone)
    if isinstance(value, list | tuple):
        return [presentable("", each, zone) for each in value]
    if isinstance(value, dict):
        return {name: presentable(name, each, zone) for name, each in value.items()}
    return value


def moment(at: datetime, zone: tzinfo) -> str:
    """Return a time as everybody reads it, whatever their language: 2026-11-26 14:05 (UTC)."""
    return f"{at.astimezone(zone):%Y-%m-%d %H:%M} ({getattr(zone, 'key', zone)})"


def one_line(text: str) -> str:
    """Return a text without line breaks, control characters and marks of direction."""
    return " ".join("".join(map(harmless, text)).split())


def lines_of(text: str) -> str:
    """Return a text with its line breaks, but nothing else that is not written."""
    return "\n".join(map(one_line, text.splitlines())).strip()


def harmless(character: str) -> str:
    if character in DIRECTIONS:
        return ""
    # Lone surrogates cannot be encoded; line and paragraph separators are whitespace to split().
    return " " if unicodedata.category(character) in {"Cc", "Cs"} else character


def shortened(text: str, length: int) -> str:
    return text if len(text) <= length else text[: length - 1].rstrip() + "\N{HORIZONTAL ELLIPSIS}"
