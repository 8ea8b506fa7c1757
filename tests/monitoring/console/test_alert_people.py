"""The link from an alert to its people: the message, the list and what is done to it agree."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from urllib.parse import urlencode, urlsplit

import pytest
from django.http import QueryDict
from django.test import Client
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase
from pytest_django import DjangoAssertNumQueries

from accounts.access import Access, access_for
from accounts.models import Person
from monitoring.actions.models import Action, Kind
from monitoring.actions.previews import action_preview
from monitoring.alerts.alert_links import LONGEST_QUERY, people_link
from monitoring.alerts.item import Item
from monitoring.alerts.item_people import NAMED
from monitoring.alerts.items import items_of
from monitoring.alerts.kinds import AlertKind
from monitoring.alerts.models import Alert, Recipient
from monitoring.alerts.telling import planned
from monitoring.alerts.told import Record
from monitoring.console.action_scope import ScopeRefusedError, scope_of
from monitoring.console.filters import PeopleFilter
from monitoring.console.models import SavedView
from monitoring.health.models import Health
from monitoring.incidents.models import Incident
from tests.factories import NOW, make_member, make_organization
from tests.monitoring.alerts.engine_makers import watch
from tests.monitoring.alerts.makers import make_matcher, make_silence
from tests.monitoring.alerts.routing_makers import make_recipient, make_route
from tests.monitoring.console.alert_makers import CAUSE, make_alert, make_over
from tests.monitoring.console.conftest import Cast, client_of
from tests.monitoring.console.incident_makers import make_hits, make_incident
from tests.monitoring.console.makers import make_healthy, make_many_healthy, make_unwell
from tests.monitoring.console.markup import markup, text
from tests.monitoring.console.test_export import lines

ADDRESS = "/o/acme/people/"
HOUR = timedelta(hours=1)


def narrowed(access: Access, query: str) -> PeopleFilter:
    return PeopleFilter(QueryDict(query), access=access, now=NOW)


def names(client: Client, query: str) -> set[str]:
    return {row.name for row in client.get(ADDRESS + query).context["rows"]}


def refusal(access: Access, query: str) -> str:
    with pytest.raises(ScopeRefusedError) as refused:
        scope_of(access, QueryDict(urlencode({"scope": "filter", "filter": query})))
    return str(refused.value)


# What the message says, the list shows and the action is done to

TEAMS = st.sampled_from(["", "Sales", "SALES", "Research, north"])
CAUSES = st.sampled_from([CAUSE, CAUSE, CAUSE, "silent", ""])
SIDES = st.sampled_from(["", "google", "salesforce"])
# Of an incident: waits for its end, had the trouble before, had a good run since, was tried since.
HITS = st.sampled_from(["", "", "", "waits", "own", "through", "tried"])
SILENCED = st.sampled_from([False, False, False, True])
PEOPLE = st.lists(
    st.fixed_dictionaries(
        {"team": TEAMS, "cause": CAUSES, "side": SIDES, "hit": HITS, "silenced": SILENCED}
    ),
    min_size=2,
    max_size=9,
)
MATCHERS = st.lists(st.tuples(TEAMS, st.sampled_from(["", CAUSE]), SIDES).filter(any), max_size=1)
OF_EACH_TEAM = [
    {"team": team, "cause": CAUSE, "side": "", "hit": "", "silenced": False}
    for team in ("", "Sales", "SALES", "Research, north") * 2
]
# The teams of each route to the one recipient; a route of no teams is of everybody.
SOME_TEAMS = st.lists(st.sets(TEAMS, min_size=1, max_size=2), min_size=1, max_size=2)
ROUTES = st.just([set()]) | SOME_TEAMS | SOME_TEAMS


def make_story(incident: Incident, facts: dict[str, Any]) -> None:
    """One person of the incident's organization, and what is true of them."""
    acme, cause = incident.organization, facts["cause"]
    health = {"last_signature": f"{facts['side']} 400 NO"}
    if facts["hit"] == "own":
        health["confirmed_at"] = incident.began_at - HOUR
    status = "stalled" if cause else "healthy"
    person = make_unwell(acme, status, cause, team=facts["team"], health=health)
    ends = {"through": {"recovered_at": NOW}, "tried": {"ended_at": NOW}}
    if facts["hit"]:
        make_hits(incident, [person], **ends.get(facts["hit"], {}))
    if facts["silenced"]:
        make_silence(acme, [person])


