from __future__ import annotations

import csv
import gc
import io
import tracemalloc
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from accounts.models import Person
from monitoring.audit.models import AuditEntry
from monitoring.console import export, sheets
from tests.factories import NOW, make_person
from tests.monitoring.console.conftest import Cast, client_of
from tests.monitoring.console.makers import (
    HOUR,
    make_healthy,
    make_held,
    make_many_healthy,
    make_unwell,
)
from tests.monitoring.console.markup import text
from tests.monitoring.console.test_saved_views import make_view
from tests.monitoring.console.test_sheets import read_xlsx

CSV, XLSX = "/o/acme/people/export/csv", "/o/acme/people/export/xlsx"


def body(response: Any) -> bytes:
    """All of a file. Closing the response would close the connection that the test is on."""
    assert response.status_code == 200
    found = b"".join(response.streaming_content)
    for close in response._resource_closers:
        close()
    return found


def lines(client: Client, query: str = "") -> list[list[str]]:
    data = body(client.get(CSV + query)).decode("utf-8-sig")
    return list(csv.reader(io.StringIO(data, newline="")))


def test_a_file_has_the_people_the_order_and_the_columns_of_the_page(
    cast: Cast, admin_client: Client
) -> None:
    revoked = {"interval": 86_400, "next_due": NOW + HOUR, "last_attempt_id": None}
    ada = {"name": "Ada", "email": "ada@acme.example", "team": "Sales"}
    make_unwell(cast.acme, "stalled", "google-access-revoked", health=revoked, **ada)
    make_unwell(cast.acme, "stalled", "silent", hours=50, name="Alan", team="Sales")
    make_healthy(cast.acme, name="Grace", team="Sales")
    query = "?status=stalled&sort=-person&columns=team,last_good,next_run,interval,recent,google"
    titles, first, second = lines(admin_client, query)
    assert titles == [
        "Person",
        "E-mail",
        "Status",
        "Reason",
        "Team",
        "Last 24 runs",
        "Last good run (Europe/Berlin)",
        "Next run (Europe/Berlin)",
        "Interval",
        "Google",
    ]
    assert first[0] == "Alan"
    assert second == [
        "Ada",
        "ada@acme.example",
        "Needs attention",
        "Google access was revoked",
        "Sales",
        "Last 24 runs: 20 synced, 4 failed; the latest failed",
        "2026-11-20 10:00:00",
        "2026-11-20 14:00:00",
        "every 24 h instead of 2 h",
        "Not used yet",
    ]


def test_both_forms_hold_the_same(cast: Cast, admin_client: Client) -> None:
    make_held(cast.acme, name="Ada", ends_at=NOW + timedelta(days=2))
    make_unwell(cast.acme, "degraded", "overdue", name="Alan")
    query = "?columns=since,kind,last_attempt,salesforce,deed"
    written = lines(admin_client, query)
    assert read_xlsx(body(admin_client.get(XLSX + query))) == written
    assert written[2][3] == "by Ada Admin, until Sun 13:00: On leave"


def test_a_file_is_named_after_organization_and_day(cast: Cast, admin_client: Client) -> None:
    for form, kind in (("csv", "text/csv; charset=utf-8"), ("xlsx", export.XLSX)):
        response = admin_client.get(f"/o/acme/people/export/{form}")
        name = f"attachment; filename=acme-people-2026-11-20.{form}"
        assert response.headers["Content-Disposition"] == name
        assert response.headers["Content-Type"] == kind
        assert "no-store" in response.headers["Cache-Control"]
        body(response)


def test_who_took_which_list_is_in_the_audit_log(cast: Cast, admin_client: Client) -> None:
    make_healthy(cast.acme, team="Sales")
    make_healthy(cast.acme)
    lines(admin_client, "?team=Sales&columns=team&started=abc")
    entry = AuditEntry.objects.get()
    assert (entry.action, entry.author) == ("people.export", cast.admin)
    assert entry.detail == {"form": "csv", "query": "team=Sales&columns=team", "people": 1}


