from __future__ import annotations

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from monitoring.alerts.default_routes import default_routes
from monitoring.alerts.kinds import ABOUT_PEOPLE, AlertKind, Severity
from monitoring.alerts.plan import due, matches
from monitoring.alerts.plan_facts import Episode, Phase, Target, Told, Waits
from monitoring.alerts.routing import (
    CHOSEN,
    OF_ORGANIZATIONS,
    OF_SERVICE,
    SUPPORT,
    RecipientFacts,
    RouteFacts,
    covers,
    last_words,
    targets_by,
    untold,
    without_doubles,
)
from tests.factories import NOW

ids = st.integers(1, 5)
kinds = st.sampled_from(AlertKind)
recipients = st.dictionaries(
    ids,
    st.builds(
        RecipientFacts, id=st.just(0), is_admin=st.booleans(), is_subscribed=st.booleans()
    ),
).map(lambda found: {key: RecipientFacts(key, is_admin=each.is_admin,
                                         is_subscribed=each.is_subscribed)
                     for key, each in found.items()})  # fmt: skip
routes = st.builds(
    RouteFacts,
    name=st.just("A route"),
    id=ids,
    kinds=st.frozensets(kinds, max_size=3),
    least=st.sampled_from(Severity),
    teams=st.frozensets(st.sampled_from(["Sales", "Research"])),
    audience=st.sampled_from(["admins", CHOSEN]),
    recipients=st.frozensets(ids),
    after=st.sampled_from([0, 1_800]),
)
episodes = st.builds(
    Episode,
    key=st.just("episode"),
    organization_id=st.just(1),
    kind=kinds,
    cause=st.just("cause"),
    people=st.integers(0, 50),
    began_at=st.just(NOW - timedelta(hours=5)),
    severity=st.sampled_from(Severity),
    teams=st.dictionaries(st.sampled_from(["Sales", "Research", ""]), st.integers(1, 9)),
    is_part=st.booleans(),
)
targets = st.builds(
    Target,
    recipient=ids,
    kinds=st.frozensets(kinds, max_size=3),
    least=st.sampled_from(Severity),
    teams=st.frozensets(st.sampled_from(["Sales", "Research"])),
    after=st.sampled_from([0, 60, 1_800]),
    is_service=st.just(False),
)

ADA = RecipientFacts(1, address="ada@acme.example", is_admin=True)
BOX = RecipientFacts(2, address="box@acme.example")
EVERYTHING = RouteFacts("Owners and admins")


def test_the_built_in_routes_tell_admins_of_everything_and_support_of_incidents_and_service() -> (
    None
):
    (route,) = default_routes(1)
    assert targets_by([route], {1: ADA, 2: BOX}) == [Target(1, address=ADA.address)]
    incidents, service = default_routes(None)
    support = RecipientFacts(3, is_support=True)
    first, second = targets_by([incidents, service], {1: ADA, 3: support})
    assert (first.kinds, first.least) == ({AlertKind.INCIDENT}, Severity.CRITICAL)
    assert second.kinds == {AlertKind.SERVICE, AlertKind.RULE_CHANGE}
    assert {first.recipient, second.recipient} == {3}
    assert first.is_service
    assert second.is_service


def test_chosen_recipients_are_told_and_nobody_else() -> None:
    route = RouteFacts("Box", id=7, audience=CHOSEN, recipients=frozenset({2, 9}), after=1_800)
    (target,) = targets_by([route], {1: ADA, 2: BOX})
    assert (target.recipient, target.route, target.after) == (2, 7, 1_800)


@given(st.lists(routes, max_size=4), recipients)
def test_who_is_unsubscribed_is_never_told(
    routes: list[RouteFacts], known: dict[int, RecipientFacts]
) -> None:
    for target in targets_by(routes, known):
        assert known[int(target.recipient)].is_subscribed


@given(st.lists(routes, max_size=4), recipients)
def test_targets_come_in_the_order_of_their_routes_and_once_a_route(
    routes: list[RouteFacts], known: dict[int, RecipientFacts]
) -> None:
    found = targets_by(routes, known)
    alone = [targets_by([route], known) for route in routes]
    assert found == [target for targets in alone for target in targets]
    for each in alone:
        assert len({target.recipient for target in each}) == len(each)


