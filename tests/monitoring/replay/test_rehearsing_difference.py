from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from accounts.access import Access
from accounts.models import Organization
from monitoring.alerts.kinds import AlertKind
from monitoring.alerts.routing import RouteFacts
from monitoring.replay import history, rehearsing
from monitoring.replay.rehearsal_result import Aspect, Difference, Mark, from_json
from monitoring.replay.stored import as_json
from tests.monitoring.incidents.makers import INACTIVE
from tests.monitoring.replay.makers import LOCKED, make_history, propose_unlock
from tests.monitoring.replay.rehearsal_makers import as_before, found, make_trouble

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("at_now")]
EVERYTHING = RouteFacts("Everything")
INCIDENTS = RouteFacts("Incidents only", kinds=frozenset({AlertKind.INCIDENT}))


def test_a_changed_rule_is_compared_with_the_rules_in_force(
    organization: Organization, access: Access
) -> None:
    make_history(organization, None, LOCKED, INACTIVE, days=1.5)
    plain = found(access)
    result = found(access, change=propose_unlock(access))
    assert [each.mark for each in result.messages] == [Mark.CHANGED, Mark.CHANGED]
    before = [each.without for each in result.messages if each.without]
    opened, locked, reminder = plain.messages
    assert [(each.at, each.subject) for each in before] == [
        (each.at, each.subject) for each in (opened, reminder)
    ]
    assert {each.aspects for each in before} == {(Aspect.ALERTS,)}
    assert [(each.at, each.subject) for each in result.gone] == [(locked.at, locked.subject)]
    assert result.difference == Difference(new=0, gone=1, changed=2, same=0)


def test_what_only_the_change_tells_is_new(organization: Organization, access: Access) -> None:
    make_history(organization, None, None, LOCKED)
    result = found(access, change=propose_unlock(access))
    assert [each.mark for each in result.messages] == [Mark.NEW]
    assert result.difference == Difference(new=1, gone=0, changed=0, same=0)
    assert result.gone == ()


def test_what_other_routes_tell_nobody_is_gone_and_kept_with_its_text(
    organization: Organization, access: Access
) -> None:
    make_trouble(organization)
    plain = found(access)
    result = found(access, routes=[INCIDENTS])
    assert (result.messages, result.messages_total) == ((), 0)
    assert [each.mark for each in result.gone] == [Mark.GONE, Mark.GONE]
    assert [(each.at, each.subject, each.parts) for each in result.gone] == [
        (each.at, each.subject, each.parts) for each in plain.messages
    ]
    assert result.difference == Difference(new=0, gone=2, changed=0, same=0)


def test_what_is_told_later_is_changed(organization: Organization, access: Access) -> None:
    make_trouble(organization)
    plain = found(access)
    result = found(access, routes=[RouteFacts("Later", after=7_200)])
    first, before = result.messages[0], plain.messages[0]
    assert first.mark == Mark.CHANGED
    assert first.without is not None
    assert (first.without.at, first.without.subject) == (before.at, before.subject)
    assert first.at - before.at == timedelta(hours=2)
    assert first.without.aspects == (Aspect.TIME, Aspect.WORDS)


def test_the_same_routes_by_another_name_change_nothing(
    organization: Organization, access: Access
) -> None:
    make_trouble(organization)
    result = found(access, routes=[EVERYTHING])
    assert result.difference == Difference(new=0, gone=0, changed=0, same=2)
    assert [each.routes for each in result.messages] == [("Everything",)] * 2


def test_with_nothing_tried_nothing_is_compared(organization: Organization, access: Access) -> None:
    make_trouble(organization)
    result = found(access)
    assert (result.difference, result.gone) == (None, ())
    assert {each.mark for each in result.messages} == {None}


def test_both_plays_read_the_outcomes_once(
    organization: Organization, access: Access, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_trouble(organization)
    read: list[Any] = []

    def counted(*args: Any) -> list[history.Row]:
        read.append(args)
        return outcomes_read(*args)

    outcomes_read = history.outcomes_read
    monkeypatch.setattr(history, "outcomes_read", counted)
    plain, tried = found(access), found(access, change=propose_unlock(access))
    assert len(read) == 2
    assert plain.outcomes == tried.outcomes > 0


def test_no_more_than_some_are_written_down_and_all_are_counted(
    organization: Organization, access: Access, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rehearsing, "MOST_MESSAGES", 1)
    make_trouble(organization)
    gone = found(access, routes=[INCIDENTS])
    same = found(access, routes=[EVERYTHING])
    assert (len(gone.gone), len(same.messages)) == (1, 1)
    assert gone.difference == Difference(new=0, gone=2, changed=0, same=0)
    assert same.difference == Difference(new=0, gone=0, changed=0, same=2)
    assert same.messages_total == 2


def test_a_compared_result_reads_back_as_it_was(organization: Organization, access: Access) -> None:
    make_trouble(organization)
    for route in (INCIDENTS, RouteFacts("Later", after=7_200)):
        result = found(access, routes=[route])
        assert from_json(as_json(result)) == result


def test_a_result_of_a_time_when_nothing_was_compared_is_still_read(
    organization: Organization, access: Access
) -> None:
    make_trouble(organization)
    result = found(access, routes=[EVERYTHING])
    old = as_before(as_json(result))
    assert from_json(old).difference is None
    assert [each.subject for each in from_json(old).messages] == [
        each.subject for each in result.messages
    ]