def test_what_people_are_called_is_no_formula(cast: Cast, admin_client: Client) -> None:
    make_person(cast.acme, name='=HYPERLINK("https://elsewhere.example")', team="+1")
    (_, row) = lines(admin_client, "?columns=team")
    assert row[0] == '\'=HYPERLINK("https://elsewhere.example")'
    assert row[4] == "'+1"


def test_an_address_that_makes_no_sense_gives_no_file(cast: Cast, admin_client: Client) -> None:
    make_healthy(cast.acme)
    response = admin_client.get(CSV + "?status=nonsense&sort=person", follow=True)
    assert response.redirect_chain == [("/o/acme/people/?status=nonsense&sort=person", 302)]
    assert "Nothing was exported" in text(response)
    assert not AuditEntry.objects.exists()


def test_more_people_than_a_workbook_holds_are_refused(
    cast: Cast, admin_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(export, "MOST_ROWS", 1)
    make_healthy(cast.acme)
    make_healthy(cast.acme)
    response = admin_client.get(XLSX, follow=True)
    assert "A workbook holds at most 1 people and these are 2." in text(response)
    assert len(lines(admin_client)) == 3


def test_the_page_is_told_that_the_file_has_begun(cast: Cast, admin_client: Client) -> None:
    response = admin_client.get(CSV + "?started=k2x9")
    assert response.cookies["export_started"].value == "k2x9"
    assert response.cookies["export_started"]["path"] == "/o/acme/people/"
    body(response)
    for wrong in ("", "a;b", "x" * 41):
        response = admin_client.get(CSV, {"started": wrong})
        assert "export_started" not in response.cookies
        body(response)


def test_nothing_of_another_organization_is_in_a_file(cast: Cast, admin_client: Client) -> None:
    make_healthy(cast.globex, name="Theirs")
    assert len(lines(admin_client)) == 1


def test_the_address_of_a_saved_view_is_the_file_of_its_list(
    cast: Cast, admin_client: Client
) -> None:
    make_healthy(cast.acme, name="Grace")
    make_unwell(cast.acme, "stalled", "silent", name="Ada")
    view = make_view(cast.admin, query="status=stalled&columns=team")
    titles, ada = lines(admin_client, f"?view={view.pk}")
    assert (titles[-1], ada[0]) == ("Team", "Ada")
    assert AuditEntry.objects.get().detail["query"] == "status=stalled&columns=team"
    assert admin_client.get(f"{CSV}?view={view.pk + 99}").status_code == 302


def test_a_viewer_may_export_what_they_see(cast: Cast) -> None:
    assert len(lines(client_of(cast.viewer))) == 1
    assert AuditEntry.objects.get().author == cast.viewer


def test_a_stranger_finds_no_file(cast: Cast) -> None:
    assert client_of(cast.stranger).get(CSV).status_code == 404
    assert client_of(cast.admin).get("/o/acme/people/export/pdf").status_code == 404


@pytest.mark.parametrize("method", ["post", "head"])
def test_a_file_is_only_fetched(admin_client: Client, method: str) -> None:
    assert getattr(admin_client, method)(CSV).status_code == 405


def memory_for(client: Client, query: str) -> int:
    """The most that is held while a file is made and sent."""
    gc.collect()
    tracemalloc.start()
    for _ in client.get(CSV + query).streaming_content:
        pass
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return peak


def test_a_file_of_many_people_takes_no_more_memory(
    cast: Cast, admin_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(export, "FETCH", 25)
    monkeypatch.setattr(sheets, "CHUNK", 4_096)
    make_many_healthy(cast.acme, 450)
    few = Person.objects.filter(name__lt="Person 075")
    few.update(team="Few")
    memory_for(admin_client, "?team=Nobody")
    # Three pieces of the database's answer, and eighteen. All rows at once take three times more.
    allowed = memory_for(admin_client, "?team=Few") + 500_000
    assert memory_for(admin_client, "") < allowed
