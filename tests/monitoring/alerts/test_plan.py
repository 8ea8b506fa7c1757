from __future__ import annotations

from dataclasses import replace
from datetime import time

import pytest

from monitoring.alerts.hours import Hours
from monitoring.alerts.kinds import ABOUT_PEOPLE, AlertKind, Severity
from monitoring.alerts.plan import plan_at, told_after
from monitoring.alerts.plan_facts import (
    Message,
    Mute,
    Muted,
    Phase,
    Plan,
    Target,
)
from tests.monitoring.alerts.lives import (
    WAITS,
    Life,
    at,
    episode,
    play,
)
from tests.monitoring.alerts.plan_makers import (
    ADMIN,
    DAY,
    EVERY_MINUTE,
    planned,
    said,
    stalled,
    told,
)


def test_each_recipient_is_told_of_the_beginning_and_of_the_end() -> None:
    both = [ADMIN, Target("support", route=7)]
    played = play([Life(episode(0, 60))], both, EVERY_MINUTE)
    assert [(minute, each.recipient, each.phase) for minute, each in played.sent] == [
        (15, "admin", "opened"),
        (15, "support", "opened"),
        (90, "admin", "over"),
        (90, "support", "over"),
    ]


def test_a_message_says_by_which_route_it_goes_and_of_how_many() -> None:
    plan = planned(episode(), Target("admin", route=7), minutes=15)
    assert plan.messages == (Message("e1", "admin", Phase.OPENED, 40, route=7),)


def test_an_end_says_of_how_many_was_told_or_how_many_more_it_came_to() -> None:
    ended = episode(0, 60, people=0)
    (over,) = planned(ended, ADMIN, minutes=90, told=told(people=12)).messages
    assert (over.phase, over.people) == (Phase.OVER, 12)
    (over,) = planned(episode(0, 60), ADMIN, minutes=90, told=told(people=12)).messages
    assert over.people == 40


def test_an_end_that_was_none_is_not_told() -> None:
    assert said(episode(0, 60), ADMIN, minutes=80, told=told()) == []
    assert said(episode(0), ADMIN, minutes=95, told=told()) == []


def test_what_belongs_to_another_organization_is_told_to_none_here() -> None:
    assert said(episode(organization_id=2), ADMIN, minutes=60) == []
    assert said(episode(organization_id=None), ADMIN, minutes=60) == []


def test_what_belongs_to_none_is_told_to_the_services_own() -> None:
    plan = plan_at([episode(organization_id=None)], {None: [ADMIN]}, {}, at(15), WAITS)
    assert len(plan.messages) == 1


def test_who_fails_recovers_and_fails_again_is_told_of_twice() -> None:
    first, again = episode(0, 60, key="first"), episode(95, 200, key="again", flaps=1)
    played = play([Life(first), Life(again)], [ADMIN], EVERY_MINUTE)
    assert [(minute, each.episode, each.phase) for minute, each in played.sent] == [
        (15, "first", "opened"),
        (90, "first", "over"),
        (110, "again", "opened"),
        (230, "again", "over"),
    ]


