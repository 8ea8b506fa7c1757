from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta, timezone
from threading import Barrier, Thread
from typing import Any

import pytest
from django.db import connections
from django.db.models import Sum
from hypothesis import given
from hypothesis import strategies as st

from monitoring.intake import housekeeping
from monitoring.intake.counts import HOUR, class_of, key_of, outcomes_by_class
from monitoring.intake.housekeeping import counts_fold, counts_forget
from monitoring.intake.ingest import outcomes_ingest
from monitoring.intake.models import ClassHour, ClassHourChange, OutcomeClass
from monitoring.intake.schema import split
from monitoring.outcomes.models import Outcome, Result
from tests.factories import NOW, make_organization, make_person
from tests.monitoring.errors.makers import panic
from tests.monitoring.intake.makers import as_lines, make_error, make_line

HOURS = timedelta(hours=1)
INTERPRETATIONS = ("transient", "needs_user", "needs_admin", "record", "client_bug", "unknown")


def deliver(organization: Any, *lines: dict[str, Any]) -> None:
    body = split(as_lines(*lines))
    outcomes_ingest(body, organization=organization, source="a test", now=NOW + HOURS)


def counted(organization: Any) -> dict[tuple[datetime, str], int]:
    edges = [NOW - 2 * HOURS, NOW - HOURS, NOW, NOW + HOURS]
    return outcomes_by_class(organization.pk, edges, NOW + 2 * HOURS)


def total() -> int:
    sums: Iterable[int | None] = (
        model.objects.aggregate(total=Sum("outcomes"))["total"]
        for model in (ClassHour, ClassHourChange)
    )
    return sum(number or 0 for number in sums)


@given(result=st.sampled_from(Result.values), read_as=st.sampled_from([*INTERPRETATIONS, None]))
def test_every_outcome_has_one_class_and_a_failure_that_of_its_error(
    result: str, read_as: str | None
) -> None:
    found = class_of(result, read_as)
    assert found in OutcomeClass.values
    if result == "failure":
        assert found == (read_as or "unknown")
    else:
        assert found == result


@given(st.floats(1e9, 4e9), st.integers(-14 * 60, 14 * 60))
def test_the_hour_is_that_of_utc_whatever_zone_a_time_is_told_in(
    seconds: float, minutes: int
) -> None:
    moment = datetime.fromtimestamp(seconds, timezone(timedelta(minutes=minutes)))
    _, hours, _ = key_of(1, moment, "success", None)
    start = datetime.fromtimestamp(hours * HOUR, UTC)
    assert start <= moment < start + HOURS
    assert (start.minute, start.second) == (0, 0)


@pytest.mark.django_db
def test_outcomes_are_counted_by_class_and_by_the_hour_they_ended_in() -> None:
    acme = make_organization()
    person = make_person(acme)
    deliver(
        acme,
        make_line(person),
        make_line(person, 59),
        make_line(person, -1),
        make_line(person, -2, result="lost"),
        make_line(person, -3, result="partial", error=panic()),
        make_line(person, -4, result="failure", error=make_error()),
        make_line(person, -5, result="failure", error=panic()),
        make_line(person, -6, result="failure"),
    )
    before = NOW - HOURS
    assert counted(acme) == {
        (NOW, "success"): 2,
        (before, "success"): 1,
        (before, "lost"): 1,
        (before, "partial"): 1,
        (before, "needs_user"): 1,
        (before, "unknown"): 2,
    }
    assert counted(make_organization()) == {}


@pytest.mark.django_db
def test_what_comes_twice_is_counted_once() -> None:
    acme = make_organization()
    person = make_person(acme)
    lines = [make_line(person, minutes) for minutes in range(5)]
    deliver(acme, *lines, lines[0])
    deliver(acme, *lines)
    assert counted(acme) == {(NOW, "success"): 5}
    assert ClassHourChange.objects.count() == 1


@pytest.mark.django_db
def test_folding_adds_up_and_changes_no_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(housekeeping, "ENOUGH_TO_FOLD", 6)
    acme, globex = make_organization(), make_organization()
    for minutes in (-50, -10, 5):
        for organization in (acme, globex):
            deliver(organization, make_line(make_person(organization), minutes))
    before = counted(acme)
    assert counts_fold()
    assert not ClassHourChange.objects.exists()
    assert ClassHour.objects.count() == 4
    deliver(acme, make_line(make_person(acme), 6))
    assert not counts_fold()
    assert counted(acme) == before | {(NOW, "success"): 2}
    monkeypatch.setattr(housekeeping, "ENOUGH_TO_FOLD", 1)
    assert counts_fold()
    assert counted(acme) == before | {(NOW, "success"): 2}
    assert total() == Outcome.objects.count()


@pytest.mark.django_db
def test_counts_of_an_organization_that_is_gone_keep_nobody_else_from_being_folded(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(housekeeping, "ENOUGH_TO_FOLD", 1)
    acme = make_organization()
    ClassHourChange.objects.bulk_create(
        ClassHourChange(organization_id=pk, hour=NOW, outcome_class="success", outcomes=3)
        for pk in (acme.pk, acme.pk + 1_000)
    )
    assert counts_fold()
    assert total() == 3


@pytest.mark.django_db
def test_what_no_trend_reaches_is_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(housekeeping, "ENOUGH_TO_FOLD", 2)
    acme = make_organization()
    for days in (33, 31):
        deliver(acme, make_line(make_person(acme), -60 * 24 * days))
    assert counts_fold()
    deliver(acme, make_line(make_person(acme), -60 * 24 * 33))
    counts_forget(NOW)
    assert (total(), ClassHourChange.objects.count()) == (1, 0)


@pytest.mark.django_db(transaction=True)
def test_nothing_is_lost_or_counted_twice_while_two_deliver_the_same_and_two_fold(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(housekeeping, "ENOUGH_TO_FOLD", 1)
    acme = make_organization()
    people = [make_person(acme) for _ in range(4)]
    batches = [[make_line(person, minutes) for person in people] for minutes in range(8)]
    barrier, raised = Barrier(4), []

    def at_once(work: Any) -> None:
        try:
            barrier.wait(10)
            for batch in batches:
                work(batch)
        except Exception as error:  # noqa: BLE001 - the test asserts that there was none
            raised.append(error)
        finally:
            connections.close_all()

    works = [lambda batch: deliver(acme, *batch)] * 2 + [lambda batch: counts_fold()] * 2
    threads = [Thread(target=at_once, args=[work]) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert raised == []
    assert counted(acme) == {(NOW, "success"): 32}
    assert total() == Outcome.objects.count() == 32
    counts_fold()
    assert Counter(ClassHour.objects.values_list("outcome_class", "outcomes")) == {
        ("success", 32): 1
    }
