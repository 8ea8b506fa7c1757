from __future__ import annotations

from datetime import datetime, timedelta
from uuid import uuid4

import pytest
from django.db import DatabaseError, connection, transaction

from monitoring.errors import housekeeping
from monitoring.errors.facts import RawError
from monitoring.errors.housekeeping import rejudgements_forget, unrecognised_forget
from monitoring.errors.inbox import unrecognised_note
from monitoring.errors.interpretation import built_in_rules, interpret
from monitoring.errors.models import Rejudgement, UnrecognisedError, UnrecognisedPerson
from monitoring.errors.rejudging import Rejudged, rejudgements_append
from tests.factories import NOW, make_organization
from tests.monitoring.errors.makers import make_access, make_live, panic, seen

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


def given(*times: datetime) -> None:
    verdict = interpret(RawError(**panic()), built_in_rules())
    for at in times:
        rejudgements_append([Rejudged(uuid4(), 1, 1, verdict)], now=at)


def left() -> list[datetime]:
    return list(Rejudgement.objects.order_by("id").values_list("at", flat=True))


def test_later_verdicts_given_before_the_moment_go_and_the_others_stay() -> None:
    given(NOW - 3 * DAY, NOW - 2 * DAY, NOW, NOW + DAY)
    assert rejudgements_forget(NOW) == 2
    assert left() == [NOW, NOW + DAY]
    assert rejudgements_forget(NOW) == 0


def test_they_go_in_pieces_the_oldest_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(housekeeping, "REJUDGEMENTS", 2)
    given(*(NOW - number * DAY for number in (5, 4, 3)))
    assert rejudgements_forget(NOW) == 2
    assert left() == [NOW - 3 * DAY]
    assert rejudgements_forget(NOW) == 1


@pytest.mark.parametrize("forgets", [True, False])
def test_nobody_else_may_drop_or_change_them_not_even_after_it(forgets: bool) -> None:
    given(NOW - 2 * DAY, NOW)
    if forgets:
        rejudgements_forget(NOW - DAY)
    for statement in ("DELETE FROM errors_rejudgement", "UPDATE errors_rejudgement SET rule = 'x'"):
        with (
            pytest.raises(DatabaseError, match="append-only"),
            transaction.atomic(),
            connection.cursor() as cursor,
        ):
            cursor.execute(statement)


def test_even_the_housekeeping_changes_none_and_drops_none_that_is_younger() -> None:
    given(NOW - DAY, NOW + DAY)
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(housekeeping.ALLOW, [NOW.isoformat()])
        for work in ("DELETE FROM errors_rejudgement", "UPDATE errors_rejudgement SET rule = 'x'"):
            with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
                cursor.execute(work)


def test_errors_not_seen_since_go_with_their_people_settled_or_not() -> None:
    access, other = make_access(), make_organization()
    unrecognised_note([seen(access.organization), seen(access.organization, 2), seen(other)])
    make_live(access)
    unrecognised_note([seen(other, minutes=60, signature="another")])
    assert unrecognised_forget(NOW) == 0
    assert unrecognised_forget(NOW + timedelta(minutes=1)) == 2
    assert UnrecognisedError.objects.get().signature == "another"
    assert UnrecognisedPerson.objects.count() == 1


def test_an_error_of_many_people_goes_in_pieces_and_its_count_stays_right(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(housekeeping, "PEOPLE", 2)
    organization = make_organization()
    unrecognised_note([seen(organization, person) for person in range(5)])
    for people in (3, 1):
        assert unrecognised_forget(NOW + DAY) == 0
        assert UnrecognisedError.objects.get().people == people
        assert UnrecognisedPerson.objects.count() == people
    assert unrecognised_forget(NOW + DAY) == 1


def test_only_so_many_errors_go_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(housekeeping, "ERRORS", 2)
    organization = make_organization()
    unrecognised_note([seen(organization, signature=letter) for letter in "abc"])
    assert unrecognised_forget(NOW + DAY) == 2
    assert unrecognised_forget(NOW + DAY) == 1