class TestGrowing:
    def test_three_times_as_many_are_told_an_hour_after_the_last_message(self) -> None:
        grown = stalled(120)
        assert said(grown, ADMIN, minutes=74, told=told()) == []
        plan = planned(grown, ADMIN, minutes=75, told=told())
        assert plan.messages == (Message("e1", "admin", Phase.GROWN, 120, number=1),)

    def test_it_goes_by_what_was_told_last(self) -> None:
        after = told_after(told(), Message("e1", "admin", Phase.GROWN, 120, number=1), 120, at(75))
        assert said(stalled(359), ADMIN, minutes=300, told=after) == []
        (again,) = planned(stalled(360), ADMIN, minutes=300, told=after).messages
        assert (again.phase, again.number) == (Phase.GROWN, 2)

    @pytest.mark.parametrize(("before", "enough"), [(1, 2), (2, 4), (5, 10), (9, 18), (10, 30)])
    def test_of_few_people_twice_as_many_will_do(self, before: int, enough: int) -> None:
        few = told(people=before, weight=before)
        assert said(stalled(enough - 1), ADMIN, minutes=75, told=few) == []
        assert said(stalled(enough), ADMIN, minutes=74, told=few) == []
        assert said(stalled(enough), ADMIN, minutes=75, told=few) == ["grown"]

    def test_few_are_those_of_the_recipients_teams(self) -> None:
        sales, few = replace(ADMIN, teams=frozenset({"sales"})), told(people=2, weight=80)
        more = replace(stalled(90), teams={"sales": 4, "": 86})
        (message,) = planned(more, sales, minutes=75, told=few).messages
        assert (message.phase, message.people) == (Phase.GROWN, 4)

    def test_many_are_those_of_the_recipients_teams_too(self) -> None:
        sales = replace(ADMIN, teams=frozenset({"sales"}))
        for weight, people, phases in ((200, 30, ["grown"]), (20, 29, [])):
            more = replace(stalled(300), teams={"sales": people, "": 300 - people})
            before = told(people=10, weight=weight)
            assert said(more, sales, minutes=75, told=before) == phases

    def test_what_is_not_about_people_one_by_one_must_have_ten_more(self) -> None:
        few = told(people=2, weight=2)
        for kind in (AlertKind.COVERAGE, AlertKind.UNRECOGNISED):
            assert said(replace(stalled(11), kind=kind), ADMIN, minutes=75, told=few) == []
            assert said(replace(stalled(12), kind=kind), ADMIN, minutes=75, told=few) == ["grown"]

    def test_what_has_no_weight_does_not_grow(self) -> None:
        known = episode(kind=AlertKind.COVERAGE, people=900, weight=5)
        assert said(known, ADMIN, minutes=300, told=told(weight=0)) == []

    def test_it_is_told_though_somebody_has_acknowledged(self) -> None:
        grown = replace(stalled(120), acknowledged_at=at(20))
        assert said(grown, ADMIN, minutes=75, told=told()) == ["grown"]


class TestGrowingIncidents:
    BEFORE = told(people=20, weight=0.4)

    def test_it_takes_three_times_the_people_and_half_as_large_a_share_again(self) -> None:
        grown = episode(people=60, weight=0.6)
        assert said(grown, ADMIN, minutes=74, told=self.BEFORE) == []
        assert said(grown, ADMIN, minutes=75, told=self.BEFORE) == ["grown"]
        for fewer in ({"people": 59}, {"weight": 0.59}):
            assert said(replace(grown, **fewer), ADMIN, minutes=75, told=self.BEFORE) == []

    def test_all_who_try_instead_of_some_are_told(self) -> None:
        grown = episode(people=430, weight=1.0)
        (message,) = planned(grown, ADMIN, minutes=75, told=self.BEFORE).messages
        assert (message.phase, message.people) == (Phase.GROWN, 430)

    def test_more_people_of_the_same_share_are_not_told(self) -> None:
        steady = told(people=40, weight=0.3)
        assert said(episode(people=430, weight=0.35), ADMIN, minutes=300, told=steady) == []

    def test_of_few_people_twice_as_many_will_not_do(self) -> None:
        few = told(people=3, weight=0.6)
        assert said(episode(people=12, weight=1.0), ADMIN, minutes=300, told=few) == []
        assert said(episode(people=13, weight=1.0), ADMIN, minutes=300, told=few) == ["grown"]

    def test_one_that_had_no_share_does_not_grow(self) -> None:
        known = episode(people=430, weight=1.0)
        assert said(known, ADMIN, minutes=300, told=told(people=20, weight=0)) == []


class TestGettingGraver:
    def test_it_is_told_at_once_and_once(self) -> None:
        graver = Life(episode(severity=Severity.WARNING), critical=20)
        played = play([graver], [ADMIN], EVERY_MINUTE)
        assert [(minute, each.phase) for minute, each in played.sent] == [
            (15, "opened"),
            (20, "grown"),
        ]

    def test_it_is_told_though_somebody_has_acknowledged_and_in_quiet_hours(self) -> None:
        night = replace(ADMIN, hours=Hours(quiet_from=time(0), quiet_until=time(15)))
        known = episode(severity=Severity.CRITICAL, acknowledged_at=at(16))
        assert said(known, night, minutes=20, told=told()) == ["grown"]

    def test_what_comes_and_goes_is_no_news(self) -> None:
        grave = told(severity=Severity.CRITICAL)
        after = told_after(grave, Message("e1", "admin", Phase.REMINDER, 40), 40, at(30))
        assert after.severity is Severity.CRITICAL
        assert said(episode(severity=Severity.CRITICAL), ADMIN, minutes=40, told=after) == []

    def test_not_while_everybody_is_silenced(self) -> None:
        known = episode(severity=Severity.CRITICAL, people=0, silenced=40)
        assert said(known, ADMIN, minutes=20, told=told()) == []