def items_told(alert: Alert) -> list[Item]:
    """What whoever is due to hear of an alert is told of it."""
    messages = planned([alert], Record(), NOW, {}).messages
    recipients = Recipient.objects.select_related("organization", "user").in_bulk()
    return list(items_of(messages, NOW, recipients=recipients).values())


def acted_on(access: Access, query: str) -> set[str]:
    """The names of whom an action would be done to, or who are left out of it."""
    scope = scope_of(access, QueryDict(urlencode({"scope": "filter", "filter": query})))
    action = action_preview(
        access=access,
        kind=Kind.NOTE,
        people=scope.people,
        origin=scope.origin,
        origin_query=scope.origin_query,
        given={"text": "Looked at.", "reason": "Looked at."},
        now=NOW,
    )
    return set(Action.objects.get(pk=action.pk).members.values_list("person__name", flat=True))


class Agreeing(TestCase):
    @settings(max_examples=40, deadline=None)
    @given(people=PEOPLE, matchers=MATCHERS, routes=ROUTES)
    @example(people=OF_EACH_TEAM, matchers=[], routes=[{"Sales"}, {"Research, north", ""}])
    def test_message_list_and_action_are_of_the_same_people(
        self, people: Any, matchers: Any, routes: Any
    ) -> None:
        acme = make_organization()
        recipient = make_recipient(acme)
        for place, teams in enumerate(routes):
            make_route(acme, [recipient], teams=sorted(teams), position=place)
        incident = make_incident(acme)
        for facts in people:
            make_story(incident, facts)
        for team, cause, provider in matchers:
            make_matcher(acme, team=team, cause=cause, provider=provider)
        watch(0)
        Recipient.objects.update(told_at=None)
        access = access_for(make_member(acme).user, acme.slug)
        for alert in Alert.objects.filter(kind__in=["stalled", "reauthorize"]):
            whole = narrowed(access, f"alert={alert.pk}")
            assert whole.qs.count() == alert.people - alert.silenced
            for item in items_told(alert):
                self.agree(access, item)

    def agree(self, access: Access, item: Item) -> None:
        if item.is_one:
            (name,) = item.names
            number = urlsplit(item.people_link).path.rstrip("/").rpartition("/")[2]
            assert Person.objects.get(pk=number).name == name
            return
        query = urlsplit(item.people_link).query
        found = narrowed(access, query)
        listed = set(found.qs.values_list("person__name", flat=True))
        assert found.is_sound
        assert len(listed) == item.people
        assert len(item.names) == min(item.people, NAMED)
        assert set(item.names) <= listed
        assert acted_on(access, query) == listed


# The list


def test_the_list_names_the_alert_and_leads_back_to_it(cast: Cast, admin_client: Client) -> None:
    ada = make_unwell(cast.acme, "stalled", CAUSE, name="Ada")
    make_silence(cast.acme, [ada])
    make_unwell(cast.acme, "stalled", CAUSE, name="Ben")
    make_unwell(cast.acme, "stalled", "silent", name="Eve")
    alert = make_alert(cast.acme, silenced=1)
    response = admin_client.get(ADDRESS, {"alert": alert.pk})
    assert [row.name for row in response.context["rows"]] == ["Ben"]
    assert response.context["ignored"] == []
    for words in (
        "Alert: Google access was revoked",
        "Only people this alert tells of now. Who is silenced, or told of with an incident,",
        "1 person · Show everybody",
    ):
        assert words in text(response), words
    page = markup(response)
    assert f"/o/acme/alerts/{alert.pk}/" in page.links
    assert page.violations == []
    html = response.content.decode()
    assert f'<input type="hidden" name="alert" value="{alert.pk}">' in html
    assert f'<input type="hidden" name="filter" value="alert={alert.pk}">' in html


