"""Errors come out of a pass as they came over the wire."""

from __future__ import annotations

import socket
from itertools import count
from typing import Any

import pytest

from simulator.ready_faults import READY_FAULTS
from syncing.models import SyncCursor
from syncing.providers import wire
from syncing.providers.addresses import ProviderAddresses
from syncing.providers.sides import Providers
from syncing.reports import PassReport, PassResult, RawError
from tests.syncing.rig import ADA, BEN, Rig, at

START = {"StartDateTime": "2026-11-24T09:00:00Z", "DurationInMinutes": 60}
READS_AND_TOKENS = [
    name
    for name, fault in READY_FAULTS.items()
    if "status" in fault and not fault.get("operation", "").startswith("salesforce.event.[cu]")
]
WHEN_WRITING = {"google-calendar-usage-limit", "google-conflict"}


def fail(rig: Rig, **fault: Any) -> tuple[PassReport, RawError]:
    rig.simulator.plan_fault(**fault)
    report = rig.sync()
    assert report.error is not None
    return report, report.error


@pytest.mark.parametrize("name", sorted(set(READS_AND_TOKENS) - WHEN_WRITING))
def test_each_ready_fault_is_reported_with_its_own_facts(rig: Rig, name: str) -> None:
    """Status and body are those the provider sent; no client library's opinion of them."""
    fault = READY_FAULTS[name]
    report, error = fail(rig, ready=name)
    assert report.result is PassResult.FAILURE
    provider = name.partition("-")[0]
    assert error.provider == (provider if provider != "html" else "google")
    assert error.status == fault["status"]
    if error.status != 200 or name == "html-200":
        assert error.body == fault["body"][: wire.BODY_LIMIT]
    assert error.operation


@pytest.mark.parametrize(
    ("fault", "channel", "operation"),
    [
        ({"ready": "salesforce-maintenance"}, "html", "salesforce.token"),
        ({"ready": "google-token-502"}, "html", "google.token"),
        ({"ready": "google-token-sorry"}, "html", "google.token"),
        ({"ready": "google-revoked"}, "oauth-json", "google.token"),
        ({"ready": "salesforce-not-approved"}, "oauth-json", "salesforce.token"),
        ({"ready": "google-rate-limit"}, "http-json", "events.list"),
        ({"ready": "salesforce-api-disabled"}, "http-json", "Event.deleted"),
        ({"ready": "salesforce-query-timeout"}, "http-json", "query"),
        ({"ready": "salesforce-no-healthy-upstream"}, "exception-text", "salesforce.token"),
        ({"ready": "html-200", "operation": "google.events.list"}, "html", "events.list"),
        ({"ready": "html-200", "operation": "salesforce.queryall"}, "html", "query"),
        ({"ready": "google-empty-list"}, "exception-text", "events.list"),
    ],
    ids=str,
)
def test_the_channel_tells_what_kind_of_answer_it_was(
    rig: Rig, fault: dict[str, Any], channel: str, operation: str
) -> None:
    _, error = fail(rig, **fault)
    assert (error.channel, error.operation) == (channel, operation)


def test_a_maintenance_page_at_the_token_endpoint_is_a_503_page(rig: Rig) -> None:
    _, error = fail(rig, ready="salesforce-maintenance")
    assert (error.provider, error.channel, error.status) == ("salesforce", "html", 503)
    assert "down for maintenance" in error.body


def test_headers_that_matter_are_kept_and_no_others(rig: Rig) -> None:
    _, error = fail(
        rig,
        operation="google.events.list",
        status=429,
        body='{"error": {"code": 429}}',
        headers={
            "Retry-After": "30",
            "X-Debug": "secret",
            "Set-Cookie": "a=b",
            "Content-Type": "application/json",
        },
    )
    assert error.headers["retry-after"] == "30"
    assert error.headers["content-type"] == "application/json"
    assert set(error.headers) <= wire.KEPT_HEADERS


def test_the_use_of_the_api_is_told_when_it_is_used_up(rig: Rig) -> None:
    rig.sync()
    rig.world.salesforce_set_usage("acme", 100_000)
    report = rig.sync()
    assert report.error is not None
    assert report.error.status == 403
    assert "REQUEST_LIMIT_EXCEEDED" in report.error.body
    assert report.error.headers["sforce-limit-info"] == "api-usage=100000/100000"


