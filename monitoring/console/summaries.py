"""What else the overview tells in a line or two: coverage, errors, actions and silences."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import TYPE_CHECKING

from monitoring.alerts.matchers import Matcher
from monitoring.alerts.mutes import ActiveSilence
from monitoring.alerts.number_words import people_of
from monitoring.console.action_badge import actions_at_hand
from monitoring.console.action_words import state_look, title
from monitoring.console.figures import Figures
from monitoring.console.rows import Moment, coming, past
from monitoring.console.together import Question, Row, moment_of, question_of
from monitoring.console.wording import Look
from monitoring.errors.models import UnrecognisedError
from monitoring.health.causes import Explanation, explanation_of

if TYPE_CHECKING:
    from accounts.access import Access

# What fits beside the rest; each list has a page of its own.
ERRORS, ACTIONS, SILENCES = 3, 5, 5
PERCENT = "\N{NO-BREAK SPACE}%"


@dataclass(frozen=True, slots=True)
class Coverage:
    """How many of those known in Salesforce have connected; `percent` is rounded down."""

    known: int
    connected: int
    never: int
    percent: int
    sentence: str


def coverage_of(figures: Figures) -> Coverage | None:
    """Return the coverage, None where nobody is known."""
    known, never = figures.of(), figures.of("never_connected")
    if not known:
        return None
    connected = known - never
    percent = connected * 100 // known
    people = people_of(known)
    sentence = f"{connected:,} of {people} known in Salesforce {verb(connected)} connected"
    return Coverage(known, connected, never, percent, f"{sentence} ({percent}{PERCENT}).")


def verb(number: int) -> str:
    return "is" if number == 1 else "are"


@dataclass(frozen=True, slots=True)
class ErrorLine:
    """One kind of error that no rule knows, and how many people had it."""

    pk: int
    signature: str
    people: str
    last: Moment | None


def errors_question(access: Access) -> Question:
    """Ask for the unrecognised errors most people had."""
    errors = UnrecognisedError.objects.visible_to(access).open().most_people_first()
    return question_of(errors.values("pk", "signature", "people", "last_seen")[:ERRORS])


def errors_of(found: Sequence[Row], now: datetime, zone: tzinfo) -> list[ErrorLine]:
    return [
        ErrorLine(
            row["pk"],
            row["signature"],
            people_of(row["people"]),
            past(moment_of(row["last_seen"]), now, zone),
        )
        for row in found
    ]


@dataclass(frozen=True, slots=True)
class ActionLine:
    """An action that is under way, or that somebody else is to look at first."""

    id: int
    words: str
    look: Look
    author: str
    since: Moment | None


def actions_question(access: Access) -> Question:
    """Ask for the actions that run or wait, newest first."""
    columns = (
        "pk",
        "kind",
        "state",
        "people",
        "author_name",
        "created_at",
        "begun_at",
        "stopped_by_id",
    )
    return question_of(actions_at_hand(access).order_by("-pk").values(*columns)[:ACTIONS])


def actions_of(access: Access, found: Sequence[Row], now: datetime) -> list[ActionLine]:
    return [
        ActionLine(
            row["pk"],
            title(row["kind"], row["people"]),
            state_look(row["state"], 0, is_stopping=row["stopped_by_id"] is not None),
            row["author_name"],
            past(
                datetime.fromisoformat(row["begun_at"] or row["created_at"]), now, access.time_zone
            ),
        )
        for row in found
    ]


@dataclass(frozen=True, slots=True)
class SilenceLine:
    """A mute of messages that is in force, with whom it mutes; `whom` of a matcher, in words.

    `reach` says to how many it may come; empty where they are no more.
    """

    whom: str
    reason: str
    author: str
    mutes: str
    reach: str
    ends: Moment | None


def silences_of(
    found: Sequence[ActiveSilence],
    rules: Mapping[str, Explanation],
    now: datetime,
    zone: tzinfo,
) -> list[SilenceLine]:
    """Return those that end first, because they are forgotten last."""
    soonest = sorted(found, key=lambda silence: (silence.ends_at, silence.id))
    return [
        SilenceLine(
            matched(silence.matcher, rules) if silence.is_matcher else "",
            silence.reason,
            silence.author_name,
            muted(silence.people, silence.share),
            may_come_to(silence),
            coming(silence.ends_at, now, zone),
        )
        for silence in soonest[:SILENCES]
    ]


def matched(matcher: Matcher, rules: Mapping[str, Explanation]) -> str:
    """Return whom a matcher is of, in words: "Trouble with Salesforce in team Sales"."""
    return matcher.said(explanation_of(matcher.cause, rules).title if matcher.cause else "")


def share_said(share: float) -> str:
    """Return "49 %"; of somebody never 0."""
    return f"{round(share * 100)}{PERCENT}" if share >= 0.01 else f"under 1{PERCENT}"


def muted(people: int, share: float) -> str:
    """Return how many people a silence mutes, and which part of everybody: "212 people (49 %)"."""
    said = people_of(people)
    return f"{said} ({share_said(share)})" if people else said


def may_come_to(silence: ActiveSilence) -> str:
    """Return to how many a silence may come: "up to 402 people (100 %) if it spreads"."""
    if silence.reach <= silence.people:
        return ""
    return f"up to {muted(silence.reach, silence.reached_share)} if it spreads"
