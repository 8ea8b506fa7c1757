from __future__ import annotations

from datetime import timedelta
from typing import NamedTuple

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import given
from hypothesis import strategies as st

from accounts.models import Organization, Person
from monitoring.alerts import sources
from monitoring.alerts.coverage import Stand, fall_of, goes_on, is_fall, left_of, silenced_of
from monitoring.alerts.coverage_silenced import Missing
from monitoring.alerts.findings import Finding
from monitoring.alerts.kinds import Severity
from monitoring.alerts.models import Alert, Message, Silence
from monitoring.alerts.outbox import mail_in
from monitoring.alerts.silences import silence_end
from monitoring.health.models import Health
from tests.factories import NOW, make_member, make_organization, make_user
from tests.monitoring.alerts.engine_makers import mutes, phases, sent, watch
from tests.monitoring.alerts.makers import make_matcher, make_silence
from tests.monitoring.alerts.test_coverage import fallen, found, late_of, sampled, stands, tell
from tests.monitoring.console.incident_makers import make_hits, make_incident, make_intake_incident
from tests.monitoring.console.makers import make_held, make_many_healthy, make_unwell
from tests.monitoring.errors.makers import make_access

pytestmark = pytest.mark.django_db
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
THRESHOLDS = st.floats(0.01, 1)
NUMBERS = st.integers(0, 5_000)


MISSING = st.builds(Missing, NUMBERS, NUMBERS)


@given(stands(), stands(), MISSING, THRESHOLDS, st.booleans())
def test_no_more_are_silenced_than_fell(
    before: Stand, after: Stand, missing: Missing, threshold: float, was_silenced: bool
) -> None:
    whole = fall_of(before, after)

    def counted(missing: Missing) -> int:
        left = left_of(whole, after, missing)
        return silenced_of(whole, left, after, threshold, was_silenced=was_silenced)

    assert 0 <= counted(missing) <= whole.people
    assert counted(Missing(0, missing.others)) == 0
    assert counted(Missing(whole.people, 0)) == whole.people
    more = counted(Missing(missing.silenced + 1, missing.others))
    assert more >= counted(missing), "who silences more hears of no more"


@given(stands(), stands(), MISSING, THRESHOLDS, st.booleans())
def test_what_would_be_no_fall_without_the_silenced_is_kept_back(
    before: Stand, after: Stand, missing: Missing, threshold: float, was_silenced: bool
) -> None:
    whole = fall_of(before, after)
    left = left_of(whole, after, missing)
    counted = silenced_of(whole, left, after, threshold, was_silenced=was_silenced)
    if is_fall(left, after, threshold):
        assert whole.people - counted == left.people
    elif left != whole and (is_fall(whole, after, threshold) or was_silenced):
        assert counted == whole.people


@given(stands(), stands(), MISSING, THRESHOLDS)
def test_what_goes_on_is_not_kept_back_for_a_few(
    before: Stand, after: Stand, missing: Missing, threshold: float
) -> None:
    """An alert of which most is made up for goes on, and so does what is left of it."""
    whole = fall_of(before, after)
    left = left_of(whole, after, missing)
    counted = silenced_of(whole, left, after, threshold, was_silenced=False)
    if not is_fall(whole, after, threshold) and goes_on(left, threshold, NOW, NOW):
        assert whole.people - counted == left.people


class Life(NamedTuple):
    """How many people went one way, and whether they are silenced."""

    people: int
    was_well: bool
    is_well: bool
    changed: bool
    is_silenced: bool

    @property
    def is_missing_since(self) -> bool:
        return not self.is_well and (self.was_well or self.changed)


LIVES = st.lists(
    st.builds(Life, st.integers(0, 50), st.booleans(), st.booleans(), st.booleans(), st.booleans()),
    max_size=12,
)


