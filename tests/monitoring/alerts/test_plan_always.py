"""What holds of a plan whatever goes on, and whoever is told of it."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise

from hypothesis import example, given
from hypothesis import strategies as st

from monitoring.alerts.kinds import ABOUT_PEOPLE, EVENTS, Severity
from monitoring.alerts.plan import matches, plan_at
from monitoring.alerts.plan_facts import (
    Phase,
    Target,
    Waits,
)
from tests.monitoring.alerts.lives import (
    ADDRESSES,
    LONGEST,
    WAITS,
    Life,
    at,
    episode,
    lives,
    moments,
    play,
    targets,
)


@given(lives(), targets(), moments())
def test_each_message_goes_at_most_once(
    lived: list[Life], routes: list[Target], minutes: list[float]
) -> None:
    keys = Counter(each.key for _, each in play(lived, routes, minutes).sent)
    assert set(keys.values()) <= {1}


@given(lives(), targets(), moments())
def test_no_beginning_goes_sooner_than_its_episode_has_lasted(
    lived: list[Life], routes: list[Target], minutes: list[float]
) -> None:
    by_key = {life.episode.key: life for life in lived}
    for minute, message in play(lived, routes, minutes).sent:
        if message.phase is Phase.OPENED:
            known = by_key[message.episode].at(minute)
            assert known is not None
            waited = at(minute) - known.began_at
            assert known.kind in EVENTS or waited >= timedelta(seconds=WAITS.opened)
            assert known.kind in EVENTS or known.ended_at is None
            assert known.people or not known.silenced
            is_flapping = known.flaps >= WAITS.flaps and known.kind not in EVENTS
            assert not is_flapping or waited >= timedelta(seconds=WAITS.flapping)


@given(lives(), targets(), moments())
def test_no_end_goes_sooner_than_it_is_certain_nor_before_its_beginning(
    lived: list[Life], routes: list[Target], minutes: list[float]
) -> None:
    by_key = {life.episode.key: life.episode for life in lived}
    played = play(lived, routes, minutes)
    for minute, message in played.sent:
        if message.phase is Phase.OVER:
            ended = by_key[message.episode].ended_at
            assert ended is not None
            assert at(minute) - ended >= timedelta(seconds=WAITS.over)
            opened = played.first(message.episode, message.recipient, Phase.OPENED)
            assert opened is not None
            assert opened < minute


@given(lives(), targets())
def test_exactly_who_was_told_of_a_beginning_is_told_of_the_end(
    lived: list[Life], routes: list[Target]
) -> None:
    played = play(lived, routes, list(range(2 * LONGEST)))
    opened = {each.key[:2] for _, each in played.sent if each.phase is Phase.OPENED}
    over = {each.key[:2] for _, each in played.sent if each.phase is Phase.OVER}
    ends = {life.episode.key for life in lived if life.episode.ended_at is not None}
    events = {life.episode.key for life in lived if life.episode.kind in EVENTS}
    assert over == {place for place in opened if place[0] in ends - events}


@given(lives(), targets())
def test_what_lasts_unsilenced_is_told_to_everybody_it_is_for(
    lived: list[Life], routes: list[Target]
) -> None:
    played = play(lived, routes, list(range(2 * LONGEST)))
    for life in lived:
        if life.episode.ended_at is None or life.episode.kind in EVENTS:
            for route in routes:
                if matches(route, life.episode) and not route.after:
                    place = (life.episode.key, route.recipient, Phase.OPENED)
                    assert played.first(*place) is not None


@given(lives(), targets(), moments())
def test_no_escalation_goes_sooner_than_its_delay_after_the_first_was_told(
    lived: list[Life], routes: list[Target], minutes: list[float]
) -> None:
    first: dict[object, float] = {}
    for minute, message in play(lived, routes, minutes).sent:
        if message.phase is Phase.OPENED and not message.after:
            first.setdefault(message.episode, minute)
        elif message.phase is Phase.OPENED:
            assert minute - first.get(message.episode, -LONGEST) >= message.after / 60


@given(lives(), targets())
def test_what_lasts_unsilenced_and_unanswered_is_escalated(
    lived: list[Life], routes: list[Target]
) -> None:
    unanswered = [replace(life, acknowledged=3 * LONGEST) for life in lived]
    played = play(unanswered, routes, list(range(2 * LONGEST)))
    for life in unanswered:
        if life.episode.ended_at is None:
            for route in routes:
                if matches(route, life.episode):
                    place = (life.episode.key, route.recipient, Phase.OPENED)
                    assert played.first(*place) is not None


@given(lives(), targets())
def test_who_was_told_is_told_when_it_gets_graver_and_lasts(
    lived: list[Life], routes: list[Target]
) -> None:
    played = play(lived, routes, list(range(2 * LONGEST)))
    for (key, recipient), last in played.told.items():
        life = next(each for each in lived if each.episode.key == key)
        theirs = [each for each in routes if each.recipient == recipient and not each.after]
        grown = [each for _, each in played.sent if each.key[:3] == (key, recipient, "grown")]
        # A route with a delay may bring the people of other teams.
        assert len(grown) <= 1 or len({r.teams for r in routes if r.recipient == recipient}) > 1
        is_graver = life.critical < 2 * LONGEST - 120 and life.episode.kind not in EVENTS
        if (
            life.episode.ended_at is None
            and is_graver
            and any(matches(r, life.episode) for r in theirs)
        ):
            assert last.severity is Severity.CRITICAL


@given(lives(), targets(), moments())
def test_no_address_gets_two_mails_within_the_pace(
    lived: list[Life], routes: list[Target], minutes: list[float]
) -> None:
    mails = {
        (minute, ADDRESSES[str(each.recipient)], each.recipient)
        for minute, each in play(lived, routes, minutes).sent
    }
    for address in set(ADDRESSES.values()):
        times = sorted(minute for minute, to, _ in mails if to == address)
        assert all(later - earlier >= 1 for earlier, later in pairwise(times))


@given(lives(), targets(), moments(), st.data())
def test_what_may_not_go_changes_nothing_but_that_it_does_not(
    lived: list[Life], routes: list[Target], minutes: list[float], data: st.DataObject
) -> None:
    told_before = play(lived, routes, minutes).told
    places = sorted(told_before, key=str)
    unheard = data.draw(st.sets(st.sampled_from(places))) if places else set()
    episodes = [known for life in lived if (known := life.at(LONGEST)) is not None]
    plan = plan_at(episodes, {1: routes}, told_before, at(LONGEST), WAITS, unheard)
    over = {place: replace(told_before[place], is_over=True) for place in unheard}
    ended = {each.key for each in episodes if each.ended_at is not None}
    silent = {place: each for place, each in over.items() if place[0] in ended}
    assert plan == plan_at(episodes, {1: routes}, told_before | silent, at(LONGEST), WAITS)


@given(lives(), targets(), moments())
def test_asking_again_at_once_gives_nothing(
    lived: list[Life], routes: list[Target], minutes: list[float]
) -> None:
    unpaced = replace(WAITS, pace=0)
    again = [minute for minute in minutes for _ in range(2)]
    apart = [replace(route, address="") for route in routes]
    assert play(lived, apart, again, unpaced).sent == play(lived, apart, minutes, unpaced).sent


@given(lives(), targets(), moments())
def test_nothing_is_both_told_and_kept_back(
    lived: list[Life], routes: list[Target], minutes: list[float]
) -> None:
    played = play(lived, routes, minutes)
    sent = {(minute, each.episode, each.recipient) for minute, each in played.sent}
    kept = [(minute, each.episode, each.recipient) for minute, each in played.kept]
    assert len(kept) == len(set(kept))
    assert not sent & set(kept)


@given(lives(), targets(), moments())
def test_only_those_are_told_of_a_beginning_whose_routes_are_about_it(
    lived: list[Life], routes: list[Target], minutes: list[float]
) -> None:
    by_key = {life.episode.key: life for life in lived}
    for minute, message in play(lived, routes, minutes).sent:
        if message.phase is Phase.OPENED:
            known = by_key[message.episode].at(minute)
            theirs = [each for each in routes if each.recipient == message.recipient]
            assert known is not None
            meant = [each for each in theirs if matches(each, known)]
            assert meant
            assert not (known.acknowledged_at and all(each.after for each in meant))


@given(lives(), targets(), st.integers(60, 600))
def test_the_numbers_are_those_it_is_asked_with(
    lived: list[Life], routes: list[Target], opened: int
) -> None:
    waits = Waits(opened=opened, flaps=99)
    for minute, message in play(lived, routes, list(range(60)), waits).sent:
        life = next(each for each in lived if each.episode.key == message.episode)
        is_event = life.episode.kind in EVENTS
        assert is_event or at(minute) - life.episode.began_at >= timedelta(seconds=opened)


@given(lives(), targets(), moments())
def test_who_has_routes_to_teams_alone_is_told_of_their_people_only(
    lived: list[Life], routes: list[Target], minutes: list[float]
) -> None:
    by_key = {life.episode.key: life for life in lived}
    for minute, message in play(lived, routes, minutes).sent:
        theirs = [each for each in routes if each.recipient == message.recipient]
        if all(each.teams for each in theirs) and message.phase is Phase.OPENED:
            known = by_key[message.episode].at(minute)
            assert known is not None
            assert known.kind in ABOUT_PEOPLE
            assert 0 < message.people <= sum(known.teams.get(team, 0) for team in "ab")


@given(lives(), targets(), moments())
@example(
    [Life(episode(0, 60, teams={"a": 3, "b": 37}), silenced=(61, 200))],
    [Target("admin", teams=frozenset("a"))],
    [16, 91],
)
def test_it_names_teams_only_where_it_is_known_who_is_of_which(
    lived: list[Life], routes: list[Target], minutes: list[float]
) -> None:
    by_key = {life.episode.key: life for life in lived}
    for minute, message in play(lived, routes, minutes).sent:
        known = by_key[message.episode].at(minute)
        assert known is not None
        assert known.teams or not message.teams
        if message.phase is not Phase.OVER:
            assert message.people == known.people_in(message.teams)
