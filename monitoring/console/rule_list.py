"""The list of rules in force, in the order in which they are tried, and what waits above it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django import forms
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.http import require_safe

from accounts.access import Access, access_for
from monitoring.alerts.number_words import counted
from monitoring.console.pages import page
from monitoring.console.rows import Moment, past
from monitoring.console.rule_layers import (
    BUILT_IN,
    OPERATOR,
    OWN,
    Layers,
    all_layers,
    author_words,
    level_of,
    level_words,
    untouched,
)
from monitoring.console.rule_words import (
    CLASSES,
    PROVIDERS,
    class_words,
    providers_words,
    who_words,
)
from monitoring.errors.models import RuleChange, RuleState
from monitoring.errors.rulebook import rule_sets_of
from monitoring.errors.rules import Rule
from monitoring.errors.versions import version_text
from monitoring.health.tally import tally_of

ORIGINS = {BUILT_IN: "Built in", OPERATOR: "From the operator", OWN: "Your own"}
MAX_WORDS = 200


class RuleFilter(forms.Form):
    """Search, provider, class and origin. A value that makes no sense is left out."""

    q = forms.CharField(required=False, max_length=MAX_WORDS)
    provider = forms.ChoiceField(required=False, choices=[("", "Any provider"), *PROVIDERS.items()])
    kind = forms.ChoiceField(
        required=False, choices=[("", "Any class"), *((str(k), v) for k, v in CLASSES.items())]
    )
    origin = forms.ChoiceField(required=False, choices=[("", "Any origin"), *ORIGINS.items()])

    @property
    def chosen(self) -> dict[str, str]:
        """The filters in force, by name."""
        self.is_valid()
        return {name: value for name, value in self.cleaned_data.items() if value}


@dataclass(frozen=True, slots=True)
class RuleRow:
    """`people` is how many have the rule as their present cause."""

    slug: str
    title: str
    meaning: str
    kind: str
    who: str
    providers: str
    origin: str
    changed_by: str
    changed: Moment | None
    people: int


@dataclass(frozen=True, slots=True)
class OpenChange:
    """A draft, or a change that waits for a second look."""

    pk: int
    title: str
    level: str
    is_waiting: bool
    author: str
    reason: str
    created: Moment | None


@login_required
@require_safe
def rules(request: HttpRequest, slug: str) -> HttpResponse:
    """List the rules in force for an organization, narrowed as the address says."""
    access = access_for(request.user, slug)
    now, narrowed = timezone.now(), RuleFilter(request.GET)
    rule_set = rule_sets_of([access.organization.pk])[access.organization.pk]
    layers, people = all_layers(access), people_by_cause(access)
    chosen = [rule for rule in rule_set.rules if fits(rule, narrowed.chosen, layers)]
    context: dict[str, Any] = {
        "section": "rules",
        "filter": narrowed,
        "chosen": narrowed.chosen,
        "rows": [
            row_of(
                rule,
                layers.get(rule.id) or untouched(rule.id),
                people[rule.id],
                access,
                now,
            )
            for rule in chosen
        ],
        "shown": shown(len(chosen), len(rule_set.rules)),
        "total": len(rule_set.rules),
        "version": version_text(rule_set.version),
        "unreadable": unreadable(layers),
        "open_changes": open_changes(access, {rule.id: rule.title for rule in rule_set.rules}, now),
    }
    return page(request, access, "console/rules.html", "results", context)


def people_by_cause(access: Access) -> Counter[str]:
    """Return how many people there are for each cause, from the tally."""
    people: Counter[str] = Counter()
    for (_, cause), number in tally_of(access.organization.pk).counts.items():
        people[cause] += number
    return people


def fits(rule: Rule, chosen: Mapping[str, str], layers: Mapping[str, Layers]) -> bool:
    """Tell if a rule is among those asked for; one without provider is for every provider."""
    provider, kind, origin = (chosen.get(name, "") for name in ("provider", "kind", "origin"))
    its_origin = layers[rule.id].origin if rule.id in layers else BUILT_IN
    return (
        (not provider or not rule.providers or provider in rule.providers)
        and kind in {"", rule.interpretation}
        and origin in {"", its_origin}
        and all(word in text_of(rule) for word in chosen.get("q", "").lower().split())
    )


def text_of(rule: Rule) -> str:
    """Return all of a rule that is searched, in lower case."""
    conditions = (
        text for each in rule.conditions for text in (*each.codes, *each.subcodes, *each.says)
    )
    return " ".join((rule.id, rule.title, rule.meaning, rule.next_step, *conditions)).lower()


def row_of(rule: Rule, layers: Layers, people: int, access: Access, now: datetime) -> RuleRow:
    change = layers.change
    return RuleRow(
        slug=rule.id,
        title=rule.title,
        meaning=rule.meaning,
        kind=class_words(rule.interpretation),
        who=who_words(rule.who),
        providers=providers_words(rule.providers),
        origin=ORIGINS[layers.origin],
        changed_by=author_words(change, access) if change else "",
        changed=past(change.live_at, now, access.time_zone) if change else None,
        people=people,
    )


def unreadable(layers: Mapping[str, Layers]) -> list[tuple[str, str]]:
    """Return id and title of the rules of which a level can't be read any more."""
    return [
        (rule, str((change.after or {}).get("title") or rule))
        for rule, each in layers.items()
        for change in list(each.unreadable.values())[:1]
    ]


def shown(rules: int, total: int) -> str:
    """Return how many rules are shown: "12 of 140 rules"."""
    if rules == total:
        return counted(total, "rule")
    return f"{rules:,} of {counted(total, 'rule')}"


def open_changes(access: Access, titles: Mapping[str, str], now: datetime) -> list[OpenChange]:
    """Return the drafts one may see, those that wait for a second look first."""
    found: Iterable[RuleChange] = RuleChange.objects.visible_to(access).open()
    return in_order([open_change(each, titles, access, now) for each in found])


def open_change(
    change: RuleChange, titles: Mapping[str, str], access: Access, now: datetime
) -> OpenChange:
    said = change.after or change.before or {}
    return OpenChange(
        pk=change.pk,
        title=said.get("title") or titles.get(change.rule, change.rule),
        level=level_words(level_of(change), access),
        is_waiting=change.state == RuleState.WAITING,
        author=change.author_name,
        reason=change.reason,
        created=past(change.created_at, now, access.time_zone),
    )


def in_order(changes: Sequence[OpenChange]) -> list[OpenChange]:
    return sorted(changes, key=lambda change: (not change.is_waiting, -change.pk))
