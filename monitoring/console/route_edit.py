"""Adding and changing a route, with the sentence it makes while it is written."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST

from accounts.teams import teams_called, teams_of
from monitoring.alerts.kinds import AlertKind, Severity
from monitoring.alerts.models import Audience
from monitoring.alerts.refusals import AlertRefusedError
from monitoring.alerts.routes import (
    LONGEST_DELAY,
    LONGEST_NAME,
    RouteWanted,
    key_of,
    kinds_offered,
    route_add,
    route_change,
)
from monitoring.alerts.routing import CHOSEN, RouteFacts, is_for, untold
from monitoring.console import route_words as words
from monitoring.console.alerts_pages import (
    AnyAccess,
    alerts_access,
    alerts_page,
    alerts_redirect,
)
from monitoring.console.moments import MINUTE
from monitoring.console.pages import kept_by_nobody
from monitoring.console.routes import (
    Known,
    chosen_names,
    hearer_of,
    known_by,
    possible,
    role_of,
    routes_by,
)

TEMPLATE = "console/route_edit.html"
MOST_MINUTES = LONGEST_DELAY // MINUTE
SHOWN_TEAMS = 12


class RouteForm(forms.Form):
    """A route as it is typed: minutes for seconds, teams with commas between."""

    audience = forms.ChoiceField(error_messages={"required": "Choose who is told."})
    recipients = forms.MultipleChoiceField(required=False)
    kinds = forms.MultipleChoiceField(required=False)
    least = forms.TypedChoiceField(
        coerce=lambda typed: Severity(int(typed)),
        choices=[(str(int(severity)), said) for severity, said in words.LEAST.items()],
    )
    teams = forms.CharField(required=False, max_length=2_000)
    after = forms.IntegerField(
        required=False,
        min_value=0,
        max_value=MOST_MINUTES,
        error_messages=dict.fromkeys(
            ("invalid", "min_value", "max_value"),
            f"Write whole minutes from 0 to {MOST_MINUTES:,}.",
        ),
    )
    name = forms.CharField(required=False, max_length=LONGEST_NAME)

    def __init__(self, access: AnyAccess, known: Known, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.access = access
        own = Audience.SUPPORT if access.organization is None else Audience.ADMINS
        offered = kinds_offered(access)
        self.offer("audience", [(each.value, each.label) for each in (own, Audience.CHOSEN)])
        self.offer("recipients", recipients_offered(known))
        kinds = [(kind.value, words.kind_name(kind)) for kind in words.KIND_WORDS]
        self.offer("kinds", [each for each in kinds if each[0] in offered])

    def offer(self, name: str, choices: list[tuple[str, str]]) -> None:
        field: Any = self.fields[name]
        field.choices = choices

    def teams_of(self, typed: str) -> frozenset[str]:
        """Return the teams as their people have them; one that nobody has as it was typed."""
        names, organization = teams_typed(typed), self.access.organization_id
        if organization is None:
            return frozenset(names)
        called = teams_called(organization, names)
        return frozenset(team for name, found in called.items() for team in found or [name])

    def facts(self, *, is_service: bool) -> RouteFacts:
        """Return the route as far as it is typed well."""
        self.is_valid()
        typed = self.cleaned_data
        return RouteFacts(
            name=typed.get("name", ""),
            kinds=frozenset(map(AlertKind, typed.get("kinds", []))),
            least=typed.get("least", Severity.NOTICE),
            teams=self.teams_of(typed.get("teams", "")),
            audience=typed.get("audience", ""),
            recipients=frozenset(map(int, typed.get("recipients", []))),
            after=MINUTE * (typed.get("after") or 0),
            is_service=is_service,
        )


@dataclass(frozen=True, slots=True)
class Desk:
    """What a form about a route stands on: who is there, and the routes in force."""

    access: AnyAccess
    known: Known
    routes: list[RouteFacts]

    def form(self, data: Any = None, initial: Mapping[str, Any] | None = None) -> RouteForm:
        return RouteForm(self.access, self.known, data, initial=initial or {})

    def place(self, key: str) -> int:
        """Return the place of the route of a key. Raises Http404."""
        for place, route in enumerate(self.routes):
            if key_of(route, place) == key:
                return place
        raise Http404


def desk_of(request: HttpRequest, slug: str | None) -> Desk:
    access = alerts_access(request, slug)
    access.require_change()
    return Desk(access, known_by(access, timezone.now()), routes_by(access))


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def new(request: HttpRequest, slug: str | None) -> HttpResponse:
    """Add a route."""
    desk = desk_of(request, slug)
    form = desk.form(request.POST or None, {"least": "1", "after": 0})
    if request.method == "POST" and saved(desk, form, key=None):
        messages.success(request, "The route is added, below the others.")
        return alerts_redirect(desk.access, "routes")
    return shown(request, desk, form, key=None)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def edit(request: HttpRequest, slug: str | None, key: str) -> HttpResponse:
    """Change a route."""
    desk = desk_of(request, slug)
    route = desk.routes[desk.place(key)]
    form = desk.form(request.POST or None, typed(route))
    if request.method == "POST" and saved(desk, form, key=key):
        messages.success(request, "The route is saved.")
        return alerts_redirect(desk.access, "routes")
    return shown(request, desk, form, key=key)


@login_required
@require_POST
def sentence(request: HttpRequest, slug: str | None) -> HttpResponse:
    """Say what the route that is being written would do."""
    desk = desk_of(request, slug)
    context = preview(desk, desk.form(request.POST), request.POST.get("key") or None)
    return kept_by_nobody(render(request, "console/route_preview.html", context))


def saved(desk: Desk, form: RouteForm, *, key: str | None) -> bool:
    """Add or change the route; tell whether it was taken."""
    now = timezone.now()
    if key is None:
        take = partial(route_add, access=desk.access, now=now)
    else:
        take = partial(route_change, access=desk.access, key=key, now=now)
    return taken(desk, form, take)


def taken(desk: Desk, form: RouteForm, take: Callable[..., object]) -> bool:
    """Have the route taken as it is typed, or say in the form why it is refused."""
    if not form.is_valid():
        return False
    try:
        take(wanted=wanted_of(desk, form))
    except AlertRefusedError as refusal:
        form.add_error(refusal.field or None, str(refusal))
        return False
    return True


def wanted_of(desk: Desk, form: RouteForm) -> RouteWanted:
    facts = form.facts(is_service=desk.access.organization is None)
    return RouteWanted(
        audience=facts.audience,
        name=facts.name,
        kinds=facts.kinds,
        least=facts.least,
        teams=facts.teams,
        recipients=facts.recipients if facts.audience == Audience.CHOSEN else frozenset(),
        after=facts.after,
    )


def shown(request: HttpRequest, desk: Desk, form: RouteForm, *, key: str | None) -> HttpResponse:
    is_old = key is not None
    context: dict[str, Any] = {
        "form": form,
        "key": key or "",
        "title": "Change a route" if is_old else "Add a route",
        "may_be_removed": is_old and len(desk.routes) > 1,
        "teams_hint": teams_hint(teams_shown(desk.access)),
        **preview(desk, form, key),
    }
    return alerts_page(request, desk.access, TEMPLATE, "form", context)


def preview(desk: Desk, form: RouteForm, key: str | None) -> dict[str, Any]:
    """Return the sentence of a route that is being written, whom it tells, and what is untold."""
    is_service = desk.access.organization is None
    facts = form.facts(is_service=is_service) if form.is_bound else None
    if facts is None:
        place = desk.place(key) if key else None
        facts = desk.routes[place] if place is not None else RouteFacts("", audience="")
    routes = [
        each for place, each in enumerate(desk.routes) if key is None or key_of(each, place) != key
    ]
    audience = [each for each in desk.known.values() if is_for(facts, each)]
    now = timezone.now()
    return {
        "sentence": words.route_sentence(facts, chosen_names(facts, desk.known)),
        "is_chosen": bool(facts.audience and (facts.recipients or facts.audience != CHOSEN)),
        "hearers": [hearer_of(each, now) for each in audience],
        "untold": words.untold_sentences(
            untold([*routes, facts], desk.known, possible(desk.access))
        ),
    }


def typed(route: RouteFacts) -> dict[str, Any]:
    """Return a route as the form shows it."""
    return {
        "audience": route.audience,
        "recipients": [str(each) for each in route.recipients],
        "kinds": list(route.kinds),
        "least": str(int(route.least)),
        "teams": ", ".join(sorted(route.teams)),
        "after": route.after // MINUTE,
        "name": route.name,
    }


def teams_typed(text: str) -> list[str]:
    return [team.strip() for team in text.replace("\n", ",").split(",") if team.strip()]


def teams_shown(access: AnyAccess) -> list[str]:
    """Return the first teams of an organization, for who would write one."""
    return teams_of(access.organization.pk, SHOWN_TEAMS) if access.organization else []


def teams_hint(teams: list[str]) -> str:
    said = (
        "With commas between; none means all. With teams only alerts about their people are told."
    )
    return f"{said} Some there are: {words.listed(teams)}." if teams else said


def recipients_offered(known: Known) -> list[tuple[str, str]]:
    ordered = sorted(known.values(), key=lambda each: each.name.lower())
    return [(str(each.id), f"{each.name} ({role_of(each).lower()})") for each in ordered]
