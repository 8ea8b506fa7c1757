"""The decision whose access is got anew, and how; the same in Python and in SQL."""

from __future__ import annotations

from datetime import timedelta
from itertools import product
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accounts.access import Access
from accounts.models import ConnectionState, Organization, Person, Provider
from monitoring.actions.access_conditions import needs
from monitoring.actions.checking import left_out_code
from monitoring.actions.deed_reauthorize import LONGEST_MESSAGE, ReauthorizeDeed
from monitoring.actions.deeds import ActionRefusedError
from monitoring.actions.invitations import invitation_make
from monitoring.actions.models import Action, Kind, PersonState
from monitoring.actions.reauthorization import (
    ACCESS_RULES,
    PROVIDERS,
    ConnectionFacts,
    Method,
    Plan,
    ReauthorizationFacts,
    asked_for,
    needs_access,
    reauthorization_of,
)
from monitoring.actions.reauthorizing import needs_of
from monitoring.errors.interpretation import built_in_definitions
from monitoring.health.models import Health
from monitoring.incidents.models import Incident
from syncing.grants import credential_set
from tests.factories import NOW, make_connection, make_person
from tests.monitoring.actions.makers import make_preview, results
from tests.monitoring.console.incident_makers import make_hits, make_incident
from tests.monitoring.console.makers import make_outcome

sets = st.frozensets(st.sampled_from(PROVIDERS))
facts = st.builds(
    ReauthorizationFacts,
    needs=sets,
    method=st.sampled_from(Method),
    acts=sets,
    asks=sets,
    invited=st.booleans(),
    held_back=st.booleans(),
)


@given(facts)
def test_each_access_is_got_at_most_once_and_only_where_needed(f: ReauthorizationFacts) -> None:
    plan = reauthorization_of(f)
    got = [*plan.mint, *plan.ask]
    assert len(set(got)) == len(got)
    assert set(got) <= f.needs
    assert set(plan.mint) <= f.acts
    assert set(plan.ask) <= f.asks
    assert bool(plan.left_out) == (not got)
    assert f.method != Method.LINK or not plan.mint
    assert f.method != Method.ORGANIZATION or not plan.ask
    # Nobody is asked twice, or for what the organization can get.
    assert not (plan.ask and f.invited)
    if f.method == Method.BEST:
        assert not set(plan.ask) & f.acts
    if plan.ask and not plan.mint:
        assert not f.held_back


@pytest.mark.parametrize(
    ("given_facts", "plan"),
    [
        ({"needs": ""}, Plan(left_out="in_order")),
        ({"acts": "", "asks": ""}, Plan(left_out="no_app")),
        ({"acts": "", "method": Method.ORGANIZATION}, Plan(left_out="no_app")),
        ({"asks": "", "method": Method.LINK}, Plan(left_out="no_app")),
        ({"method": Method.LINK, "invited": True}, Plan(left_out="invited_already")),
        ({"method": Method.LINK, "held_back": True}, Plan(left_out="in_incident")),
        ({"held_back": True}, Plan(mint=("google", "salesforce"))),
        ({"acts": "google"}, Plan(mint=("google",), ask=("salesforce",))),
        ({"acts": "google", "invited": True}, Plan(mint=("google",))),
        ({"method": Method.LINK}, Plan(ask=("google", "salesforce"))),
    ],
)
def test_some_cases(given_facts: dict[str, Any], plan: Plan) -> None:
    values = dict.fromkeys(("needs", "acts", "asks"), "google salesforce")
    values = {**values, "method": Method.BEST, **given_facts}
    sets_of = {
        name: frozenset(value.split()) if name in ("needs", "acts", "asks") else value
        for name, value in values.items()
    }
    assert reauthorization_of(ReauthorizationFacts(**sets_of)) == plan


def test_the_rules_about_access_exist_and_are_of_their_provider() -> None:
    known = built_in_definitions().keys()
    for provider, other in (PROVIDERS, PROVIDERS[::-1]):
        assert ACCESS_RULES[provider] <= known
        assert not [rule for rule in ACCESS_RULES[provider] if rule.startswith(other)]


HOUR = timedelta(hours=1)
STATES = [None, *ConnectionState]
RULES = [None, "google-access-revoked", "salesforce-user-inactive", "google-rate-limit"]
GRANTED = [NOW - 9 * HOUR, NOW - HOUR]
ATTEMPTS = [None, NOW - 4 * HOUR]


def facts_of(state: ConnectionState | None, granted_at: Any) -> ConnectionFacts | None:
    return None if state is None else ConnectionFacts(state == "refused", granted_at)


