from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import transaction
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st
from pytest_django import DjangoAssertNumQueries

from monitoring.console.charts import Chart
from monitoring.console.ranges import RANGES, stretches_of
from monitoring.console.trends import GROUPS, outcomes_chart, people_chart
from monitoring.health.samples import samples_add
from monitoring.intake.counts import HOUR, counts_append
from monitoring.intake.models import OutcomeClass
from tests.factories import NOW
from tests.monitoring.console.conftest import Cast, client_of
from tests.monitoring.console.markup import markup, text
from tests.monitoring.console.test_charts import BERLIN, traces

ADDRESS = "/o/acme/trends/"
HTMX = {"HX-Request": "true"}
HOURS = timedelta(hours=1)
DAYS = timedelta(days=1)
BARS = stretches_of(NOW, DAYS, HOURS, BERLIN)
EDGES = st.sampled_from(BARS.edges)


def make_past(organization: Any, hours: int = 24) -> None:
    """One in five needs attention, and one run in five fails for it, up to now."""
    with transaction.atomic():
        for ago in range(hours):
            at = NOW - ago * HOURS
            groups = {"healthy": 4, "stalled": 1, "never_connected": 2}
            samples_add((organization.pk, at, group, people) for group, people in groups.items())
            key = organization.pk, int(at.timestamp()) // HOUR
            counts_append([(*key, "success")] * 4 + [(*key, "needs_user")])


def names(chart: Chart) -> list[str]:
    return [entry.name for entry in chart.key]


@given(st.dictionaries(st.tuples(EDGES, st.sampled_from(GROUPS)), st.integers(1, 9), min_size=1))
def test_people_are_stacked_and_what_was_not_noted_is_a_gap(
    found: dict[tuple[datetime, str], int],
) -> None:
    chart = people_chart(found, BARS, BERLIN)
    known = {edge for edge, _ in found}
    assert len(chart.table.rows) == len(BARS.edges)
    for edge, row in zip(BARS.edges, chart.table.rows, strict=True):
        assert ("not known" in row) == (edge not in known)
        if edge in known:
            figures = [number for (at, _), number in found.items() if at == edge]
            assert sum(map(int, row[1:])) == sum(figures)


@given(
    st.dictionaries(
        st.tuples(EDGES, st.sampled_from(OutcomeClass.values)), st.integers(1, 99), min_size=1
    )
)
def test_every_run_is_in_a_bar_and_none_before_the_first_is_known(
    found: dict[tuple[datetime, str], int],
) -> None:
    chart = outcomes_chart(found, BARS, BERLIN)
    assert sum(sum(bars["y"]) for bars in traces(chart, "bar")) == sum(found.values())
    first = min(edge for edge, _ in found)
    told = [row[1] != "not known" for row in chart.table.rows]
    assert told == [edge >= first for edge in BARS.edges]


def test_who_was_never_connected_is_counted_apart() -> None:
    chart = people_chart({(NOW, "never_connected"): 3}, BARS, BERLIN)
    assert (chart.table.rows, chart.summary) == ((), "Nothing has been recorded yet.")


def test_the_charts_say_how_people_and_runs_were(cast: Cast, admin_client: Client) -> None:
    make_past(cast.acme)
    response = admin_client.get(ADDRESS)
    people, runs = response.context["charts"]
    assert names(people) == ["Needs attention", "Syncing"]
    assert people.summary.endswith("(Europe/Berlin), at the end: 1 Needs attention, 4 Syncing.")
    measure = "People, on average in each 30 min. 80 % of people-hours covered"
    assert people.measure == measure
    # Noted by the hour, so every other half hour is a gap.
    assert [row[1] for row in people.table.rows[:2]] == ["not known", "1"]
    assert [(entry.name, entry.total) for entry in runs.key] == [
        ("The person must act", "24"),
        ("Synced", "96"),
    ]
    assert runs.measure == "Runs in each hour, the last one so far"
    assert "The last 24 hours The last 7 days The last 30 days" in text(response)
    assert "Time (Europe/Berlin)" in text(response)
    assert "Trends · Acme" in text(response)


@pytest.mark.parametrize("chosen", RANGES, ids=lambda chosen: chosen.key)
def test_each_range_is_a_link_and_has_few_bars(
    cast: Cast, admin_client: Client, chosen: Any
) -> None:
    make_past(cast.acme, 40)
    response = admin_client.get(f"{ADDRESS}?trend={chosen.key}")
    assert [choice.key for choice in response.context["choices"] if choice.chosen] == [chosen.key]
    assert f"{ADDRESS}?trend={chosen.key}" in markup(response).links
    for chart in response.context["charts"]:
        assert 24 <= len(chart.table.rows) <= 60
    assert admin_client.get(f"{ADDRESS}?trend=1y").context["range"] == RANGES[0]


def test_with_nothing_recorded_the_charts_say_so(cast: Cast, admin_client: Client) -> None:
    assert text(admin_client.get(ADDRESS)).count("Nothing has been recorded yet.") == 2


def test_htmx_is_given_the_charts_only(cast: Cast, admin_client: Client) -> None:
    make_past(cast.acme)
    html = admin_client.get(ADDRESS, headers=HTMX).content.decode()
    assert "<html" not in html
    assert 'id="trends"' in html


def test_who_may_see_it(cast: Cast, client: Client) -> None:
    assert client_of(cast.viewer).get(ADDRESS).status_code == 200
    assert client_of(cast.staff).get(ADDRESS).status_code == 200
    assert client_of(cast.stranger).get(ADDRESS).status_code == 404
    assert client.get(ADDRESS).status_code == 302
    assert client_of(cast.admin).post(ADDRESS).status_code == 405


def test_nothing_of_another_organization_is_drawn(cast: Cast, admin_client: Client) -> None:
    make_past(cast.globex)
    assert all(not chart.table.rows for chart in admin_client.get(ADDRESS).context["charts"])


def test_the_charts_take_six_statements(
    cast: Cast, admin_client: Client, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    make_past(cast.acme)
    with django_assert_max_num_queries(6):
        admin_client.get(ADDRESS, headers=HTMX)