class TestReminding:
    def test_what_goes_on_is_told_again_a_day_after_the_last_message(self) -> None:
        assert said(episode(), ADMIN, minutes=14 + DAY, told=told()) == []
        (first,) = planned(episode(people=30), ADMIN, minutes=15 + DAY, told=told()).messages
        assert (first.phase, first.number, first.people) == (Phase.REMINDER, 1, 30)
        after = told_after(told(), first, 30, at(15 + DAY))
        assert (after.people, after.weight) == (30, 30)
        assert said(episode(), ADMIN, minutes=14 + 2 * DAY, told=after) == []
        (second,) = planned(episode(), ADMIN, minutes=15 + 2 * DAY, told=after).messages
        assert second.number == 2

    def test_not_once_somebody_has_acknowledged(self) -> None:
        known = episode(acknowledged_at=at(20))
        assert said(known, ADMIN, minutes=3_000, told=told()) == []

    def test_but_of_more_people_than_were_told_of(self) -> None:
        more = episode(people=41, acknowledged_at=at(20))
        assert said(more, ADMIN, minutes=14 + DAY, told=told()) == []
        (reminder,) = planned(more, ADMIN, minutes=15 + DAY, told=told()).messages
        assert (reminder.phase, reminder.people) == (Phase.REMINDER, 41)
        after = told_after(told(), reminder, 41, at(15 + DAY))
        assert said(more, ADMIN, minutes=16 + 2 * DAY, told=after) == []

    def test_an_acknowledgement_counts_for_a_week(self) -> None:
        known = episode(acknowledged_at=at(20))
        assert said(known, ADMIN, minutes=19 + 7 * DAY, told=told()) == []
        assert said(known, ADMIN, minutes=20 + 7 * DAY, told=told()) == ["reminder"]

    def test_not_while_everybody_is_silenced(self) -> None:
        known = episode(people=0, silenced=40)
        assert said(known, ADMIN, minutes=3_000, told=told()) == []

    def test_what_is_about_nobody_in_particular_is(self) -> None:
        service = episode(kind=AlertKind.SERVICE, people=0)
        assert said(service, ADMIN, minutes=3_000, told=told(people=0)) == ["reminder"]


class TestSilences:
    def test_a_beginning_is_kept_back_and_said_to_be(self) -> None:
        plan = planned(episode(people=0, silenced=40), Target("admin", 7), minutes=15)
        assert plan == Plan((), (Mute("e1", "admin", Muted.SILENCED, 40, 7),))

    def test_it_is_not_said_to_be_before_it_would_be_told(self) -> None:
        assert planned(episode(people=0, silenced=40), ADMIN, minutes=14) == Plan((), ())

    def test_of_whom_none_is_silenced_is_told(self) -> None:
        (message,) = planned(episode(people=3, silenced=37), ADMIN, minutes=15).messages
        assert message.people == 3

    def test_it_is_told_after_all_when_the_silence_ends_first(self) -> None:
        played = play([Life(episode(0), (0, 60))], [ADMIN], EVERY_MINUTE)
        assert played.first("e1", "admin", Phase.OPENED) == 60

    def test_an_end_is_told_whoever_is_silenced_by_then(self) -> None:
        ended = episode(0, 60, people=0, silenced=40)
        assert said(ended, ADMIN, minutes=90, told=told()) == ["over"]


class TestFlapping:
    def test_the_fourth_within_a_day_is_kept_back_for_an_hour(self) -> None:
        flapping = episode(flaps=3)
        plan = planned(flapping, ADMIN, minutes=59)
        assert plan == Plan((), (Mute("e1", "admin", Muted.FLAPPING, 40),))
        assert said(flapping, ADMIN, minutes=60) == ["opened"]

    def test_the_third_is_not(self) -> None:
        assert said(episode(flaps=2), ADMIN, minutes=15) == ["opened"]

    def test_its_end_is_told_to_whom_its_beginning_was(self) -> None:
        ended = episode(0, 60, flaps=9)
        assert said(ended, ADMIN, minutes=90, told=told()) == ["over"]
        assert planned(ended, ADMIN, minutes=90) == Plan((), ())


