from __future__ import annotations

from dataclasses import replace
from datetime import time

from monitoring.alerts.hours import Hours
from monitoring.alerts.kinds import AlertKind, Severity
from monitoring.alerts.plan import plan_at
from monitoring.alerts.plan_facts import (
    Phase,
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
    said,
    told,
)


class TestEscalating:
    LATER = Target("boss", after=3_600)

    def test_it_comes_so_much_later_than_others_are_told(self) -> None:
        played = play([Life(episode(0))], [ADMIN, self.LATER], EVERY_MINUTE)
        assert played.first("e1", "admin", Phase.OPENED) == 15
        assert played.first("e1", "boss", Phase.OPENED) == 75

    def test_not_if_somebody_has_acknowledged(self) -> None:
        played = play([Life(episode(0), acknowledged=74)], [ADMIN, self.LATER], EVERY_MINUTE)
        assert {each.recipient for _, each in played.sent} == {"admin"}

    def test_its_delay_begins_anew_when_an_acknowledgement_counts_no_more(self) -> None:
        known = episode(acknowledged_at=at(20))
        assert said(known, self.LATER, minutes=79 + 7 * DAY) == []
        assert said(known, self.LATER, minutes=80 + 7 * DAY) == ["opened"]

    def test_each_level_has_its_time_to_answer_when_an_acknowledgement_counts_no_more(self) -> None:
        chief = Target("chief", after=14_400)
        known = {("e1", "admin"): told(15, at_once=at(15), reminders=1, last_at=at(20 + 7 * DAY))}
        for minutes, names in ((79, []), (80, ["boss"]), (260, ["boss", "chief"])):
            plan = plan_at(
                [episode(acknowledged_at=at(20))],
                {1: [ADMIN, self.LATER, chief]},
                known,
                at(minutes + 7 * DAY),
                WAITS,
            )
            assert [each.recipient for each in plan.messages] == names

    def test_no_more_people_escalate_what_somebody_has_in_hand(self) -> None:
        more = episode(people=400, acknowledged_at=at(90))
        assert said(more, self.LATER, minutes=3_000, told=told(75, at_once=None)) == []

    def test_who_was_told_is_told_of_the_end_though_somebody_acknowledged_since(self) -> None:
        played = play([Life(episode(0, 100), acknowledged=80)], [self.LATER], EVERY_MINUTE)
        assert [each.phase for _, each in played.sent] == ["opened", "over"]

    def test_its_delay_counts_from_when_others_were_told_after_a_silence(self) -> None:
        played = play([Life(episode(0), (0, 100))], [self.LATER, ADMIN], EVERY_MINUTE)
        assert played.first("e1", "admin", Phase.OPENED) == 100
        assert played.first("e1", "boss", Phase.OPENED) == 160

    def test_its_delay_counts_from_when_others_were_told_after_flapping(self) -> None:
        played = play([Life(episode(0, flaps=3))], [self.LATER, ADMIN], EVERY_MINUTE)
        assert played.first("e1", "admin", Phase.OPENED) == 60
        assert played.first("e1", "boss", Phase.OPENED) == 120

    def test_its_delay_counts_from_when_others_wake_up_where_all_sleep(self) -> None:
        night = Hours(quiet_from=time(0), quiet_until=time(15))
        both = [replace(each, hours=night) for each in (self.LATER, ADMIN)]
        known = episode(severity=Severity.WARNING)
        played = play([Life(known)], both, EVERY_MINUTE)
        assert played.first("e1", "admin", Phase.OPENED) == 180
        assert played.first("e1", "boss", Phase.OPENED) == 240

    def test_it_comes_though_all_others_sleep(self) -> None:
        asleep = replace(ADMIN, hours=Hours(quiet_from=time(0), quiet_until=time(15)))
        played = play(
            [Life(episode(severity=Severity.WARNING))], [self.LATER, asleep], EVERY_MINUTE
        )
        assert played.first("e1", "boss", Phase.OPENED) == 75

    def test_it_comes_though_nobody_is_told_without_a_delay(self) -> None:
        about_others = replace(ADMIN, kinds=frozenset({AlertKind.SERVICE}))
        for first in ([], [about_others]):
            played = play([Life(episode(0))], [self.LATER, *first], EVERY_MINUTE)
            assert [minute for minute, _ in played.sent] == [75]

    def test_who_heard_by_a_delay_before_holds_up_no_other(self) -> None:
        """A route that lost its delay since leads to somebody who was told by it."""
        known = {("e1", "admin"): told(at_once=None)}
        plan = plan_at([episode()], {1: [ADMIN, self.LATER]}, known, at(90), WAITS)
        assert [each.recipient for each in plan.messages] == ["boss"]

    def test_who_has_another_route_is_told_at_once(self) -> None:
        played = play([Life(episode(0))], [self.LATER, Target("boss")], EVERY_MINUTE)
        assert [minute for minute, _ in played.sent] == [15]
