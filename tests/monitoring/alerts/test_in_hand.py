"""An acknowledgement counts for a week, by the same rule wherever it is asked."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.db import connection
from hypothesis import given
from hypothesis import strategies as st
from time_machine import travel

from monitoring.alerts.in_hand import UNANSWERED, in_hand_until, is_in_hand, lapsed_by
from monitoring.alerts.models import Alert
from tests.factories import NOW, make_organization, make_user
from tests.monitoring.alerts.digest_makers import acme, alert_of, delivered, reader, text_of
from tests.monitoring.alerts.lives import episode
from tests.monitoring.alerts.post import Post

DAY, SECOND = timedelta(days=1), timedelta(seconds=1)
WEEK = 7 * DAY


@pytest.fixture
def now() -> Iterator[None]:
    with travel(NOW, tick=False):
        yield


@given(st.timedeltas(-DAY, 3 * WEEK))
def test_it_is_in_hand_for_a_week(ago: timedelta) -> None:
    known = episode(acknowledged_at=NOW - ago)
    assert is_in_hand(known, NOW) == (ago < WEEK)
    assert in_hand_until(known) == NOW - ago + WEEK
    assert (NOW - ago <= lapsed_by(NOW)) == (not is_in_hand(known, NOW))


def test_what_nobody_acknowledged_is_in_no_hand() -> None:
    assert not is_in_hand(episode(), NOW)
    assert in_hand_until(episode()) is None


@pytest.mark.django_db
def test_the_database_counts_by_the_same_rule() -> None:
    organization = make_organization()
    for number, ago in enumerate((None, 6 * DAY, WEEK - SECOND, WEEK, WEEK + SECOND, 8 * DAY)):
        alert_of(
            organization, cause=f"{number}", acknowledged_at=None if ago is None else NOW - ago
        )
    expected = {alert.pk for alert in Alert.objects.all() if not is_in_hand(alert, NOW)}
    with connection.cursor() as cursor:
        statement = f"SELECT id FROM alerts_alert WHERE {UNANSWERED}"
        cursor.execute(statement, {"lapsed": lapsed_by(NOW)})
        assert {pk for (pk,) in cursor.fetchall()} == expected
    found = set(Alert.objects.unacknowledged(NOW).values_list("pk", flat=True))
    assert found == expected
    assert not expected & set(Alert.objects.in_hand(NOW).values_list("pk", flat=True))
    assert Alert.objects.in_hand(NOW).count() == 2
    assert len(expected) == 4


@pytest.mark.django_db
@pytest.mark.usefixtures("now")
@pytest.mark.parametrize(("days", "waits"), [(6, False), (8, True)])
def test_a_digest_tells_what_nobody_has_in_hand_any_more(
    post: Post, days: int, *, waits: bool
) -> None:
    organization = acme()
    alert = alert_of(organization, acknowledged_at=NOW - days * DAY)
    reader(organization)
    said = text_of(delivered(post))
    assert (f"/o/acme/alerts/{alert.pk}/" in said) == waits
    assert ("Alerts nobody has acknowledged" in said) == waits


@pytest.mark.django_db
@pytest.mark.usefixtures("now")
@pytest.mark.parametrize(("days", "waits"), [(6, False), (8, True)])
def test_so_does_the_digest_of_all_organizations(post: Post, days: int, *, waits: bool) -> None:
    alert_of(acme(), acknowledged_at=NOW - days * DAY)
    of_service = {"kind": "service", "cause": "workers", "acknowledged_at": NOW - days * DAY}
    alert = alert_of(None, **of_service)
    reader(None, user=make_user(is_staff=True))
    said = text_of(delivered(post))
    assert ("1 person needs somebody, 1 alert not acknowledged" in said) == waits
    assert (f"/alerts/{alert.pk}/" in said) == waits