@given(LIVES)
def test_whatever_the_silenced_do_a_fall_of_others_is_left(lives: list[Life]) -> None:
    def count(**what: bool) -> int:
        return sum(
            each.people
            for each in lives
            if all(getattr(each, name) == value for name, value in what.items())
        )

    missing = Missing(
        count(is_missing_since=True, is_silenced=True),
        count(is_missing_since=True, is_silenced=False),
    )
    before, after = Stand(count(), count(was_well=True)), Stand(count(), count(is_well=True))
    whole = fall_of(before, after)
    left = left_of(whole, after, missing)
    fell = count(was_well=True, is_well=False, is_silenced=False)
    assert left.people >= min(whole.people, fell)
    assert left.share >= min(whole.share, fell / max(1, after.people))


def only() -> Finding:
    (finding,) = found()
    return finding


def in_team(people: list[Person], team: str) -> None:
    Person.objects.filter(pk__in=[person.pk for person in people]).update(team=team)


@pytest.mark.parametrize("matched", [{}, {"team": "Late"}, {"cause": "overdue"}])
def test_whoever_is_missing_and_matches_a_silence_is_silenced(matched: dict[str, str]) -> None:
    acme = fallen()
    in_team(late_of(acme), "Late")
    make_matcher(acme, **matched)
    assert (only().people, only().silenced) == (10, 10)
    assert only().facts["silenced"] == 10


def test_those_whose_last_run_failed_at_a_provider_or_who_are_named_are_silenced() -> None:
    acme = fallen()
    Health.objects.filter(person__in=late_of(acme)[:2]).update(last_signature="google 500 x")
    make_silence(acme, late_of(acme)[1:3])
    make_matcher(acme, provider="google")
    assert (only().facts["silenced"], only().silenced) == (3, 3)


def test_where_too_few_are_left_the_alert_is_kept_back_and_says_how_many_are_silenced() -> None:
    acme = fallen(well=20, delayed=10)
    make_silence(acme, late_of(acme)[:5])
    assert (only().people, only().silenced) == (10, 5), "five of thirty are a fall"
    make_silence(acme, late_of(acme)[:6])
    assert (only().people, only().silenced, only().facts["silenced"]) == (10, 10, 6)


def test_one_that_goes_on_is_not_kept_back_for_one_silenced_person() -> None:
    acme = fallen(well=20, delayed=10)
    tell(only())
    Health.objects.filter(person__in=late_of(acme)[:7]).update(status="healthy", cause="")
    make_silence(acme, late_of(acme)[:1])
    assert (only().people, only().silenced) == (3, 1)
    Alert.objects.update(people=10, silenced=10)
    assert (only().people, only().silenced) == (3, 3), "what was kept back stays so"


def test_who_had_been_missing_before_is_none_of_those_who_fell() -> None:
    acme = fallen(well=20, delayed=10)
    long_gone = [make_unwell(acme, "degraded", "slowed", hours=90, team="Away") for _ in range(6)]
    make_matcher(acme, team="Away")
    assert (only().people, only().silenced) == (10, 0)
    make_silence(acme, [*long_gone, *late_of(acme, "overdue")[:1]])
    assert (only().people, only().silenced) == (10, 1)


def test_who_had_been_missing_and_is_switched_off_within_the_day_hides_no_fall_of_others() -> None:
    acme = make_organization()
    make_many_healthy(acme, 20)
    for _ in range(8):
        make_unwell(acme, "degraded", "overdue")
    for _ in range(6):
        in_team([make_held(acme)], "Away")
    sampled(acme, 28, 6)
    make_matcher(acme, team="Away")
    assert (only().people, only().silenced, "silenced" in only().facts) == (8, 0, False)


def test_how_grave_it_is_goes_by_those_who_are_not_silenced() -> None:
    acme = fallen(well=20, delayed=20)
    assert (only().severity, only().weight) == (Severity.CRITICAL, 0.5)
    make_silence(acme, late_of(acme)[:14])
    finding = only()
    assert (finding.severity, finding.weight) == (Severity.WARNING, pytest.approx(6 / 40))
    assert (finding.facts["drop"], finding.people, finding.silenced) == (0.5, 20, 14)


def test_of_one_that_is_told_the_day_before_it_began_counts() -> None:
    acme = fallen()
    tell(only())
    Alert.objects.update(began_at=NOW - 3 * DAY)
    Health.objects.filter(person__in=late_of(acme)).update(status_since=NOW - 3 * DAY - HOUR)
    make_matcher(acme)
    assert only().silenced == 10


