"""The form by which alerts about whoever matches are muted."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from django import forms

from accounts.teams import teams_called
from monitoring.alerts.matchers import LONGEST_REASON, PROVIDERS, Matcher
from monitoring.console.action_forms import AT, choice
from monitoring.console.rule_form import text
from monitoring.console.rule_words import listed
from monitoring.console.silence_words import plan_choice
from monitoring.console.typed_times import next_morning, typed_moment

if TYPE_CHECKING:
    from accounts.access import Access
    from monitoring.incidents.models import PlannedMaintenance

MORNING, HOUR_OF_MORNING = "morning", 8
SPANS = {"1": "For 1 hour", "4": "For 4 hours", "168": "For 7 days"}
ENDS = (
    ("1", SPANS["1"]),
    ("4", SPANS["4"]),
    (MORNING, f"Until the next morning, {HOUR_OF_MORNING:02}:00"),
    ("168", SPANS["168"]),
)
USUAL = "4"
NO_TIME = "Write a day and a time, like 2027-01-31T09:00."
NO_END = "Say until when."
TWO_ENDS = "Choose “Until a time I choose” with it, or leave it empty."
TWO_STARTS = "It begins with the maintenance. Leave this empty."
NO_TEAM = "Nobody is in a team of that name."
SEVERAL_TEAMS = "Several teams are of that name. Write one of them: {}."
NO_REASON = "Write why, for whoever asks later."


@dataclass(frozen=True, slots=True)
class Span:
    """From when to when a silence is meant to be, and for which planned maintenance."""

    starts_at: datetime
    ends_at: datetime
    announcement: str = ""


class SilenceForm(forms.Form):
    """Whose alerts, from when, until when and why; what was typed stays where it is refused.

    `causes` are those to choose from, `plans` the maintenances that are offered.
    """

    def __init__(
        self,
        data: Any = None,
        *,
        access: Access,
        now: datetime,
        causes: Sequence[tuple[str, str]],
        plans: Iterable[PlannedMaintenance],
        **options: Any,
    ) -> None:
        super().__init__(data, **options)
        self.access, self.now, self.causes = access, now, causes
        self.plans = {f"plan-{plan.pk}": plan for plan in plans}
        self.span: Span | None = None
        offered = [
            (value, plan_choice(plan, now, access.time_zone)) for value, plan in self.plans.items()
        ]
        self.fields |= {
            "team": text(100),
            "cause": choice([("", "Any reason"), *causes]),
            "provider": choice([("", "Any provider"), *PROVIDERS.items()]),
            "everybody": forms.BooleanField(required=False),
            "starts": text(40),
            "ends": choice([*offered, *ENDS, (AT, "Until a time I choose")]),
            "until": text(40),
            "reason": text(LONGEST_REASON, required=NO_REASON),
            "sure": text(300),
        }

    def fresh(self) -> SilenceForm:
        """Return the form filled in alike, of which nothing is asked yet."""
        plans, causes = self.plans.values(), self.causes
        return SilenceForm(
            access=self.access, now=self.now, causes=causes, plans=plans, initial=self.data
        )

    @property
    def ends_value(self) -> str:
        """Which of the times is chosen."""
        return str(self["ends"].value() or USUAL)

    @property
    def matcher(self) -> Matcher:
        """Whom it is of, as far as that is said; the form has been cleaned."""
        return Matcher(*(self.cleaned_data.get(name, "") for name in ("team", "cause", "provider")))

    @property
    def key(self) -> str:
        """What is agreed to by ticking that many are meant; of another choice it says nothing."""
        return "|".join((self.matcher.team, self.matcher.cause, self.matcher.provider))

    @property
    def is_sure(self) -> bool:
        return self.is_bound and self.cleaned_data.get("sure") == self.key

    def clean_team(self) -> str:
        """Return the team as its people have it. A silence is of one, so of several it asks."""
        typed: str = self.cleaned_data["team"]
        if not typed:
            return ""
        found = teams_called(self.access.organization_id, [typed])[typed]
        if not found:
            raise forms.ValidationError(NO_TEAM)
        if len(found) > 1:
            raise forms.ValidationError(SEVERAL_TEAMS.format(listed(found)))
        return found[0]

    def clean(self) -> dict[str, Any]:
        # The sentences beside the fields say which time it is.
        if not {"starts", "ends", "until"} & self.errors.keys():
            self.span = self.span_meant()
        return self.cleaned_data

    def span_meant(self) -> Span | None:
        """Return the time that is chosen; None where a field now says what is wrong with it."""
        ends, typed = self.ends_value, self.cleaned_data["starts"]
        if ends != AT and self.cleaned_data["until"]:
            self.add_error("until", TWO_ENDS)
            return None
        if plan := self.plans.get(ends):
            if typed:
                self.add_error("starts", TWO_STARTS)
                return None
            return Span(max(plan.starts_at, self.now), plan.ends_at, plan.key)
        start = self.typed("starts") if typed else self.now
        end = self.end_meant(ends, start) if start else None
        return Span(start, end) if start and end else None

    def end_meant(self, ends: str, start: datetime) -> datetime | None:
        if ends == MORNING:
            return next_morning(start, self.access.time_zone, HOUR_OF_MORNING)
        if ends in SPANS:
            return start + timedelta(hours=int(ends))
        if not self.cleaned_data["until"]:
            self.add_error("until", NO_END)
            return None
        return self.typed("until", latest=True)

    def typed(self, field: str, *, latest: bool = False) -> datetime | None:
        try:
            return typed_moment(self.cleaned_data[field], self.access.time_zone, latest=latest)
        except ValueError:
            self.add_error(field, NO_TIME)
            return None
