"""What the list of people can be narrowed by; page and counts share it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import django_filters
from django import forms

from accounts.models import Person
from monitoring.console.figures import Figures
from monitoring.console.wording import LOOKS
from monitoring.errors.models import UnrecognisedError, UnrecognisedPerson
from monitoring.health.fold import SEVERITY, Standing, severity
from monitoring.health.models import Health, HealthQuerySet

if TYPE_CHECKING:
    from accounts.access import Access

# The severity of each group is the second column of the index that the list is read from.
SEVERITIES = {group: severity(Standing(group, "")) for group in SEVERITY}
SEVERITIES["never_connected"] = severity(Standing("degraded", "never_connected"))


class PeopleFilter(django_filters.FilterSet):
    """Search, status, cause and team. A value that makes no sense is reported and left out."""

    q = django_filters.CharFilter(
        method="search",
        label="Search people",
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
    team = django_filters.CharFilter(field_name="person__team", label="Team", max_length=100)
    error = django_filters.NumberFilter(
        method="hit_by",
        label="Unrecognised error",
        min_value=1,
        max_value=2**63 - 1,
        decimal_places=0,
    )

    class Meta:
        model = Health
        fields: list[str] = []

    def __init__(self, data: Any, *, access: Access) -> None:
        self.access = access
        super().__init__(data, queryset=Health.objects.visible_to(access))

    def search(self, people: HealthQuerySet, name: str, words: str) -> HealthQuerySet:
        found = Person.objects.visible_to(self.access).matching(words)
        return people.filter(person__in=found.values("pk"))

    def in_group(self, people: HealthQuerySet, name: str, group: str) -> HealthQuerySet:
        return people.filter(severity=SEVERITIES[group])

    def hit_by(self, people: HealthQuerySet, name: str, error: int) -> HealthQuerySet:
        """Keep whom an unrecognised error of the organization hit, whatever came since."""
        errors = UnrecognisedError.objects.visible_to(self.access).filter(pk=int(error))
        hit = UnrecognisedPerson.objects.filter(unrecognised__in=errors)
        return people.filter(person__in=hit.values("person_id"))

    @property
    def chosen(self) -> dict[str, str]:
        """The filters in force, by name."""
        return {name: value for name, value in self.form.cleaned_data.items() if value}

    def known_count(self, figures: Figures) -> int | None:
        """Return how many people match where the figures know it, else None."""
        chosen = self.chosen
        if chosen.keys() - {"status", "cause"}:
            return None
        return figures.of(chosen.get("status", ""), chosen.get("cause", ""))
