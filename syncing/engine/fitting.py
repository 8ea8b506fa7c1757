"""What each side can hold. Google's form of a content is its full form, Salesforce's the smaller.

Sources: Salesforce object reference, Event (Subject and Location 255, Description 32,000, length in
whole minutes, 14 days at most); Google documents 8K characters for a description.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from syncing.engine.content import AllDay, EventContent, ShowAs, Timed, When, clean_text
from syncing.engine.plain_text import as_markup, as_plain_text

SALESFORCE_TITLE, SALESFORCE_LOCATION, SALESFORCE_DESCRIPTION = 255, 255, 32_000
GOOGLE_DESCRIPTION = 8_192
LONGEST = timedelta(days=14)
MINUTE = timedelta(minutes=1)


def shortened(text: str, limit: int) -> str:
    """Return text of at most `limit` UTF-16 units, which is how both vendors count."""
    if len(text) <= limit // 2:
        return text
    units = text.encode("utf-16-le")
    if len(units) <= 2 * limit:
        return text
    return units[: 2 * limit].decode("utf-16-le", "ignore").rstrip()


def one_line(text: str) -> str:
    return " ".join(text.split())


def for_salesforce(content: EventContent) -> EventContent:
    """Return the content as Salesforce can hold it, if `fits_salesforce`."""
    return EventContent(
        when=_whole_minutes(content.when),
        title=shortened(one_line(content.title), SALESFORCE_TITLE),
        location=shortened(one_line(content.location), SALESFORCE_LOCATION),
        description=shortened(
            clean_text(as_plain_text(content.description)), SALESFORCE_DESCRIPTION
        ),
        show_as=content.show_as,
    )


def for_google(content: EventContent) -> EventContent:
    """Return the content as Google can hold it."""
    return replace(
        content,
        description=_google_description(content.description),
        show_as=ShowAs.FREE if content.show_as is ShowAs.FREE else ShowAs.BUSY,
    )


def _google_description(text: str) -> str:
    markup = as_markup(text)
    if markup == text:
        return shortened(text, GOOGLE_DESCRIPTION)
    # Cut before escaping, so that no character reference is cut in two.
    kept = text
    while len(markup.encode("utf-16-le")) > 2 * GOOGLE_DESCRIPTION:
        kept = shortened(kept, min(GOOGLE_DESCRIPTION, len(kept) * 9 // 10))
        markup = as_markup(kept)
    return markup


def _whole_minutes(when: When) -> When:
    if isinstance(when, AllDay):
        return when
    start = when.start.replace(microsecond=0)
    minutes = -(-(when.end - start) // MINUTE)
    return Timed(start, start + minutes * MINUTE)


def fits_salesforce(content: EventContent) -> bool:
    """Whether the event is short enough for a Salesforce Event."""
    when = content.when
    if isinstance(when, AllDay):
        return (when.last - when.first) < LONGEST
    return (when.end - when.start) <= LONGEST
