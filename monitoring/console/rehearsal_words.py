"""What a rehearsal found, in sentences and rows. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo

from monitoring.alerts.models import Channel
from monitoring.alerts.number_words import counted, people_of
from monitoring.alerts.plan_facts import Muted
from monitoring.console.message_words import CHANNELS
from monitoring.console.moments import brief, day, exact
from monitoring.console.rehearsal_marks import differs, mark_of
from monitoring.console.rows import Moment
from monitoring.console.wording import Look
from monitoring.replay.rehearsal_result import KeptBack, RehearsalResult, Rehearsed

REASONS = {
    Muted.SILENCED: "silenced: everybody it is about was muted",
    Muted.ABSORBED: "absorbed: everybody it is about was told of with an incident",
    Muted.FLAPPING: "flapping: it had come and gone several times that day",
}
NO_ROUTE = "the end of what they were told before"


@dataclass(frozen=True, slots=True)
class MessageRow:
    """One message in the list; `number` is its place in the result."""

    number: int
    subject: str
    name: str
    address: str
    channel: Look
    why: str
    at: Moment
    mark: Look | None
    differs: str


@dataclass(frozen=True, slots=True)
class KeptRow:
    """A beginning that would not have been told."""

    headline: str
    name: str
    reason: str
    at: Moment


def found_sentence(result: RehearsalResult) -> str:
    """Return the first sentence: how many messages, to how many recipients."""
    if not result.messages_total:
        return "No message would have gone out"
    recipients = len({message.recipient for message in result.messages})
    messages = counted(result.messages_total, "message")
    return f"{messages} would have gone out, to {counted(recipients, 'recipient')}"


def played_sentence(result: RehearsalResult) -> str:
    """Return on what it rests."""
    outcomes, people = (
        counted(result.outcomes, "outcome"),
        people_of(result.people),
    )
    return (
        f"Played from {outcomes} of {people}, the week before included. Recipients, their hours"
        " and the routes not changed for it are those of when it was asked, not those of that time."
        " Nothing was sent, and nothing is changed."
    )


def left_out_sentence(*, is_for_support: bool) -> str:
    """Return which messages of that time a rehearsal does not have, and for support what it has."""
    if is_for_support:
        return (
            "What support staff are told is shown too. "
            "Digests and letters that ask a person to act are left out."
        )
    return (
        "Digests, letters that ask a person to act, and what support staff are told are left out."
    )


def time_words(since: datetime, days: int, now: datetime, zone: tzinfo) -> str:
    """Return which day or days are rehearsed."""
    first = day(since, now, zone)
    if days == 1:
        return first
    return f"{first} to {day(since + timedelta(days=days - 1, hours=1), now, zone)}"


def message_rows(
    messages: Iterable[tuple[int, Rehearsed]], now: datetime, zone: tzinfo
) -> list[MessageRow]:
    """Return the rows of messages, each with its place in the result."""
    return [
        MessageRow(
            number=number,
            subject=message.subject,
            name=message.name,
            address=message.address,
            channel=CHANNELS[Channel(message.channel)],
            why=why(message),
            at=clock(message.at, now, zone),
            mark=mark_of(message),
            differs=differs(message),
        )
        for number, message in messages
    ]


def why(message: Rehearsed) -> str:
    """Return the routes that would have brought a message to its recipient."""
    return ", ".join(route or NO_ROUTE for route in message.routes)


def kept_rows(kept: Sequence[KeptBack], now: datetime, zone: tzinfo) -> list[KeptRow]:
    return [
        KeptRow(
            headline=each.headline,
            name=each.name,
            reason=REASONS[Muted(each.reason)],
            at=clock(each.at, now, zone),
        )
        for each in kept
    ]


def clock(moment: datetime, now: datetime, zone: tzinfo) -> Moment:
    """Return a time by day and clock: how long ago it was is of no account here."""
    return Moment(brief(moment, now, zone), exact(moment, zone), moment.isoformat())
