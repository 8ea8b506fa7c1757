from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from monitoring.alerts import rows
from monitoring.alerts.following import columns_of
from monitoring.alerts.models import Alert
from monitoring.alerts.rows import rows_insert
from tests.factories import NOW, make_organization

pytestmark = pytest.mark.django_db


def an_alert(cause: str, **overrides: Any) -> Alert:
    fields = {
        "organization": make_organization(),
        "kind": "stalled",
        "cause": cause,
        "severity": 2,
        "weight": 0.1,
        "people": 5,
        "facts": {"share": 0.4, "text": 'quoted " and \\ \N{SNOWMAN}', "none": None},
        "teams": {"": 1, "Sales": 4},
        "evidence": [uuid4(), uuid4()],
        "transition": 2**40,
        "began_at": NOW + timedelta(microseconds=123_457),
        "changed_at": NOW,
    }
    return Alert(**fields | overrides)


def test_every_value_is_read_as_it_was_written() -> None:
    alerts = [an_alert("one"), an_alert("two", organization=None, evidence=[], facts={})]
    written = rows_insert(Alert, map(columns_of, alerts), then="RETURNING id, cause")
    for alert, (pk, cause) in zip(alerts, sorted(written, key=lambda row: row[1]), strict=True):
        assert cause == alert.cause
        assert columns_of(Alert.objects.get(pk=pk)) == columns_of(alert)


def test_more_than_one_statement_takes_are_all_written(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rows, "AT_ONCE", 2)
    alerts = [an_alert(f"cause {number}") for number in range(5)]
    written = rows_insert(Alert, map(columns_of, alerts), then="RETURNING cause")
    assert sorted(written) == [(alert.cause,) for alert in alerts]
    assert Alert.objects.count() == 5


def test_nothing_to_write_is_no_statement(django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(0):
        assert rows_insert(Alert, []) == []
