from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.db import OperationalError
from django.test import Client

from accounts.models import Person
from monitoring.api.models import ApiToken
from monitoring.api.tokens import api_token_create
from monitoring.audit.models import AuditEntry
from monitoring.outcomes.models import Outcome
from tests.factories import NOW, make_organization, make_person
from tests.monitoring.intake.makers import as_array, as_lines, make_error, make_line

pytestmark = pytest.mark.django_db


@pytest.fixture
def person() -> Person:
    return make_person()


@pytest.fixture
def token(person: Person) -> str:
    return api_token_create(
        organization=person.organization, name="test", author=None, author_name="a test", now=NOW
    )


def post(body: bytes, token: str | None, **headers: str) -> Any:
    authorization = {"authorization": f"Bearer {token}"} if token is not None else {}
    with time_machine.travel(NOW + timedelta(hours=1), tick=False):
        return Client().post(
            "/api/v1/outcomes",
            data=body,
            content_type="application/json",
            headers=authorization | headers,
        )


@pytest.mark.parametrize("shape", [as_lines, as_array])
def test_outcomes_are_recorded(person: Person, token: str, shape: Any) -> None:
    answer = post(shape(make_line(person, -1), make_line(person)), token)
    assert answer.status_code == 200
    assert answer.json() == {"accepted": 2, "duplicate": 0, "rejected": []}
    assert Outcome.objects.count() == 2


def test_every_kind_of_bad_line_gets_a_clear_error_and_the_rest_is_kept(
    person: Person, token: str
) -> None:
    good = make_line(person)
    missing = make_line(person)
    del missing["result"]
    body = b"\n".join(
        [
            as_lines(good),
            as_lines(missing),
            as_lines(make_line(person, trigger=7)),
            as_lines(make_line("nobody@nowhere.example")),
            as_lines(make_line(person, started_at="1969-07-20T20:17:00Z")),
            as_lines(make_line(person, finished_at="2999-01-01T00:00:00Z")),
            as_lines(make_line(person, error=make_error(body="x" * 10_000_000))),
            b'{"person": "\xff\xfe"}',
            as_lines(good),
            as_lines(make_line(person, 1)),
        ]
    )
    answer = post(body, token)
    assert answer.status_code == 200
    report = answer.json()
    assert (report["accepted"], report["duplicate"]) == (2, 1)
    assert [(r["line"], r["field"]) for r in report["rejected"]] == [
        (2, "result"),
        (3, "trigger"),
        (4, "person"),
        (5, "started_at"),
        (6, "finished_at"),
        (7, ""),
        (8, ""),
    ]
    assert all(r["reason"] for r in report["rejected"])


@pytest.mark.parametrize("body", [b"", b"null", b"[", b"\x00" * 100, b"[1, 2]", b"{}", b"]" * 9])
def test_nonsense_is_answered_and_never_an_error_of_ours(token: str, body: bytes) -> None:
    answer = post(body, token)
    assert answer.status_code == 200
    assert answer.json()["accepted"] == 0


@pytest.mark.parametrize("wrong", [None, "", "sync_wrong", "ü"])
def test_a_stranger_is_refused(person: Person, wrong: str | None) -> None:
    assert post(as_lines(make_line(person)), wrong).status_code == 401
    assert not Outcome.objects.exists()


def test_a_revoked_token_is_refused(person: Person, token: str) -> None:
    ApiToken.objects.update(revoked_at=NOW)
    assert post(as_lines(make_line(person)), token).status_code == 401


def test_a_token_reaches_no_other_organization(token: str) -> None:
    stranger = make_person(make_organization(slug="other"))
    lines = as_lines(make_line(stranger, organization="other"), make_line(stranger.pk))
    report = post(lines, token).json()
    assert [r["field"] for r in report["rejected"]] == ["person", "person"]


def test_only_posting_is_allowed(token: str) -> None:
    assert Client().get("/api/v1/outcomes").status_code == 405


def test_a_database_that_is_away_is_a_503_to_try_again(
    person: Person, token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*arguments: Any, **options: Any) -> None:
        raise OperationalError("the connection is lost")

    monkeypatch.setattr("monitoring.api.outcomes.outcomes_ingest", away)
    answer = post(as_lines(make_line(person)), token)
    assert (answer.status_code, answer["Retry-After"]) == (503, "10")


def test_making_a_token_is_audited_and_stores_only_its_digest(token: str) -> None:
    stored = ApiToken.objects.get()
    assert token.encode() not in bytes(stored.digest)
    entry = AuditEntry.objects.get()
    assert (entry.action, entry.author_name) == ("api_token.create", "a test")
    assert token not in json.dumps(entry.detail)


def test_use_of_a_token_is_noted_now_and_then(person: Person, token: str) -> None:
    post(as_lines(make_line(person)), token)
    assert ApiToken.objects.get().last_used_at == NOW + timedelta(hours=1)


def test_the_openapi_description_names_the_answer(client: Client) -> None:
    description = client.get("/api/v1/openapi.json").json()
    assert "/api/v1/outcomes" in description["paths"]


def test_a_delivery_beyond_the_limits_is_told_so(person: Person, token: str, settings: Any) -> None:
    answer = post(b"1\n" * 10_001, token)
    assert (answer.status_code, "10,000 lines" in answer.json()["detail"]) == (413, True)
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 1_000
    answer = post(as_lines(make_line(person)) + b" " * 1_000, token)
    assert (answer.status_code, "1,000 bytes" in answer.json()["detail"]) == (413, True)


def test_brackets_thousands_deep_do_not_take_the_good_lines_with_them(
    person: Person, token: str
) -> None:
    deep = b'{"x": ' + b"[" * 5_000 + b"]" * 5_000 + b"}"
    report = post(as_lines(make_line(person)) + b"\n" + deep, token).json()
    assert (report["accepted"], [r["line"] for r in report["rejected"]]) == (1, [2])