def test_who_is_switched_off_is_missing_too_and_who_never_synced_is_not() -> None:
    acme = make_organization()
    make_many_healthy(acme, 20)
    for _ in range(10):
        make_held(acme)
    sampled(acme, 30)
    for cause in ("never_connected", "awaiting_first_success"):
        make_unwell(acme, "degraded", cause, team="New")
    silence = make_matcher(acme, team="New")
    assert only().silenced == 0
    Silence.objects.filter(pk=silence.pk).update(team="")
    assert only().facts["silenced"] == 10


def test_whom_something_else_tells_of_is_not_counted() -> None:
    acme = fallen(well=20, delayed=10)
    late = late_of(acme)
    Health.objects.filter(person__in=late[:8]).update(cause="lost")
    make_hits(make_incident(acme), late[:2])
    make_silence(acme, [*late[:2], *late[8:]])
    make_intake_incident(None)
    assert (only().people, only().silenced) == (6, 0), "two wait, two are late unheard"
    make_silence(acme, late[1:3])
    assert only().facts["silenced"] == 1


def test_silences_of_others_and_those_not_in_force_mute_nobody() -> None:
    acme, globex = fallen(), make_organization()
    make_matcher(globex)
    make_matcher(acme, started_at=NOW + HOUR)
    make_matcher(acme, started_at=NOW - 2 * HOUR, ends_at=NOW - HOUR)
    silence_end(access=make_access(acme), silence=make_matcher(acme), now=NOW)
    assert (only().silenced, "silenced" in only().facts) == (0, False)


def test_one_statement_tells_the_silenced_of_all_that_fell() -> None:
    for number in (1, 3):
        for _ in range(number):
            make_matcher(fallen())
        with CaptureQueriesContext(connection) as asked:
            assert all(each.silenced == each.people for each in found())
        assert len(asked) == 4


def owned() -> Organization:
    acme = fallen()
    make_member(acme, user=make_user(email="ada@acme.example"))
    return acme


@pytest.fixture
def only_coverage(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources, "_sources", {"coverage": sources._sources["coverage"]})


@pytest.mark.usefixtures("only_coverage")
def test_nobody_is_told_of_a_fall_while_everybody_is_silenced_and_then_they_are() -> None:
    acme = owned()
    make_matcher(acme, ends_at=NOW + HOUR)
    watch(0)
    watch(16)
    alert = Alert.objects.get()
    assert (alert.is_silenced, alert.ended_at, phases()) == (True, None, [])
    assert mutes() == [("silenced", 10)]
    watch(61)
    assert phases() == [("opened", 10)]


@pytest.mark.usefixtures("only_coverage")
def test_a_fall_is_told_with_those_who_are_not_silenced() -> None:
    acme = owned()
    make_silence(acme, late_of(acme)[:4])
    watch(0)
    watch(16)
    assert phases() == [("opened", 6)]
    mail = mail_in(Message.objects.get())
    assert "1 silence is in force, muting alerts about 4 people." in mail.text
    sent(17)
    make_matcher(acme, started_at=NOW + HOUR)
    Health.objects.filter(organization=acme).update(status="healthy", cause="", severity=4)
    watch(60)
    watch(91)
    assert phases() == [("opened", 6), ("over", 6)], "an end is never kept back"


@pytest.mark.usefixtures("only_coverage")
def test_that_silenced_people_stop_as_well_is_no_news() -> None:
    acme = owned()
    watch(0)
    watch(16)
    sent(17)
    well = list(Person.objects.filter(health__organization=acme, health__status="healthy")[:8])
    make_silence(acme, well)
    late = {"status": "degraded", "cause": "overdue", "severity": 2, "status_since": NOW}
    Health.objects.filter(person__in=well).update(**late)
    watch(20)
    alert = Alert.objects.get()
    assert (alert.people, alert.silenced, alert.severity) == (18, 8, Severity.WARNING)
    assert phases() == [("opened", 10)]