def test_a_cookie_is_never_sent_back(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    """Clients are lent from pass to pass: a cookie of one person would go out with the next."""
    sent: list[str | None] = []
    send = wire.RecordingAdapter.send

    def watched(self: Any, request: Any, **options: Any) -> Any:
        sent.append(request.headers.get("Cookie"))
        return send(self, request, **options)

    monkeypatch.setattr(wire.RecordingAdapter, "send", watched)
    cookie = {"Set-Cookie": "sid=ada; Path=/"}
    for operation in ("salesforce.token", "salesforce.event.deleted"):
        rig.simulator.plan_fault(
            operation=operation, status=503, body="{}", headers=cookie, count=1
        )
        rig.sync()
    rig.sync()
    rig.sync(BEN)
    assert len(sent) > 6
    assert set(sent) == {None}


@pytest.mark.parametrize("operation", ["google.token", "google.events.list", "salesforce.queryall"])
@pytest.mark.parametrize(
    ("name", "words"),
    [("closed", "RemoteDisconnected"), ("reset", "reset"), ("hang", "timed out")],
)
def test_a_broken_connection_is_a_network_error_with_its_cause(
    rig: Rig, monkeypatch: pytest.MonkeyPatch, operation: str, name: str, words: str
) -> None:
    monkeypatch.setattr(wire, "READ_SECONDS", 0.3)
    report, error = fail(rig, ready=name, operation=operation)
    assert report.result is PassResult.FAILURE
    assert (error.provider, error.channel, error.status) == ("network", "exception-text", None)
    assert words.lower() in error.body.lower() or "without response" in error.body
    rig.simulator.clear_faults()
    assert rig.sync().result is PassResult.SUCCESS, "the connection is not left in between"


@pytest.mark.parametrize("operation", ["google.events.list", "salesforce.queryall"])
def test_a_cut_answer_is_told_without_its_content(rig: Rig, operation: str) -> None:
    rig.world.google_create(ADA, summary="canary", start=at(24))
    rig.world.salesforce_create(ADA, Subject="canary", **START)
    report, error = fail(rig, ready="cut", operation=operation, cut=200)
    assert report.result is PassResult.FAILURE
    assert error.channel == "exception-text"
    assert "canary" not in error.body


def test_a_refused_host_is_a_network_error(rig: Rig) -> None:
    rig.sync()
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        nowhere = f"http://127.0.0.1:{unused.getsockname()[1]}"
    report = rig.sync(providers=Providers(ProviderAddresses(nowhere, nowhere, nowhere)))
    assert report.error is not None
    assert report.error.provider == "network"
    assert "refused" in report.error.body
    assert "127.0.0.1" in report.error.body


def test_one_event_that_is_refused_does_not_stop_the_others(rig: Rig) -> None:
    for number in range(4):
        rig.world.google_create(ADA, summary=f"E{number}", start=at(24, number))
    record = rig.world.salesforce_create(ADA, Subject="S", **START)
    rig.sync()
    (linked,) = [e for e in rig.world.google_events(ADA) if e["summary"] == "S"]
    rig.world.google_edit(ADA, linked["id"], summary="Edited")
    rig.world.google_create(ADA, summary="New", start=at(25))
    rig.simulator.plan_fault("salesforce-validation-rule", count=1)
    report = rig.sync()
    assert report.result is PassResult.PARTIAL
    assert report.error is not None
    assert "FIELD_CUSTOM_VALIDATION_EXCEPTION" in report.error.body
    wrote = report.counts.salesforce
    assert wrote.created + wrote.updated == 1
    rig.settle()
    assert rig.google() == rig.salesforce()
    assert record["Id"] in {row["Id"] for row in rig.world.salesforce_events(ADA)}


def test_a_record_refused_in_a_batch_is_tried_alone_and_the_rest_is_done(rig: Rig) -> None:
    for number in range(5):
        rig.world.google_create(ADA, summary=f"E{number}", start=at(24, number))
    # Longer than a day, and the organization has no multi-day events.
    rig.world.google_create(ADA, summary="Long", start=at(24), end=at(26))
    report = rig.sync()
    assert report.result is PassResult.PARTIAL
    assert report.error is not None
    assert (report.error.status, report.error.operation) == (400, "Event.upsert")
    assert "Duration must be between 0 and 1440" in report.error.body
    assert report.counts.salesforce.created == 5
    rig.world.set_limits("acme", multiday_events=True)
    assert rig.sync().counts.salesforce.created == 1


def test_a_poisoned_event_is_tried_three_times_and_then_once_a_day(rig: Rig) -> None:
    rig.world.google_create(ADA, summary="Poison", start=at(24))
    rig.simulator.plan_fault("salesforce-trigger")
    results = [rig.sync().result for _ in range(6)]
    assert results == [PassResult.PARTIAL] * 3 + [PassResult.SUCCESS] * 3
    rig.simulator.log.clear()
    rig.sync()
    assert len(rig.operations()) == 3
    rig.clock.advance(days=1)
    assert rig.sync().result is PassResult.PARTIAL
    rig.simulator.clear_faults()
    rig.clock.advance(days=1)
    assert rig.sync().counts.salesforce.created == 1
    assert SyncCursor.objects.get(person=rig.people[ADA]).set_aside == []


def poison(rig: Rig, refusing: str) -> None:
    """Make an event whose copy is refused, and let it be tried three times."""
    if refusing == "google":
        rig.world.salesforce_create(ADA, Subject="Poison", **START)
        body = '{"error": {"code": 403, "errors": [{"reason": "forbiddenForNonOrganizer"}]}}'
        rig.simulator.plan_fault(operation="google.events.insert", status=403, body=body)
    else:
        rig.world.google_create(ADA, summary="Poison", start=at(24), end=at(24, 10))
        rig.simulator.plan_fault("salesforce-trigger")
    for _ in range(3):
        assert rig.sync().result is PassResult.PARTIAL


@pytest.mark.parametrize("refusing", ["google", "salesforce"])
def test_a_poisoned_create_waits_while_other_events_are_synced(rig: Rig, refusing: str) -> None:
    poison(rig, refusing)
    for number in range(3):
        rig.simulator.log.clear()
        if refusing == "salesforce":
            start = at(25, number).isoformat()
            rig.world.salesforce_create(
                ADA, Subject=f"E{number}", StartDateTime=start, DurationInMinutes=5
            )
        else:
            rig.world.google_create(ADA, summary=f"E{number}", start=at(25, number))
        assert rig.sync().result is PassResult.SUCCESS
        assert len(rig.writes()) == 1
    assert [aside["tries"] for aside in SyncCursor.objects.get().set_aside] == [3]
    rig.simulator.clear_faults()
    rig.clock.advance(days=1)
    rig.settle()
    assert len(rig.google()) == len(rig.salesforce()) == 4


@pytest.mark.parametrize("refusing", ["google", "salesforce"])
def test_the_copy_of_a_create_that_waits_is_no_new_event(rig: Rig, refusing: str) -> None:
    """It was made after all, and nobody saw the answer."""
    poison(rig, refusing)
    rig.simulator.clear_faults()
    operation = "google.events.insert" if refusing == "google" else "salesforce.*upsert*"
    rig.simulator.plan_fault("html-502", operation=operation, commit=True, count=1)
    rig.clock.advance(days=1)
    assert rig.sync().result is PassResult.FAILURE
    rig.settle()
    assert len(rig.world.google_events(ADA)) == len(rig.world.salesforce_events(ADA)) == 1
    assert [link.state for link in rig.links()] == ["active"]


@pytest.mark.parametrize("refusing", ["google", "salesforce"])
def test_what_is_set_aside_is_counted_in_every_pass(rig: Rig, refusing: str) -> None:
    poison(rig, refusing)
    quiet = rig.sync()
    assert (quiet.result, quiet.counts.skipped) == (PassResult.SUCCESS, 1)
    rig.world.google_create(ADA, summary="Secret", visibility="private", start=at(25))
    assert rig.sync().counts.skipped == 2
    rig.simulator.plan_fault("google-backend-error", operation="google.events.list", count=1)
    failed = rig.sync()
    assert (failed.result, failed.counts.skipped) == (PassResult.FAILURE, 1)
    rig.simulator.clear_faults()
    rig.clock.advance(days=1)
    assert rig.settle()[-1].counts.skipped == 0


def test_a_poisoned_event_that_is_edited_is_tried_at_once(rig: Rig) -> None:
    event = rig.world.google_create(ADA, summary="Poison", start=at(24))
    rig.simulator.plan_fault("salesforce-trigger", count=4)
    for _ in range(4):
        rig.sync()
    rig.world.google_edit(ADA, event["id"], summary="Cure")
    rig.simulator.clear_faults()
    assert rig.sync().counts.salesforce.created == 1


@pytest.mark.parametrize("edited_again", [False, True])
def test_an_edit_whose_write_failed_is_not_forgotten(rig: Rig, edited_again: bool) -> None:
    """Salesforce's refused edit still has to get to Google, whether or not that moves on."""
    event = rig.world.google_create(ADA, summary="Plan", start=at(24), end=at(24, 10))
    rig.settle()
    (record,) = rig.world.salesforce_events(ADA)
    rig.world.salesforce_edit(ADA, record["Id"], Location="Here")
    body = '{"error": {"code": 403, "errors": [{"reason": "forbiddenForNonOrganizer"}]}}'
    rig.simulator.plan_fault(operation="google.events.patch", status=403, body=body)
    report = rig.sync()
    assert report.result is PassResult.PARTIAL
    rig.simulator.clear_faults()
    if edited_again:
        rig.world.google_edit(ADA, event["id"], summary="New plan")
    rig.settle()
    (event,), (record,) = rig.world.google_events(ADA), rig.world.salesforce_events(ADA)
    assert event["location"] == record["Location"] == "Here"
    assert event["summary"] == record["Subject"] == ("New plan" if edited_again else "Plan")


def test_a_failing_provider_ends_the_pass(rig: Rig) -> None:
    for number in range(5):
        rig.world.salesforce_create(ADA, Subject=f"E{number}", **START)
    rig.simulator.plan_fault("google-backend-error", operation="google.events.insert")
    report = rig.sync()
    assert report.result is PassResult.FAILURE
    assert len(rig.writes()) == 1


def test_an_event_that_breaks_the_provider_comes_last_the_next_time(rig: Rig) -> None:
    for number in range(3):
        rig.world.salesforce_create(ADA, Subject=f"E{number}", **START)
    rig.simulator.plan_fault("google-backend-error", operation="google.events.insert", count=1)
    assert rig.sync().counts.google.created == 0
    tried_first = rig.writes()[0].body
    rig.simulator.log.clear()
    assert rig.sync().counts.google.created == 3
    assert rig.writes()[-1].body == tried_first


def test_the_deadline_stops_writing_and_the_next_pass_goes_on(rig: Rig) -> None:
    for number in range(6):
        rig.world.salesforce_create(
            ADA, Subject=f"E{number}", StartDateTime=at(24, number).isoformat(), DurationInMinutes=5
        )

    left = count(36, -3)
    report = rig.sync(remaining=lambda: next(left))
    assert report.result is PassResult.PARTIAL
    assert report.error is not None
    assert "DeadlineReached" in report.error.body
    assert 0 < report.counts.google.created < 6
    rig.settle()
    assert len(rig.google()) == len(rig.salesforce()) == 6


def test_nothing_is_sent_after_the_deadline(rig: Rig) -> None:
    rig.world.google_create(ADA, summary="Late", start=at(24))
    report = rig.sync(seconds=0)
    assert report.result is not PassResult.SUCCESS
    assert not rig.writes()


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        (r"{\"refresh_token\": \"abcdefgh\"}", r"{\"refresh_token\": \"***\"}"),
        ("access_token%3Dabcdefgh&x=1", "access_token%3D***&x=1"),
        ("code=4/0AX4XfWhabcdefghijk&x=1", "code=***&x=1"),
        ("sid 00D000000000001!AQEAQ/abc+def=", "sid ***"),
        ('{"code": 400}', '{"code": 400}'),
        ("access_token=ya29.abcdefgh&x=1", "access_token=***&x=1"),
        ('{"refresh_token": "1//0abcdefghijk"}', '{"refresh_token": "***"}'),
        ("Authorization: Bearer 00D000000000001!AQ.xyz", "Authorization: Bearer ***"),
        ("assertion=eyJhbGciOi.eyJpc3Mi.sig", "assertion=***"),
        ("token 00D000000000001AAA!AQ.x_y here", "token *** here"),
        ("url: /events?syncToken=CPDAlv&maxResults=2", "url: /events?syncToken=***&maxResults=2"),
        ("Token has been expired or revoked.", "Token has been expired or revoked."),
    ],
)
def test_tokens_are_masked(text: str, kept: str) -> None:
    assert wire.masked(text) == kept
