"""What the list of people can be narrowed by; page, counts, files and actions share it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any

import django_filters
from django import forms
from django.db.models import F, OuterRef, Subquery
from django.db.models.functions import Coalesce
from django.http import QueryDict

from accounts.models import Person
from accounts.teams import teams_called
from monitoring.alerts.alert_causes import explained
from monitoring.alerts.alert_links import LONGEST_QUERY
from monitoring.alerts.models import Alert
from monitoring.alerts.told_people import teams_split, whom_it_tells_of
from monitoring.console.addresses import Asked, asked_of
from monitoring.console.figures import Figures
from monitoring.console.rule_words import CLASSES, listed
from monitoring.console.saved_views import view_named
from monitoring.console.wording import LOOKS
from monitoring.errors.models import UnrecognisedError, UnrecognisedPerson
from monitoring.health.causes import Explanation, explanation_of
from monitoring.health.fold import SEVERITY, Standing, severity
from monitoring.health.models import Health, HealthQuerySet, Policy
from monitoring.incidents.models import Source

if TYPE_CHECKING:
    from accounts.access import Access

# The severity of each group is the second column of the index that the list is read from.
SEVERITIES = {group: severity(Standing(group, "")) for group in SEVERITY}
SEVERITIES["never_connected"] = severity(Standing("degraded", "never_connected"))
BASE_INTERVAL = Policy._meta.get_field("base_interval").default

PROVIDERS = [
    (Source.GOOGLE, "Google"),
    (Source.SALESFORCE, "Salesforce"),
    (Source.NETWORK, "The network"),
    (Source.SERVICE, "This service"),
]
NOT_THERE = "one that is not there any more"
SLOWED = [("on", "Runs less often")]
# What else may stand in the page's address; everything else is nobody's parameter.
OF_THE_PAGE = frozenset({"sort", "page", "per", "columns", "view"})


def usual_interval() -> Any:
    """Return the interval of somebody who is well, as an expression of a query of Health."""
    policy = Policy.objects.filter(organization=OuterRef("organization"))
    return Coalesce(F("own_interval"), Subquery(policy.values("base_interval")), BASE_INTERVAL)


class PeopleFilter(django_filters.FilterSet):
    """The people of an organization as an address narrows them.

    A value that makes no sense is left out; the page reports it. What is done to people must not
    widen so to more of them than were meant: ask `is_sound` first.
    """

    q = django_filters.CharFilter(
        method="search",
        label="Search",
        widget=forms.TextInput(attrs={"type": "search"}),
        max_length=200,
    )
    status = django_filters.ChoiceFilter(
        method="in_group",
        label="Status",
        empty_label="Any status",
        choices=[(group, look.word) for group, look in LOOKS.items()],
    )
    cause = django_filters.CharFilter(field_name="cause", label="Reason", max_length=80)
    provider = django_filters.ChoiceFilter(
        method="failing_at", label="Provider", empty_label="Any provider", choices=PROVIDERS
    )
    interpretation = django_filters.ChoiceFilter(
        method="of_class",
        label="Kind of error",
        empty_label="Any kind of error",
        choices=list(CLASSES.items()),
    )
    slowed = django_filters.ChoiceFilter(
        method="with_lowered_interval", label="Interval", empty_label="Any interval", choices=SLOWED
    )
    team = django_filters.CharFilter(method="in_team", label="Team", max_length=100)
    error = django_filters.NumberFilter(
        method="hit_by",
        label="Unrecognised error",
        min_value=1,
        max_value=2**63 - 1,
        decimal_places=0,
    )
    # Of whom a message told: those of the teams it counts, of an alert.
    teams = django_filters.CharFilter(
        method="in_any_team", label="Team", max_length=LONGEST_QUERY, strip=False
    )
    alert = django_filters.NumberFilter(
        method="told_of_with", label="Alert", min_value=1, max_value=2**63 - 1, decimal_places=0
    )

    class Meta:
        model = Health
        fields: list[str] = []

    def __init__(self, data: Any, *, access: Access, now: datetime) -> None:
        """Read the filters of `data`; the address of a saved view alone stands for its list.

        `now` is when whoever is silenced must be, not to be told of with an alert.
        """
        self.access, self.now = access, now
        self.opened, self.is_lost = None, False
        if data and data.keys() == {"view"}:
            self.opened = view_named(access, data["view"])
            self.is_lost = self.opened is None
        given = data if self.opened is None else QueryDict(self.opened.query)
        super().__init__(given, queryset=Health.objects.visible_to(access))

    def search(self, people: HealthQuerySet, name: str, words: str) -> HealthQuerySet:
        found = Person.objects.visible_to(self.access).matching(words)
        return people.filter(person__in=found.values("pk"))

    def in_group(self, people: HealthQuerySet, name: str, group: str) -> HealthQuerySet:
        return people.filter(severity=SEVERITIES[group])

    def in_team(self, people: HealthQuerySet, name: str, team: str) -> HealthQuerySet:
        found = teams_called(self.access.organization_id, [team])
        return people.filter(person__team__in=found[team])

    def failing_at(self, people: HealthQuerySet, name: str, provider: str) -> HealthQuerySet:
        """Keep whose last run failed at that side."""
        return people.filter(last_signature__startswith=f"{provider} ")

    def of_class(self, people: HealthQuerySet, name: str, interpretation: str) -> HealthQuerySet:
        """Keep whose last run had an error of that class; they are unwell, all of them."""
        return unwell(people).filter(last_interpretation=interpretation)

    def with_lowered_interval(
        self, people: HealthQuerySet, name: str, slowed: str
    ) -> HealthQuerySet:
        """Keep who runs less often than usual; nobody well does."""
        return unwell(people).filter(interval__gt=usual_interval())

    def hit_by(self, people: HealthQuerySet, name: str, error: int) -> HealthQuerySet:
        """Keep whom an unrecognised error of the organization hit, whatever came since."""
        errors = UnrecognisedError.objects.visible_to(self.access).filter(pk=int(error))
        hit = UnrecognisedPerson.objects.filter(unrecognised__in=errors)
        return people.filter(person__in=hit.values("person_id"))

    def in_any_team(self, people: HealthQuerySet, name: str, teams: str) -> HealthQuerySet:
        """Keep who is of any of the teams, exactly so written; "" is who has none."""
        return people.filter(person__team__in=teams_split(teams))

    def told_of_with(self, people: HealthQuerySet, name: str, alert: int) -> HealthQuerySet:
        """Keep whom the alert tells of now; of one that is over, or is not there, nobody."""
        found = self.alert_chosen
        return whom_it_tells_of(found, people, self.now) if found else people.none()

    @property
    def is_sound(self) -> bool:
        """Tell whether every parameter is one there is, given once, with a value that makes sense.

        Where not, `qs` has more people than were meant.
        """
        given, chosen = self.data or {}, self.chosen
        known = self.form.fields.keys() | OF_THE_PAGE
        repeated = [name for name, values in lists_of(given) if len(set(values)) > 1]
        blank = [name for name in self.form.fields if given.get(name) and name not in chosen]
        return (
            not self.is_lost
            and not self.form.errors
            and not blank
            and given.keys() <= known
            and set(repeated) <= {"columns"}
        )

    @property
    def chosen(self) -> dict[str, str]:
        """The filters in force, by name."""
        # Until it is asked whether it is valid, a form has cleaned nothing.
        self.form.is_valid()
        given = self.form.cleaned_data
        return {name: value for name, value in given.items() if value}

    @cached_property
    def alert_chosen(self) -> Alert | None:
        """The alert whose people these are, or some of them; None where there is none."""
        if "alert" not in self.chosen:
            return None
        alerts = Alert.objects.visible_to(self.access).about_health()
        found: Alert | None = alerts.filter(pk=int(self.chosen["alert"])).first()
        return found

    @property
    def has_lost_alert(self) -> bool:
        """Tell whether the alert that people are narrowed by is not there; nobody is left."""
        return "alert" in self.chosen and self.alert_chosen is None

    def meaning(self, name: str, rules: Mapping[str, Explanation]) -> str:
        """Return what the value of a filter in force stands for; empty where it says so itself."""
        match name:
            case "cause":
                return explanation_of(self.chosen[name], rules).title
            case "error":
                return self.error_words
            case "teams":
                return listed([team or "no team" for team in teams_split(self.chosen[name])])
            case "alert":
                return self.alert_words(rules)
        return ""

    def alert_words(self, rules: Mapping[str, Explanation]) -> str:
        alert = self.alert_chosen
        if alert is None:
            return NOT_THERE
        return explained(alert.kind, alert.cause, alert.facts, rules).title

    @cached_property
    def error_words(self) -> str:
        """The unrecognised error that people are narrowed by, as the inbox names it."""
        errors = UnrecognisedError.objects.visible_to(self.access)
        signatures = errors.filter(pk=int(self.chosen.get("error", 0)))
        return signatures.values_list("signature", flat=True).first() or NOT_THERE

    @property
    def query(self) -> str:
        """The filters in force as a query string, from which the same people are found again."""
        return Asked(self.chosen).query

    @property
    def asked(self) -> Asked:
        """What the address asks for: whom, and how they are listed."""
        columns = self.data.getlist("columns") if hasattr(self.data, "getlist") else []
        sort, per, view = (self.data.get(name, "") for name in ("sort", "per", "view"))
        view = view if self.opened is None else str(self.opened.pk)
        return asked_of(self.chosen, sort, per, columns, view)

    def known_count(self, figures: Figures) -> int | None:
        """Return how many people match where the figures know it, else None."""
        chosen = self.chosen
        if chosen.keys() - {"status", "cause"}:
            return None
        return figures.of(chosen.get("status", ""), chosen.get("cause", ""))


def unwell(people: HealthQuerySet) -> HealthQuerySet:
    """Keep who is not well, by the index of worst first: a twentieth of all on a usual day."""
    return people.filter(severity__lt=SEVERITIES["healthy"])


def lists_of(data: Any) -> list[tuple[str, list[str]]]:
    """Return every parameter with all its values."""
    if hasattr(data, "lists"):
        return list(data.lists())
    return [(name, [value]) for name, value in data.items()]
