"""Silences of whoever matches: how they are meant, within which limits. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

# What is to be quiet for longer is a matter for the routes: a silence is there to be forgotten.
LONGEST = timedelta(days=30)
# Maintenance is not known of earlier.
FURTHEST = timedelta(days=90)
LONGEST_REASON = 500
# Of whoever matches: each costs something whenever it is asked who is silenced.
MOST_LASTING = 100
# From this share of an organization's people on, a silence is worth a second thought.
LARGE = 0.25
# For so long a reason that few have may be muted without one: it rarely spreads to many sooner.
BRIEF = timedelta(days=1)
PROVIDERS = {
    "google": "Google",
    "salesforce": "Salesforce",
    "network": "The network",
    "service": "This service",
}


class SilenceRefusedError(ValueError):
    """What was asked for makes no silence; the message says why, `field` names the culprit."""

    def __init__(self, sentence: str, field: str) -> None:
        super().__init__(sentence)
        self.field = field


@dataclass(frozen=True, slots=True)
class Matcher:
    """Whom a silence is of: people with all of these, each empty for any (`alerts.muting`).

    cause      of their health: a rule's id, or another word of `health.fold.Standing`
    provider   with which side their last run had trouble
    """

    team: str = ""
    cause: str = ""
    provider: str = ""

    @property
    def is_everybody(self) -> bool:
        return self == Matcher()

    @property
    def widens(self) -> bool:
        """Tell whether a bad day may bring everybody into it, of the team or of all."""
        return bool(self.provider or self.cause)

    def said(self, title: str = "") -> str:
        """Return whom it mutes, in words; `title` is that of its cause."""
        if not self.cause and not self.provider:
            return f"Team {self.team}" if self.team else "Everybody"
        what = f"“{title or self.cause.replace('_', ' ')}”" if self.cause else "Trouble"
        side = f" with {within(PROVIDERS[self.provider])}" if self.provider else ""
        return what + side + (f" in team {self.team}" if self.team else "")


def within(name: str) -> str:
    """Return the name of a side as it stands within a sentence."""
    return name[:1].lower() + name[1:] if " " in name else name


def needs_second_thought(
    matcher: Matcher, share: float, reached_share: float, lasts: timedelta
) -> bool:
    """Tell whether it has to be said that so many are meant: a large part, now or on a bad day.

    Where only whoever comes to have its cause makes it a large part, it is asked for what lasts
    longer than BRIEF.
    """
    if share >= LARGE:
        return True
    is_brief = bool(matcher.cause) and lasts <= BRIEF
    return matcher.widens and reached_share >= LARGE and not is_brief


def problem_of(matcher: Matcher, everybody: bool) -> tuple[str, str] | None:
    """Return what is wrong with whom a silence is of, and where; None for nothing."""
    if matcher.provider and matcher.provider not in PROVIDERS:
        return "Choose among those listed.", "provider"
    if matcher.is_everybody and not everybody:
        return "Say whose alerts: a team, a reason or a provider; or tick that all are meant.", ""
    if everybody and not matcher.is_everybody:
        return "Everybody is more than what is chosen beside it. Leave one out.", "everybody"
    return None


def time_problem(starts_at: datetime, ends_at: datetime, now: datetime) -> tuple[str, str] | None:
    """Return what is wrong with the time of a silence, and where; None for nothing."""
    if starts_at - now > FURTHEST:
        return f"A silence may be placed {FURTHEST.days} days ahead.", "starts"
    if ends_at <= now:
        return "The end must be in the future.", "until"
    if ends_at <= starts_at:
        return "It must end after it begins.", "until"
    if ends_at - max(starts_at, now) > LONGEST:
        return f"A silence lasts {LONGEST.days} days at most; it can be made longer later.", "until"
    return None


def reason_problem(reason: str) -> tuple[str, str] | None:
    if not reason:
        return "Write why, for whoever asks later.", "reason"
    if len(reason) > LONGEST_REASON:
        return f"A reason may have {LONGEST_REASON} characters.", "reason"
    return None


def in_force_sentence(silences: int, people: int) -> str:
    """Return a sentence on silences that are in force: "2 silences are in force, …"."""
    are = "silence is" if silences == 1 else "silences are"
    whom = f"{people:,} {'person' if people == 1 else 'people'}" if people else "nobody now"
    return f"{silences:,} {are} in force, muting alerts about {whom}."