def test_python_and_sql_agree_on_who_needs_access(acme: Organization) -> None:
    expected: dict[int, set[str]] = {}
    for state, rule, granted_at, attempt in product(STATES, RULES, GRANTED, ATTEMPTS):
        person = make_person(acme)
        Health.objects.filter(person=person).update(last_rule=rule, last_attempt_at=attempt)
        if state is not None:
            make_connection(person, Provider.GOOGLE, state=state, granted_at=granted_at)
        connections = {"google": facts_of(state, granted_at)}
        expected[person.pk] = {
            provider
            for provider in PROVIDERS
            if needs_access(connections.get(provider), provider, rule, attempt)
        }
    for provider in PROVIDERS:
        found = set(Health.objects.filter(needs(provider)).values_list("person_id", flat=True))
        assert found == {person for person, wanted in expected.items() if provider in wanted}


@pytest.mark.parametrize(("began", "needed"), [(HOUR / 2, set()), (2 * HOUR, {"google"})])
def test_a_run_that_began_before_the_access_was_given_says_nothing_of_it(
    acme: Organization, began: timedelta, needed: set[str]
) -> None:
    """Though it ended by an error about access after that."""
    person = make_person(acme)
    for provider in Provider:
        make_connection(person, provider, state=ConnectionState.PROVEN, granted_at=NOW)
    run = make_outcome(person, started_at=NOW - HOUR + began, finished_at=NOW + 3 * HOUR)
    Health.objects.filter(person=person).update(
        last_rule="google-access-revoked",
        last_attempt_at=run.finished_at,
        last_attempt_id=run.attempt_id,
    )
    found = {each for each in PROVIDERS if Health.objects.filter(needs(each)).exists()}
    assert found == needs_of(person) == needed


def test_an_access_to_salesforce_of_an_unknown_user_is_needed(acme: Organization) -> None:
    person = make_person(acme, salesforce_user_id="")
    for provider in Provider:
        make_connection(person, provider, state=ConnectionState.PROVEN)
    found = {each for each in PROVIDERS if Health.objects.filter(needs(each)).exists()}
    assert found == needs_of(person) == {"salesforce"}


def make_lost(organization: Organization, lost: frozenset[str]) -> Person:
    person = make_person(organization)
    for provider in Provider:
        state = ConnectionState.REFUSED if provider in lost else ConnectionState.PROVEN
        make_connection(person, provider, state=state)
    return person


def test_python_and_sql_agree_on_who_is_left_out(acme: Organization, access: Access) -> None:
    """For every combination of what is lost, of the organization's apps, way and invitation."""
    incident = make_incident(acme)
    some = [frozenset(each) for each in ((), ("google",), ("salesforce",), PROVIDERS)]
    people = {}
    for lost, invited, hit in product(some, (False, True), (False, True)):
        person = make_lost(acme, lost)
        people[person.pk] = (lost, invited, hit)
        if hit:
            make_hits(incident, [person])
        if invited:
            invitation_make(
                organization=acme,
                person=person,
                providers=["google"],
                asked_by=access.user,
                asked_by_name="Ann",
                action=None,
                now=NOW,
            )
    assert Incident.objects.open().exists()
    for acts, asks, method in product(some, some, Method):
        parameters = {"method": str(method), "acts": sorted(acts), "asks": sorted(asks)}
        code = left_out_code(ReauthorizeDeed(), parameters, NOW)
        found = dict(Health.objects.annotate(why=code).values_list("person_id", "why"))
        for person_id, (lost, invited, hit) in people.items():
            wanted = lost & asked_for(method, acts, asks)
            held_back = hit or "salesforce" in wanted
            decided = ReauthorizationFacts(lost, method, acts, asks, invited, held_back)
            assert found[person_id] == reauthorization_of(decided).left_out, decided


def test_a_preview_says_who_is_left_out(acme: Organization, access: Access) -> None:
    credential_set(
        organization=acme,
        provider=Provider.SALESFORCE,
        client_id="app",
        secret="-----BEGIN PRIVATE KEY-----",
    )
    well, lost = make_lost(acme, frozenset()), make_lost(acme, frozenset({"salesforce"}))
    other = make_lost(acme, frozenset({"google"}))
    action = make_preview(access, [well, lost, other], Kind.REAUTHORIZE)
    assert results(action) == {
        well.pk: (PersonState.LEFT_OUT, "in_order"),
        lost.pk: (PersonState.WAITING, ""),
        other.pk: (PersonState.LEFT_OUT, "no_app"),
    }
    assert (action.people, action.left_out) == (1, 2)
    assert action.parameters == {
        "method": "",
        "message": "",
        "acts": ["salesforce"],
        "asks": ["salesforce"],
    }


@pytest.mark.parametrize(
    ("typed", "field"),
    [({"method": "magic"}, "method"), ({"message": "x" * (LONGEST_MESSAGE + 1)}, "message")],
)
def test_what_was_typed_wrong_is_told_with_its_field(
    access: Access, typed: dict[str, str], field: str
) -> None:
    with pytest.raises(ActionRefusedError) as caught:
        ReauthorizeDeed().clean(typed, access=access, now=NOW)
    assert caught.value.field == field


def test_it_cant_be_undone() -> None:
    assert not ReauthorizeDeed.reversible
    with pytest.raises(NotImplementedError):
        ReauthorizeDeed().undo(Action(), [], NOW)
