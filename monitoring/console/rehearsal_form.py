"""The form of a rehearsal: which days, with which change of a rule, with which routes."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import msgspec
from django import forms
from django.utils import timezone

from accounts.access import Access
from monitoring.alerts.number_words import counted
from monitoring.alerts.routes import key_of
from monitoring.alerts.routing import RouteFacts
from monitoring.alerts.targets import routes_of
from monitoring.alerts.tried_routes import tried_problem
from monitoring.console.rule_page import STATES, title_of
from monitoring.errors.models import RuleChange, RuleState
from monitoring.replay.rehearsal_result import RouteThen, route_then
from monitoring.replay.rehearsals import MOST_DAYS, kept_since, too_old

UNREADABLE = "These routes can't be read. Open the route again."

read_routes = msgspec.json.Decoder(list[RouteThen]).decode


class RehearsalForm(forms.Form):
    """What is to be rehearsed, as it is typed.

    `kept` are the keys of the routes that stay; `tried` are other routes instead of those in force,
    as JSON, which a form about a route has sent here.
    """

    day = forms.DateField(
        error_messages=dict.fromkeys(("required", "invalid"), "Write the day as 2026-01-31.")
    )
    days = forms.TypedChoiceField(
        coerce=int,
        choices=[(str(each), counted(each, "day")) for each in range(1, MOST_DAYS + 1)],
    )
    change = forms.ChoiceField(required=False)
    kept = forms.MultipleChoiceField(required=False)
    tried = forms.CharField(required=False, max_length=50_000)

    def __init__(self, access: Access, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.access = access
        self.changes = {
            str(change.pk): change for change in RuleChange.objects.visible_to(access).open()
        }
        own = routes_of([access.organization.pk])[access.organization.pk]
        self.routes = {key_of(route, place): route for place, route in enumerate(own)}
        drafts = [(key, change_words(change)) for key, change in self.changes.items()]
        self.offer("change", [("", "The rules as they are"), *drafts])
        self.offer("kept", [(key, route.name) for key, route in self.routes.items()])

    def offer(self, name: str, choices: list[tuple[str, str]]) -> None:
        field: Any = self.fields[name]
        field.choices = choices

    def clean_day(self) -> date:
        """Return the day; the first days there are have no time of their own in some zones."""
        day: date = self.cleaned_data["day"]
        if day < kept_since(timezone.now()).date():
            raise forms.ValidationError(too_old())
        return day

    def clean_tried(self) -> list[RouteFacts] | None:
        """Return the routes that are tried; None for those in force."""
        typed = self.cleaned_data["tried"]
        if not typed:
            return None
        try:
            routes = [route.facts for route in read_routes(typed.encode())]
        except msgspec.DecodeError as error:
            raise forms.ValidationError(UNREADABLE) from error
        if problem := tried_problem(self.access, routes):
            raise forms.ValidationError(problem)
        return routes

    def clean_kept(self) -> list[str]:
        kept: list[str] = self.cleaned_data["kept"]
        if not kept and not self.data.get("tried"):
            raise forms.ValidationError("Leave one route at least: without any, nobody is told.")
        return kept

    @property
    def starts_at(self) -> datetime:
        """Return when the first day begins for whoever asks."""
        day = datetime.combine(self.cleaned_data["day"], time(), self.access.time_zone)
        return day.astimezone(UTC)

    @property
    def chosen_change(self) -> RuleChange | None:
        return self.changes.get(self.cleaned_data["change"])

    @property
    def chosen_routes(self) -> list[RouteFacts] | None:
        """Return the routes to try; None where those in force stay as they are."""
        tried: list[RouteFacts] | None = self.cleaned_data["tried"]
        if tried is not None:
            return tried
        kept = set(self.cleaned_data["kept"])
        if kept == self.routes.keys():
            return None
        return [route for key, route in self.routes.items() if key in kept]

    @property
    def typed_routes(self) -> list[RouteFacts]:
        """Return the routes that a form about a route has sent here, if they can be had.

        A form that was sent has been cleaned.
        """
        if self.is_bound:
            return self.cleaned_data.get("tried") or []
        return [route.facts for route in read_routes(self.initial.get("tried", "[]").encode())]


def change_words(change: RuleChange) -> str:
    return f"{STATES[RuleState(change.state)]}: {title_of(change.rule, None, [change])}"


def routes_written(routes: list[RouteFacts]) -> str:
    """Return routes as the form carries them."""
    return msgspec.json.encode([route_then(route) for route in routes]).decode()


def first_values(access: Access, form_change: str, now: datetime) -> dict[str, Any]:
    """Return what the form begins with: yesterday, the rules and routes as they are."""
    yesterday = now.astimezone(access.time_zone).date() - timedelta(days=1)
    return {"day": yesterday.isoformat(), "days": "1", "change": form_change}