class TestRoutes:
    def test_a_route_may_be_about_some_kinds_only(self) -> None:
        route = replace(ADMIN, kinds=frozenset({AlertKind.SERVICE}))
        assert said(episode(), route, minutes=15) == []
        assert said(episode(kind=AlertKind.SERVICE), route, minutes=15) == ["opened"]

    def test_a_route_may_be_about_what_is_grave_only(self) -> None:
        route = replace(ADMIN, least=Severity.CRITICAL)
        assert said(episode(severity=Severity.WARNING), route, minutes=15) == []
        assert said(episode(severity=Severity.CRITICAL), route, minutes=15) == ["opened"]

    def test_a_route_may_be_about_some_teams_only(self) -> None:
        route = replace(ADMIN, teams=frozenset({"sales", "fairs"}))
        in_sales = episode(people=9, teams={"sales": 3, "": 6})
        (message,) = planned(in_sales, route, minutes=15).messages
        assert (message.people, message.teams) == (3, {"sales", "fairs"})
        assert said(episode(teams={"": 6, "desk": 1}), route, minutes=15) == []
        assert said(episode(teams={"sales": 0, "desk": 1}), route, minutes=15) == []

    @pytest.mark.parametrize("kind", sorted(set(AlertKind) - ABOUT_PEOPLE))
    def test_what_is_about_everybody_is_of_no_team(self, kind: AlertKind) -> None:
        route = replace(ADMIN, teams=frozenset({"sales"}))
        known = episode(kind=kind, people=9, severity=Severity.CRITICAL)
        assert planned(known, route, minutes=15) == Plan((), ())
        assert said(known, route, ADMIN, minutes=15) == ["opened"]

    @pytest.mark.parametrize("kind", sorted(ABOUT_PEOPLE))
    def test_where_nobody_is_known_by_team_no_team_is_told(self, kind: AlertKind) -> None:
        route = replace(ADMIN, teams=frozenset({"sales"}))
        assert planned(episode(kind=kind, people=9), route, minutes=15) == Plan((), ())

    def test_where_all_are_silenced_it_is_said_to_each_team_that_it_is_kept_back(self) -> None:
        route = replace(ADMIN, teams=frozenset({"sales"}))
        plan = planned(episode(people=0, silenced=9), route, minutes=15)
        assert plan == Plan((), (Mute("e1", "admin", Muted.SILENCED, 9),))

    def test_an_end_says_to_a_team_how_many_it_was_told(self) -> None:
        route = replace(ADMIN, teams=frozenset({"sales"}))
        ended = episode(0, 60, people=9)
        (over,) = planned(ended, route, minutes=90, told=told(people=3)).messages
        assert (over.phase, over.people) == (Phase.OVER, 3)

    def test_where_nobody_knows_the_teams_it_names_none(self) -> None:
        route = replace(ADMIN, teams=frozenset({"sales"}))
        (over,) = planned(episode(0, 60, people=9), route, minutes=90, told=told(people=9)).messages
        assert (over.people, over.teams) == (9, frozenset())

    def test_who_has_several_is_told_once_of_all_they_are_about(self) -> None:
        sales, desk = (
            replace(ADMIN, route=number, teams=frozenset({team}))
            for number, team in enumerate(("sales", "desk"))
        )
        known = episode(people=9, teams={"sales": 3, "desk": 2, "": 4})
        (message,) = planned(known, sales, desk, minutes=15).messages
        assert (message.people, message.teams, message.route) == (5, {"sales", "desk"}, 0)
        (message,) = planned(known, sales, desk, ADMIN, minutes=15).messages
        assert (message.people, message.teams) == (9, frozenset())

    def test_what_one_route_is_silent_of_another_may_tell(self) -> None:
        critical = replace(ADMIN, route=1, least=Severity.CRITICAL)
        warned = episode(severity=Severity.WARNING)
        (message,) = planned(warned, critical, replace(ADMIN, route=2), minutes=15).messages
        assert message.route == 2

    def test_the_service_hears_of_the_whole_instead_of_its_parts(self) -> None:
        part = episode(is_part=True)
        assert said(part, replace(ADMIN, is_service=True), minutes=15) == []
        assert said(part, ADMIN, minutes=15) == ["opened"]

    def test_the_service_hears_of_no_rule_that_an_organization_changes_for_itself(self) -> None:
        own = episode(kind=AlertKind.RULE_CHANGE)
        support = replace(ADMIN, is_service=True)
        assert said(own, support, minutes=15) == []
        assert said(own, ADMIN, minutes=15) == ["opened"]
        of_all = replace(own, organization_id=None)
        (message,) = plan_at([of_all], {None: [support]}, {}, at(15), WAITS).messages
        assert message.phase == Phase.OPENED

    def test_the_end_is_told_though_no_route_is_about_it_any_more(self) -> None:
        changed = replace(ADMIN, kinds=frozenset({AlertKind.SERVICE}))
        assert said(episode(0, 60), changed, minutes=90, told=told()) == ["over"]