def test_an_alert_is_narrowed_further_and_taken_back(cast: Cast, admin_client: Client) -> None:
    make_unwell(cast.acme, "stalled", CAUSE, name="Ada", team="Sales")
    make_unwell(cast.acme, "stalled", CAUSE, name="Ben", team="Research")
    alert = make_alert(cast.acme)
    response = admin_client.get(ADDRESS, {"alert": alert.pk, "team": "sales", "sort": "person"})
    assert [row.name for row in response.context["rows"]] == ["Ada"]
    without = {pill.name: pill.without for pill in response.context["pills"]}
    assert without == {"team": f"?alert={alert.pk}&sort=person", "alert": "?team=sales&sort=person"}


def test_several_teams_are_exactly_those_and_nobodys_is_one(
    cast: Cast, admin_client: Client
) -> None:
    for name, team in (("Ada", "Sales"), ("Ben", "SALES"), ("Eve", ""), ("Max", "Law, tax")):
        make_unwell(cast.acme, "stalled", CAUSE, name=name, team=team)
    assert names(admin_client, "?teams=Sales") == {"Ada"}
    assert names(admin_client, "?teams=,Sales") == {"Ada", "Eve"}
    response = admin_client.get(ADDRESS, {"teams": '"Law, tax",,Sales'})
    assert {row.name for row in response.context["rows"]} == {"Ada", "Eve", "Max"}
    assert "Team: Law, tax, no team or Sales" in text(response)
    assert 'name="teams" value="&quot;Law, tax&quot;,,Sales"' in response.content.decode()


def test_an_alert_that_is_over_has_nobody_and_the_page_says_so(
    cast: Cast, admin_client: Client
) -> None:
    make_unwell(cast.acme, "stalled", CAUSE)
    over = make_over(cast.acme)
    response = admin_client.get(ADDRESS, {"alert": over.pk})
    assert response.context["rows"] == []
    assert "This alert is over It has been over since Wed 15:00" in text(response)
    assert f"/o/acme/alerts/{over.pk}/" in markup(response).links
    assert lines(admin_client, f"?alert={over.pk}")[1:] == []
    found = scope_of(access_for(cast.admin, "acme"), again(over))
    assert not found.people.exists()


def again(alert: Alert) -> QueryDict:
    return QueryDict(urlencode({"scope": "filter", "filter": f"alert={alert.pk}"}))


def test_one_whose_people_are_all_silenced_has_nobody_in_the_list(
    cast: Cast, admin_client: Client
) -> None:
    people = [make_unwell(cast.acme, "stalled", CAUSE, name=name) for name in ("Ada", "Ben")]
    make_silence(cast.acme, people)
    alert = make_alert(cast.acme, silenced=2)
    response = admin_client.get(ADDRESS, {"alert": alert.pk})
    assert response.context["rows"] == []
    assert "Who is silenced, or told of with an incident, is left out." in text(response)


@pytest.mark.parametrize("alert", ["0", "-1", "x", "%00", "9" * 30, "1.5"])
def test_an_alert_that_makes_no_sense_is_left_out_and_never_acted_on(
    cast: Cast, admin_client: Client, alert: str
) -> None:
    make_healthy(cast.acme, name="Ada")
    query = f"alert={alert}"
    response = admin_client.get(f"{ADDRESS}?{query}")
    assert [row.name for row in response.context["rows"]] == ["Ada"]
    said = "The alert in the address is not one there is, so it is left out."
    assert response.context["ignored"] == [said]
    assert response.context["bulk"]["filter"] is None
    access = access_for(cast.admin, "acme")
    assert "The alert in the address is not one there is" in refusal(access, query)
    export = admin_client.get(f"/o/acme/people/export/csv?{query}")
    assert export.status_code == 302