@given(st.lists(targets, max_size=4), recipients, st.frozensets(ids), episodes)
def test_who_has_no_route_any_more_hears_of_ends_only(
    routed: list[Target], known: dict[int, RecipientFacts], told: frozenset[int], episode: Episode
) -> None:
    for target in last_words(routed, known, told):
        assert target.recipient in told
        assert target.recipient not in {each.recipient for each in routed}
        assert due(episode, [target], None, NOW, Waits()) is None
        before = Told(NOW - timedelta(days=3), 1, 1.0)
        assert due(episode, [target], before, NOW, Waits()) is None


def test_who_has_no_route_any_more_is_told_that_it_is_over() -> None:
    (target,) = last_words([], {1: ADA}, [1, 99])
    over = NOW - timedelta(hours=1)
    episode = Episode("e", 1, AlertKind.STALLED, "cause", 3, NOW - timedelta(days=1), over)
    message = due(episode, [target], Told(NOW - timedelta(hours=9), 3, 3.0), NOW, Waits())
    assert message is not None
    assert message.phase == Phase.OVER


@given(targets, targets, episodes)
def test_who_is_covered_misses_nothing(target: Target, other: Target, episode: Episode) -> None:
    if covers(target, other) and matches(other, episode):
        assert matches(target, episode)
        assert target.after <= other.after


def test_support_staff_who_are_admins_too_are_told_once() -> None:
    addresses = {1: "ada@acme.example", 5: "ada@acme.example", 6: "sam@service.example"}
    service = [Target(5, is_service=True), Target(6, is_service=True)]
    ada, sam = without_doubles(service, [Target(1)], addresses)
    assert ada.only_ends
    assert not sam.only_ends


def test_what_the_own_route_leaves_out_is_told_by_the_service() -> None:
    addresses = {1: "ada@acme.example", 5: "ada@acme.example"}
    incidents = Target(5, kinds=frozenset({AlertKind.INCIDENT}), is_service=True)
    for own in (
        Target(1, kinds=frozenset({AlertKind.STALLED})),
        Target(1, teams=frozenset({"Sales"})),
        Target(1, after=60),
        Target(1, only_ends=True),
    ):
        assert without_doubles([incidents], [own], addresses) == [incidents]


def test_chats_without_an_address_are_no_doubles_of_one_another() -> None:
    assert without_doubles([Target(5)], [Target(1)], {}) == [Target(5)]


def test_with_the_built_in_routes_and_an_admin_nothing_is_untold() -> None:
    assert untold(default_routes(1), {1: ADA}) == []
    support = RecipientFacts(3, is_support=True)
    assert untold(default_routes(None), {3: support}, OF_SERVICE) == []


def test_that_support_is_told_of_no_rule_is_said() -> None:
    support = RecipientFacts(3, is_support=True)
    grave = RouteFacts("Grave", least=Severity.CRITICAL, audience=SUPPORT, is_service=True)
    assert untold([grave], {3: support}, OF_SERVICE) == [(AlertKind.RULE_CHANGE, Severity.NOTICE)]


def test_without_anybody_all_is_untold_gravest_first() -> None:
    found = untold(default_routes(1), {2: BOX})
    assert len(found) == sum(map(len, OF_ORGANIZATIONS.values()))
    assert [severity for _, severity in found] == sorted((each[1] for each in found), reverse=True)


def test_a_route_to_some_teams_leaves_others_untold_and_a_delay_does_not() -> None:
    teams = RouteFacts("Sales", teams=frozenset({"Sales"}))
    assert (AlertKind.INCIDENT, Severity.CRITICAL) in untold([teams], {1: ADA})
    assert untold([RouteFacts("Later", after=1_800)], {1: ADA}) == []


@given(st.lists(routes, max_size=4), recipients, episodes)
def test_what_is_not_untold_has_somebody_to_tell(
    routes: list[RouteFacts], known: dict[int, RecipientFacts], episode: Episode
) -> None:
    possible = {AlertKind(episode.kind): (episode.severity,)}
    is_heard = any(matches(target, episode) for target in targets_by(routes, known))
    if not untold(routes, known, possible):
        assert is_heard
    elif episode.kind not in ABOUT_PEOPLE or not any(route.teams for route in routes):
        assert not is_heard


@given(st.lists(routes, max_size=3), routes, recipients)
def test_one_more_route_never_leaves_more_untold(
    routes: list[RouteFacts], route: RouteFacts, known: dict[int, RecipientFacts]
) -> None:
    assert set(untold([*routes, route], known)) <= set(untold(routes, known))


def test_support_is_no_audience_of_admins() -> None:
    assert targets_by([RouteFacts("Support", audience=SUPPORT)], {1: ADA}) == []
    assert targets_by([EVERYTHING], {3: RecipientFacts(3, is_support=True)}) == []
