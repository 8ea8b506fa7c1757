"""Whom an action is for: the people that a link or a form of the console means."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from django.core.exceptions import SuspiciousOperation
from django.http import Http404, QueryDict
from django.utils import timezone

from accounts.models import Person
from monitoring.actions.models import Action, ActionPerson, Origin, PersonState
from monitoring.alerts.alert_links import LONGEST_QUERY
from monitoring.alerts.number_words import people_of
from monitoring.console.action_words import RESULT_WORDS, kind_title
from monitoring.console.filters import OF_THE_PAGE, PeopleFilter
from monitoring.console.incident_words import phrase
from monitoring.console.moments import brief
from monitoring.console.rules import explanations
from monitoring.health.models import Health, HealthQuerySet
from monitoring.incidents.models import Hit, Incident

if TYPE_CHECKING:
    from accounts.access import Access

CHOOSE_AGAIN = "Go back to People and choose again."


class ScopeRefusedError(Exception):
    """Parameters that mean nobody, or leave open who is meant; the message is for the admin."""


@dataclass(frozen=True, slots=True)
class Scope:
    """The people meant, and how to say so. `parameters` are what a link or form names them by.

    `person` is the one person of a page of theirs. `elsewhere` counts those picked who are not in
    the organization.
    """

    people: HealthQuerySet
    origin: Origin
    origin_query: str
    words: str
    parameters: tuple[tuple[str, str], ...]
    person: Person | None = None
    elsewhere: int = 0


def scope_of(access: Access, data: QueryDict) -> Scope:
    """Return whom the parameters of a link or form mean.

    What makes no sense never means more people than it would if it did: it raises
    ScopeRefusedError. Raises Http404 for a person, incident or action that is not the
    organization's.
    """
    found = SCOPES.get(data.get("scope", ""))
    if found is None:
        raise ScopeRefusedError(f"The address does not say who is meant. {CHOOSE_AGAIN}")
    return found(access, data)


def one_person(access: Access, data: QueryDict) -> Scope:
    number = number_in(data.get("person"))
    people = Health.objects.visible_to(access).filter(pk=number)
    health = people.select_related("person").first() if number else None
    if health is None:
        raise Http404
    person = health.person
    parameters = (("scope", "person"), ("person", str(person.pk)))
    return Scope(people, Origin.PERSON, "", person.name, parameters, person=person)


def selection(access: Access, data: QueryDict) -> Scope:
    picked = set(data.getlist("person"))
    if not picked:
        raise ScopeRefusedError("Nobody is chosen. Tick people in the list of people first.")
    numbers = {number for text in picked if (number := number_in(text))}
    people = Health.objects.visible_to(access).filter(pk__in=numbers)
    found = list(people.order_by("pk").values_list("pk", flat=True))
    if not found:
        raise ScopeRefusedError(f"Nobody of those chosen is in this organization. {CHOOSE_AGAIN}")
    elsewhere = len(picked) - len(found)
    parameters = (("scope", "selection"), *(("person", str(each)) for each in found))
    query = urlencode({"elsewhere": elsewhere}) if elsewhere else ""
    words = f"{people_of(len(found))} picked one by one"
    return Scope(people, Origin.SELECTION, query, words, parameters, elsewhere=elsewhere)


def all_who_match(access: Access, data: QueryDict) -> Scope:
    query = data.get("filter")
    if query is None:
        raise ScopeRefusedError(f"The address does not say who is meant. {CHOOSE_AGAIN}")
    narrowed = filter_of(access, query.removeprefix("?"))
    if narrowed.opened is not None:
        # The view may become another list; who is meant is said by the filters.
        query = narrowed.opened.query
    parameters = (("scope", "filter"), ("filter", query))
    return Scope(narrowed.qs, Origin.FILTER, query, filter_words(access, narrowed), parameters)


def filter_of(access: Access, query: str) -> PeopleFilter:
    """Return the filter of the list of people that a query string holds.

    The list leaves out what makes no sense and says so; an action must not, or it would be done to
    more people than were meant.
    """
    if len(query) > LONGEST_QUERY:
        raise ScopeRefusedError(f"The filter in the address is too long. {CHOOSE_AGAIN}")
    try:
        given = QueryDict(query)
    except (SuspiciousOperation, UnicodeError, ValueError):
        raise ScopeRefusedError(
            f"The filter in the address can't be read. {CHOOSE_AGAIN}"
        ) from None
    narrowed = PeopleFilter(given, access=access, now=timezone.now())
    if narrowed.is_lost:
        raise ScopeRefusedError(
            f"The saved view in the address is not there, or is not shared with you. {CHOOSE_AGAIN}"
        )
    known = narrowed.form.fields
    unknown = [name for name in narrowed.data if name not in known and name not in OF_THE_PAGE]
    if unknown:
        raise ScopeRefusedError(
            f"People can't be narrowed by “{unknown[0][:40]}”, so it is not clear who is meant. "
            f"{CHOOSE_AGAIN}"
        )
    for name in narrowed.form.errors:
        raise ScopeRefusedError(
            f"The {str(known[name].label).lower()} in the address is not one there is, so it is "
            f"not clear who is meant. {CHOOSE_AGAIN}"
        )
    if not narrowed.is_sound:
        raise ScopeRefusedError(
            "The address narrows people by the same thing twice, or by nothing, so it is not clear "
            f"who is meant. {CHOOSE_AGAIN}"
        )
    return narrowed


def filter_words(access: Access, narrowed: PeopleFilter) -> str:
    """Return what people are narrowed by, as the list's own fields call it."""
    chosen = narrowed.chosen
    if not chosen:
        return f"everybody in {access.organization.name}"
    return f"all who match {'; '.join(shown(access, narrowed))}"


