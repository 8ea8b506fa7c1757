from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import DatabaseError, connection, transaction

from monitoring.errors.facts import RawError
from monitoring.errors.interpretation import built_in_rules, interpret
from monitoring.errors.models import Rejudgement
from monitoring.errors.rejudging import Rejudged, rejudgements_append
from monitoring.outcomes.models import AppendOnlyError
from tests.factories import NOW, make_organization
from tests.monitoring.errors.makers import make_access, panic

pytestmark = pytest.mark.django_db


def rejudged(attempt: UUID, organization: Any = None, **overrides: Any) -> Rejudged:
    verdict = interpret(RawError(**panic(**overrides)), built_in_rules())
    return Rejudged(attempt, (organization or make_organization()).pk, 7, verdict)


def test_verdicts_are_appended_and_the_newest_of_an_attempt_counts() -> None:
    one, other = uuid4(), uuid4()
    assert rejudgements_append([rejudged(one), rejudged(other)], now=NOW) == 2
    later = rejudged(one, body='[{"errorCode":"UNABLE_TO_LOCK_ROW"}]')
    assert rejudgements_append(iter([later]), now=NOW + timedelta(days=1)) == 1
    assert Rejudgement.objects.of_attempts([one]).count() == 2
    newest = Rejudgement.objects.of_attempts([one, other]).newest_of_each_attempt()
    found = {each.attempt_id: (each.interpretation, each.rule, each.at) for each in newest}
    assert found[other] == ("unknown", None, NOW)
    assert found[one] == ("transient", later.verdict.rule_id, NOW + timedelta(days=1))


def test_nothing_to_append_is_nothing_done() -> None:
    assert rejudgements_append([], now=NOW) == 0


def test_later_verdicts_are_never_changed() -> None:
    rejudgements_append([rejudged(uuid4())], now=NOW)
    for statement in ("UPDATE errors_rejudgement SET rule = 'x'", "DELETE FROM errors_rejudgement"):
        with (
            pytest.raises(DatabaseError, match="append-only"),
            transaction.atomic(),
            connection.cursor() as cursor,
        ):
            cursor.execute(statement)
    row = Rejudgement.objects.get()
    for work in (row.save, row.delete, Rejudgement.objects.all().delete):
        with pytest.raises(AppendOnlyError):
            work()


def test_an_admin_sees_only_their_own() -> None:
    access = make_access()
    own = uuid4()
    rejudgements_append([rejudged(own, access.organization), rejudged(uuid4())], now=NOW)
    assert [each.attempt_id for each in Rejudgement.objects.visible_to(access)] == [own]