class TestEvents:
    EVENT = episode(kind=AlertKind.RULE_CHANGE)

    def test_what_happened_is_told_at_once(self) -> None:
        assert said(self.EVENT, ADMIN, minutes=0) == ["opened"]

    def test_it_is_told_though_it_is_over(self) -> None:
        assert said(replace(self.EVENT, ended_at=at(1)), ADMIN, minutes=2) == ["opened"]

    def test_what_has_long_been_over_is_no_news(self) -> None:
        over = replace(self.EVENT, ended_at=at(0))
        assert said(over, ADMIN, minutes=3 * 24 * 60) == ["opened"]
        assert said(over, ADMIN, minutes=3 * 24 * 60 + 1) == []

    def test_often_is_no_flapping(self) -> None:
        assert said(replace(self.EVENT, flaps=9), ADMIN, minutes=0) == ["opened"]

    def test_nothing_follows(self) -> None:
        for known in (self.EVENT, replace(self.EVENT, ended_at=at(1))):
            assert said(known, ADMIN, minutes=9_000, told=told(weight=1)) == []


class TestPace:
    def test_who_was_just_told_of_something_is_told_of_more_a_minute_later(self) -> None:
        just = replace(ADMIN, told_at=at(14.5))
        assert said(episode(), just, minutes=15) == []
        assert said(episode(), just, minutes=15.5) == ["opened"]

    def test_a_time_that_was_wrong_keeps_nobody_from_being_told(self) -> None:
        assert said(episode(), replace(ADMIN, told_at=at(75)), minutes=15) == ["opened"]

    def test_two_recipients_of_one_address_are_told_one_after_the_other(self) -> None:
        both = [Target(name, address="a@example.com") for name in ("one", "other")]
        played = play([Life(episode(0))], both, [each / 2 for each in range(60)])
        assert [(minute, each.recipient) for minute, each in played.sent] == [
            (15, "one"),
            (16, "other"),
        ]

    def test_an_end_that_may_not_go_yet_holds_up_nobody_of_its_address(self) -> None:
        both = [Target(name, address="a@example.com") for name in ("one", "other")]
        ended, other = episode(0, 60), episode(60, key="other")
        places = {(ended.key, "one"): told(), (ended.key, "other"): told(is_over=True)}
        plan = plan_at([ended, other], {1: both}, places, at(90), WAITS, {(ended.key, "one")})
        assert [(each.episode, each.phase) for each in plan.messages] == [("other", "opened")]


def test_no_message_is_about_who_is_told_the_same_again_by_asking_twice() -> None:
    message = Message("e1", "admin", Phase.OPENED, 40)
    after = told_after(None, message, 40, at(15))
    assert after == told()
    assert said(episode(), ADMIN, minutes=15, told=after) == []


@pytest.mark.parametrize("phase", Phase)
def test_what_was_told_remembers_each_phase(phase: Phase) -> None:
    after = told_after(told(), Message("e1", "admin", phase, 50, number=2), 60, at(80))
    assert after.last_at == at(80)
    assert after.is_over is (phase is Phase.OVER)
    assert after.growths == (2 if phase is Phase.GROWN else 0)
    assert after.reminders == (2 if phase is Phase.REMINDER else 0)