def shown(access: Access, narrowed: PeopleFilter) -> list[str]:
    """Return the filters in force with their values as a reader knows them."""
    chosen = narrowed.chosen
    is_by_rule = chosen.keys() & {"cause", "alert"}
    rules = explanations(access.organization.pk) if is_by_rule else {}
    values = {
        name: narrowed.meaning(name, rules) or chosen_words(narrowed, name, value)
        for name, value in chosen.items()
    }
    if "error" in values:
        values["error"] = f"“{narrowed.error_words}”"
    labels = {name: str(field.label).lower() for name, field in narrowed.form.fields.items()}
    labels["q"] = "search"
    return [f"{labels[name]}: {value}" for name, value in values.items()]


def chosen_words(narrowed: PeopleFilter, name: str, value: Any) -> str:
    choices = getattr(narrowed.form.fields[name], "choices", None) or ()
    return next(
        (str(words) for choice, words in choices if str(choice) == str(value)), f"“{value}”"
    )


def hit_by_incident(access: Access, data: QueryDict) -> Scope:
    """Whom an incident hit and who have had no good run since."""
    number = number_in(data.get("incident"))
    incident = Incident.objects.visible_to(access).filter(pk=number).first() if number else None
    if incident is None:
        raise Http404
    waiting = Hit.objects.visible_to(access).filter(incident=incident, recovered_at=None)
    people = Health.objects.visible_to(access).filter(person__in=waiting.values("person_id"))
    began = brief(incident.began_at, timezone.now(), access.time_zone)
    whose = phrase(incident.provider, 0)
    words = f"all hit by {whose} of {began} who have had no good run since"
    key = str(incident.pk)
    parameters = (("scope", "incident"), ("incident", key))
    return Scope(people, Origin.INCIDENT, key, words, parameters)


def of_action(access: Access, data: QueryDict) -> Scope:
    """The people of another action, all or those of one result."""
    number, state = number_in(data.get("action")), data.get("state", "")
    action = Action.objects.visible_to(access).filter(pk=number).first() if number else None
    if action is None:
        raise Http404
    members = ActionPerson.objects.visible_to(access).filter(action=action)
    parameters: dict[str, str] = {"action": str(action.pk)}
    words = f"people of “{kind_title(action.kind)}” by {action.author_name}"
    if state:
        if state not in STATES:
            raise ScopeRefusedError("The address names a result that there is not.")
        members = members.filter(state=STATES[state])
        parameters["state"] = state
        words += f", of whom it says: {RESULT_WORDS[STATES[state]].lower()}"
    people = Health.objects.visible_to(access).filter(person__in=members.values("person_id"))
    query = urlencode(parameters)
    return Scope(people, Origin.ACTION, query, words, (("scope", "action"), *parameters.items()))


STATES = {str(state.value): state for state in PersonState}
SCOPES: Mapping[str, Callable[[Access, QueryDict], Scope]] = {
    "person": one_person,
    "selection": selection,
    "filter": all_who_match,
    "incident": hit_by_incident,
    "action": of_action,
}


def number_in(text: str | None) -> int | None:
    """Return the id that a text holds; None for one that holds none."""
    if text and text.isascii() and text.isdigit() and 0 < (number := int(text[:19])) < 2**63:
        return number if len(text) <= 19 else None
    return None