@pytest.mark.parametrize("alert", ["theirs", "service", "other", "gone"])
def test_an_alert_that_is_not_there_has_nobody_and_the_page_says_so(
    cast: Cast, admin_client: Client, alert: str
) -> None:
    make_healthy(cast.acme, name="Ada")
    make_unwell(cast.globex, "stalled", CAUSE)
    made = {
        "theirs": make_alert(cast.globex).pk,
        "service": make_alert(None).pk,
        "other": make_alert(cast.acme, kind=AlertKind.COVERAGE, cause="coverage").pk,
        "gone": 2**62,
    }
    query = f"alert={made[alert]}"
    response = admin_client.get(f"{ADDRESS}?{query}")
    assert response.context["rows"] == []
    said = "The alert in the address is not there any more, so nobody is listed."
    assert response.context["ignored"] == [said]
    assert [pill.words for pill in response.context["pills"]] == ["one that is not there any more"]
    assert lines(admin_client, f"?{query}")[1:] == []
    scope = QueryDict(urlencode({"scope": "filter", "filter": query}))
    assert not scope_of(access_for(cast.admin, "acme"), scope).people.exists()


def test_a_view_of_an_alert_that_is_forgotten_has_nobody(cast: Cast, admin_client: Client) -> None:
    make_unwell(cast.acme, "stalled", CAUSE, name="Ada")
    make_healthy(cast.acme, name="Ben")
    alert = make_alert(cast.acme)
    query = f"alert={alert.pk}"
    admin_client.post("/o/acme/people/views/", {"name": "Revoked", "query": query})
    view = SavedView.objects.get()
    alert.delete()
    opened = admin_client.get(ADDRESS, {"view": view.pk}, follow=True)
    assert opened.context["rows"] == []
    assert "The alert in the address is not there any more" in text(opened)
    # What the page offers to save again is as narrow.
    assert opened.context["asked"].query == query
    admin_client.post(f"/o/acme/people/views/{view.pk}", {"query": query})
    view.refresh_from_db()
    assert view.query == query


def test_a_file_has_the_people_of_the_alert(cast: Cast, admin_client: Client) -> None:
    make_unwell(cast.acme, "stalled", CAUSE, name="Ada", team="Sales")
    make_silence(cast.acme, [make_unwell(cast.acme, "stalled", CAUSE, name="Ben", team="Sales")])
    make_unwell(cast.acme, "stalled", CAUSE, name="Eve")
    alert = make_alert(cast.acme)
    found = lines(admin_client, f"?alert={alert.pk}&teams=Sales")
    assert [line[0] for line in found[1:]] == ["Ada"]


def test_such_a_list_is_saved_as_a_view(cast: Cast, admin_client: Client) -> None:
    make_unwell(cast.acme, "stalled", CAUSE, name="Ada")
    make_unwell(cast.acme, "stalled", CAUSE, name="Ben", team="Sales")
    query = f"teams=%2CLaw&alert={make_alert(cast.acme).pk}"
    admin_client.post("/o/acme/people/views/", {"name": "Revoked", "query": query})
    view = SavedView.objects.get()
    assert view.query == query
    opened = admin_client.get(ADDRESS, {"view": view.pk}, follow=True)
    assert [row.name for row in opened.context["rows"]] == ["Ada"]
    assert not opened.context["saved"]["changed"]


def test_what_is_done_to_them_is_said_in_words(cast: Cast) -> None:
    alert, access = make_alert(cast.acme), access_for(cast.admin, "acme")
    query = urlencode({"alert": alert.pk, "teams": "Sales,"})
    found = scope_of(access, QueryDict(urlencode({"scope": "filter", "filter": query})))
    assert found.words == "all who match team: Sales or no team; alert: Google access was revoked"


