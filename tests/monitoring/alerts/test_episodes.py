from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from monitoring.alerts.episodes import Begun, Changes, Ended, GoesOn, Known, changes_at, flaps_of
from monitoring.alerts.findings import Finding
from monitoring.alerts.kinds import AlertKind, Severity
from tests.factories import NOW

STALLED, INCIDENT = AlertKind.STALLED, AlertKind.INCIDENT
KINDS = frozenset({STALLED, INCIDENT})


def at(minutes: float) -> datetime:
    return NOW + timedelta(minutes=minutes)


def finding(cause: str = "revoked", people: int = 1, **overrides: object) -> Finding:
    return replace(Finding(STALLED, 7, cause, Severity.WARNING, people), **overrides)


def known(began: float = 0, ended: float | None = None, **overrides: object) -> Known:
    ends = None if ended is None else at(ended)
    return replace(Known(1, 7, STALLED, "revoked", at(began), ends), **overrides)


def changes(episodes: Sequence[Known], findings: Sequence[Finding], minutes: float = 10) -> Changes:
    return changes_at(episodes, findings, KINDS, at(minutes))


def test_what_is_found_first_begins() -> None:
    found = finding()
    assert changes([], [found]) == Changes((Begun(found, at(10)),), (), ())


def test_what_is_known_to_have_begun_earlier_did() -> None:
    (begun,) = changes([], [finding(began_at=at(3))]).begun
    assert begun.began_at == at(3)


def test_nothing_begins_in_the_future() -> None:
    (begun,) = changes([], [finding(began_at=at(30))]).begun
    assert begun.began_at == at(10)


def test_what_is_found_again_goes_on() -> None:
    found = finding(people=3)
    assert changes([known()], [found]) == Changes((), (GoesOn(known(), found),), ())


def test_what_is_not_found_any_more_is_over() -> None:
    assert changes([known()], []) == Changes((), (), (Ended(known(), at(10)),))


def test_what_was_not_looked_for_stays_as_it_is() -> None:
    assert changes_at([known()], [], {INCIDENT}, at(10)) == Changes((), (), ())
    assert changes_at([], [finding()], {INCIDENT}, at(10)) == Changes((), (), ())


def test_an_end_that_is_known_is_when_it_was() -> None:
    found = finding(ended_at=at(8))
    assert changes([known()], [found]).ended == (Ended(known(), at(8), found),)


def test_an_end_is_neither_in_the_future_nor_before_the_beginning() -> None:
    for ended_at, expected in ((at(30), at(10)), (at(-5), at(0))):
        (ended,) = changes([known()], [finding(ended_at=ended_at)]).ended
        assert ended.ended_at == expected


def test_a_clock_set_back_ends_an_episode_no_sooner_than_it_began() -> None:
    (ended,) = changes([known()], [], minutes=-60).ended
    assert ended.ended_at == at(0)


def test_what_is_over_when_it_is_found_never_begins() -> None:
    assert changes([], [finding(ended_at=at(8))]) == Changes((), (), ())


def test_what_comes_back_is_another_episode() -> None:
    found = finding()
    assert changes([known(0, 5)], [found]) == Changes((Begun(found, at(10)),), (), ())


def test_another_episode_begins_no_sooner_than_the_last_one_ended() -> None:
    (begun,) = changes([known(0, 5)], [finding(began_at=at(5))]).begun
    assert begun.began_at == at(5)


def test_what_has_gone_on_all_the_while_is_the_same_one() -> None:
    found, ended = finding(began_at=at(0)), known(0, 5)
    assert changes([ended], [found]) == Changes((), (GoesOn(ended, found),), ())


def test_of_several_before_it_is_the_last_that_counts() -> None:
    earlier, later = known(0, 3, key=1), known(4, 7, key=2)
    for episodes in ([earlier, later], [later, earlier]):
        (going_on,) = changes(episodes, [finding(began_at=at(4))]).going_on
        assert going_on.known == later


def test_kinds_organizations_and_causes_are_told_apart() -> None:
    others = [
        finding("trigger"),
        finding(kind=INCIDENT),
        finding(organization_id=8),
        finding(organization_id=None),
    ]
    made = changes([known()], [finding(), *others])
    assert [begun.finding for begun in made.begun] == others
    assert [going_on.known for going_on in made.going_on] == [known()]


def test_flaps_are_the_ends_within_the_day_before() -> None:
    day = timedelta(days=1)
    ends = [NOW - 2 * day, NOW - day, NOW - day / 2, NOW, NOW + day]
    assert flaps_of(ends, NOW) == 3


@dataclass
class Stored:
    """Episodes as a store would keep them."""

    rows: dict[int, Known] = field(default_factory=dict)
    ends: list[int] = field(default_factory=list)

    def keep(self, made: Changes) -> None:
        for begun in made.begun:
            found, key = begun.finding, len(self.rows)
            self.rows[key] = Known(
                key, found.organization_id, found.kind, found.cause, begun.began_at
            )
        for going_on in made.going_on:
            self.rows[int(going_on.known.key)] = replace(going_on.known, ended_at=None)
        for ended in made.ended:
            key = int(ended.known.key)
            self.rows[key] = replace(ended.known, ended_at=ended.ended_at)
            self.ends.append(key)

    @property
    def open(self) -> list[Known]:
        return [each for each in self.rows.values() if each.ended_at is None]


CAUSES = ("revoked", "trigger", "silent")
COUNTS = st.lists(st.dictionaries(st.sampled_from(CAUSES), st.integers(1, 9)), max_size=12)


def findings(counts: Mapping[str, int]) -> list[Finding]:
    return [finding(cause, people) for cause, people in counts.items()]


@given(COUNTS)
def test_exactly_what_is_found_goes_on_each_once(counts: list[Mapping[str, int]]) -> None:
    stored = Stored()
    for minute, each in enumerate(counts):
        stored.keep(changes(list(stored.rows.values()), findings(each), minute))
        assert sorted(one.cause for one in stored.open) == sorted(each)


def stored_after(counts: list[Mapping[str, int]]) -> Stored:
    """What is stored when it was looked once a minute."""
    stored = Stored()
    for minute, each in enumerate(counts):
        stored.keep(changes(list(stored.rows.values()), findings(each), minute))
    return stored


@given(COUNTS)
def test_each_ends_at_most_once(counts: list[Mapping[str, int]]) -> None:
    ends = stored_after(counts).ends
    assert len(ends) == len(set(ends))


@given(COUNTS)
def test_episodes_of_one_cause_follow_each_other(counts: list[Mapping[str, int]]) -> None:
    rows = stored_after(counts).rows.values()
    for cause in CAUSES:
        for before, after in pairwise(each for each in rows if each.cause == cause):
            assert before.ended_at is not None
            assert before.began_at <= before.ended_at <= after.began_at


@given(COUNTS)
def test_asking_twice_changes_nothing(counts: list[Mapping[str, int]]) -> None:
    stored = Stored()
    for minute, each in enumerate(counts):
        stored.keep(changes(list(stored.rows.values()), findings(each), minute))
        again = changes(list(stored.rows.values()), findings(each), minute)
        assert (again.begun, again.ended) == ((), ())