def test_the_longest_link_is_listed_acted_on_and_saved(cast: Cast, admin_client: Client) -> None:
    alert, letters = make_alert(cast.acme), "x" * 90
    most = [f"{number:02}{letters}" for number in range(20)]
    room = LONGEST_QUERY - len(urlsplit(people_link(alert, most)).query) - len("%2C")
    last = "y" * room
    make_unwell(cast.acme, "stalled", CAUSE, name="Ada", team=last)
    link = people_link(alert, [*most, last])
    query = urlsplit(link).query
    assert len(query) == LONGEST_QUERY == Action._meta.get_field("origin_query").max_length
    assert names(admin_client, f"?{query}") == {"Ada"}
    access = access_for(cast.admin, "acme")
    scope = scope_of(access, QueryDict(urlencode({"scope": "filter", "filter": query})))
    assert scope.people.count() == 1
    admin_client.post("/o/acme/people/views/", {"name": "Long", "query": query})
    assert len(SavedView.objects.get().query) == LONGEST_QUERY
    assert people_link(alert, [*most, f"{last}y"]) == ""


def test_who_may_only_look_sees_the_same_people(cast: Cast) -> None:
    make_unwell(cast.acme, "stalled", CAUSE, name="Ada")
    alert = make_alert(cast.acme)
    response = client_of(cast.viewer).get(ADDRESS, {"alert": alert.pk})
    assert [row.name for row in response.context["rows"]] == ["Ada"]
    assert response.context["bulk"] is None
    assert client_of(cast.stranger).get(ADDRESS, {"alert": alert.pk}).status_code == 404


@pytest.mark.parametrize("size", [3, 70])
def test_the_list_takes_one_statement_more_than_others_at_any_size(
    cast: Cast,
    admin_client: Client,
    django_assert_max_num_queries: DjangoAssertNumQueries,
    size: int,
) -> None:
    stalled = {"status": "stalled", "cause": CAUSE}
    make_many_healthy(cast.acme, size, **stalled)
    Health.objects.update(severity=0)
    make_matcher(cast.acme, team="Research")
    alert = make_alert(cast.acme)
    with django_assert_max_num_queries(11):
        response = admin_client.get(ADDRESS, {"alert": alert.pk, "teams": "Sales,Research"})
    assert len(response.context["rows"]) == size // 2


# The alert's page


def test_its_page_counts_whom_the_list_shows(cast: Cast, admin_client: Client) -> None:
    people = [make_unwell(cast.acme, "stalled", CAUSE) for _ in range(3)]
    make_silence(cast.acme, people[:1])
    alert = make_alert(cast.acme, people=3, silenced=1)
    response = admin_client.get(f"/o/acme/alerts/{alert.pk}/")
    assert "Who 2 people · Everybody with this reason" in text(response)
    links = [link for link in markup(response).links if "/people/?" in link]
    assert [len(admin_client.get(link).context["rows"]) for link in links] == [2, 3]


def test_of_one_that_tells_of_nobody_its_page_leads_to_all_with_its_reason(
    cast: Cast, admin_client: Client
) -> None:
    alert = make_alert(cast.acme, people=3, silenced=3)
    page = text(admin_client.get(f"/o/acme/alerts/{alert.pk}/"))
    assert "Who Everybody with this reason" in page
    over = text(admin_client.get(f"/o/acme/alerts/{make_over(cast.acme, silenced=3).pk}/"))
    assert "Everybody with this reason" not in over


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        ({"delayed": 9, "off": 1}, "Who 9 people delayed"),
        ({"delayed": 1, "off": 9}, "Who 9 people switched off"),
    ],
)
def test_of_coverage_it_counts_who_does_not_sync(
    cast: Cast, admin_client: Client, facts: dict[str, int], words: str
) -> None:
    fields = {"kind": AlertKind.COVERAGE, "cause": "coverage", "people": 6}
    facts |= {"before_people": 20, "before_well": 20}
    alert = make_alert(cast.acme, **fields, facts=facts)
    assert words in text(admin_client.get(f"/o/acme/alerts/{alert.pk}/"))
