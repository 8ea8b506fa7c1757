from __future__ import annotations

import json
from copy import deepcopy
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from monitoring.incidents.feeds import (
    GOOGLE_WORDS,
    MAX_HEADLINE,
    MAX_PAYLOAD,
    MAX_UPCOMING,
    PAGES,
    SALESFORCE_FINE,
    SALESFORCE_MAINTENANCE,
    SALESFORCE_WORDS,
    PlannedMaintenance,
    StatusReport,
    read_google_status,
    read_salesforce_status,
    unknown_status,
)
from tests.factories import NOW

READERS = {"google": read_google_status, "salesforce": read_salesforce_status}
HOUR = timedelta(hours=1)


def stamp(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def google_incident(**changes: Any) -> dict[str, Any]:
    update = {
        "created": "2026-11-20T10:20:00+00:00",
        "modified": "2026-11-20T10:20:00+00:00",
        "when": "2026-11-20T10:20:00+00:00",
        "text": "We are looking into it.",
        "status": "SERVICE_DISRUPTION",
        "affected_locations": [],
    }
    return {
        "id": "aBc123-_x",
        "number": "7532999",
        "begin": "2026-11-20T10:00:00+00:00",
        "created": "2026-11-20T10:20:00+00:00",
        "modified": "2026-11-20T10:20:00+00:00",
        "external_desc": "Events of some people do not load.",
        "updates": [update],
        "most_recent_update": update,
        "status_impact": "SERVICE_DISRUPTION",
        "severity": "medium",
        "service_key": "k1",
        "service_name": "Google Calendar",
        "affected_products": [{"title": "Google Calendar", "id": "k1"}],
        "uri": "incidents/aBc123-_x",
    } | changes


def salesforce_incident(**changes: Any) -> dict[str, Any]:
    return {
        "id": 20001234,
        "message": {"pathToResolution": None, "actionPlan": "We add capacity.", "rootCause": None},
        "additionalInformation": "Some instances are slow.",
        "isCore": True,
        "createdAt": stamp(NOW - HOUR),
        "IncidentImpacts": [
            {"id": 1, "startTime": stamp(NOW - 2 * HOUR), "endTime": None, "severity": "major"}
        ],
        "IncidentEvents": [
            {"id": 2, "message": "Found the cause.", "createdAt": stamp(NOW - HOUR / 2)},
            {"id": 1, "message": "We are investigating.", "createdAt": stamp(NOW - HOUR)},
        ],
        "instanceKeys": ["DEU1"],
    } | changes


def maintenance(start: timedelta, end: timedelta, **changes: Any) -> dict[str, Any]:
    return {
        "id": 20005678,
        "name": "Winter release",
        "plannedStartTime": stamp(NOW + start),
        "plannedEndTime": stamp(NOW + end),
        "MaintenanceEvents": [{"id": 1, "type": "scheduled", "message": "x"}],
    } | changes


def instance(status: Any = "OK", **changes: Any) -> dict[str, Any]:
    return {
        "key": "DEU1",
        "status": status,
        "isActive": True,
        "Products": [],
        "Incidents": [],
        "Maintenances": [],
    } | changes


def google(*incidents: Any) -> StatusReport:
    return read_google_status(json.dumps(incidents).encode(), NOW)


def salesforce(value: Any) -> StatusReport:
    return read_salesforce_status(json.dumps(value).encode(), NOW)


def test_a_quiet_page_of_google_is_ok() -> None:
    assert google() == StatusReport("google", "ok", "", None, None, PAGES["google"])


def test_an_open_incident_of_calendar_is_trouble() -> None:
    assert google(google_incident()) == StatusReport(
        provider="google",
        state="trouble",
        headline="Google Calendar, service disruption: Events of some people do not load.",
        since=datetime(2026, 11, 20, 10, tzinfo=UTC),
        until=None,
        address="https://www.google.com/appsstatus/dashboard/incidents/aBc123-_x",
    )


@pytest.mark.parametrize(
    "name",
    ["Google Calendar", "Cloud Identity", "Sign-in", "Google sign in", "Login", "Authentication"],
)
def test_calendar_and_signing_in_are_ours(name: str) -> None:
    by_name = google_incident(service_name=name, affected_products=[])
    by_product = google_incident(
        service_name="Multiple products", affected_products=[{"title": "Gmail"}, {"title": name}]
    )
    for incident in (by_name, by_product):
        report = google(incident)
        assert report.state == "trouble"
        assert report.headline.startswith(name)


@pytest.mark.parametrize("name", ["Gmail", "Google Meet", "Blogging", "Design tools", "Looker"])
def test_other_products_are_not_ours(name: str) -> None:
    incident = google_incident(service_name=name, affected_products=[{"title": name}])
    assert google(incident).state == "ok"


def test_an_ended_incident_is_over() -> None:
    assert google(google_incident(end="2026-11-20T11:00:00+00:00")).state == "ok"
    assert google(google_incident(end=None)).state == "trouble"


def test_the_worst_open_incident_is_told() -> None:
    words = ("SERVICE_DISRUPTION", "SERVICE_INFORMATION", "SERVICE_OUTAGE", "NEW_WORD")
    report = google(*[google_incident(status_impact=word, id=word) for word in words])
    assert report.address.endswith("/incidents/SERVICE_OUTAGE")


@pytest.mark.parametrize("word", ["SERVICE_INFORMATION", "AVAILABLE"])
def test_an_information_is_no_trouble_but_told(word: str) -> None:
    report = google(google_incident(status_impact=word))
    assert report.state == "ok"
    assert report.headline.endswith("do not load.")


def test_a_new_word_of_google_is_trouble_and_said() -> None:
    report = google(google_incident(status_impact="SERVICE_MELTDOWN"))
    assert report.state == "trouble"
    assert "“SERVICE_MELTDOWN”" in report.headline
    assert google(google_incident(status_impact=None)).state == "trouble"


def test_without_a_description_the_newest_update_speaks() -> None:
    assert "looking into it" in google(google_incident(external_desc=None)).headline


@pytest.mark.parametrize(
    "item", [None, 1, "x", [], {}, {"service_name": 5, "affected_products": "Calendar"}]
)
def test_an_open_incident_about_nobody_knows_what_is_unknown(item: Any) -> None:
    assert google(item).state == "unknown"
    assert google(item, google_incident()).state == "trouble"


def test_a_past_incident_about_nobody_knows_what_is_past() -> None:
    assert google({"end": "2026-11-20T11:00:00+00:00"}).state == "ok"


def test_a_quiet_instance_is_ok() -> None:
    assert salesforce(instance()) == StatusReport(
        provider="salesforce",
        state="ok",
        headline="",
        since=None,
        until=None,
        address="https://status.salesforce.com/instances/DEU1",
        instance="DEU1",
    )


@pytest.mark.parametrize("word", sorted(SALESFORCE_FINE))
def test_an_informational_word_is_no_trouble(word: str) -> None:
    assert salesforce(instance(word)).state == "ok"


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("MINOR_INCIDENT_CORE", "Minor incident: "),
        ("MAJOR_INCIDENT_CORE", "Major incident: "),
        ("MAJOR_INCIDENT_NONCORE", "Major incident beside the core service: "),
        ("UNPLANNED_MAINTENANCE_CORE", "Unplanned maintenance: "),
        ("SOLAR_FLARE", "Status “SOLAR_FLARE”: "),
    ],
)
def test_an_incident_of_salesforce_is_trouble(word: str, said: str) -> None:
    assert salesforce(instance(word, Incidents=[salesforce_incident()])) == StatusReport(
        provider="salesforce",
        state="trouble",
        headline=said + "Found the cause.",
        since=NOW - 2 * HOUR,
        until=None,
        address="https://status.salesforce.com/incidents/20001234",
        instance="DEU1",
    )


def test_trouble_needs_no_named_incident() -> None:
    report = salesforce(instance("MAJOR_INCIDENT_CORE"))
    assert (report.state, report.headline, report.since) == ("trouble", "Major incident", None)
    assert report.address.endswith("/instances/DEU1")


def test_an_ended_incident_is_not_the_one_told() -> None:
    past = salesforce_incident(
        id=1, IncidentImpacts=[{"startTime": stamp(NOW - 9 * HOUR), "endTime": stamp(NOW - HOUR)}]
    )
    report = salesforce(instance("MINOR_INCIDENT_CORE", Incidents=[past, salesforce_incident()]))
    assert report.address.endswith("/incidents/20001234")


def test_the_incident_that_began_first_is_told() -> None:
    later = salesforce_incident(id=1, IncidentImpacts=[{"startTime": stamp(NOW - HOUR)}])
    report = salesforce(instance("MINOR_INCIDENT_CORE", Incidents=[later, salesforce_incident()]))
    assert report.address.endswith("/incidents/20001234")


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"IncidentEvents": []}, "Some instances are slow."),
        ({"IncidentEvents": None, "additionalInformation": None}, "We add capacity."),
        ({"IncidentEvents": [{"message": ""}], "additionalInformation": "", "message": 1}, ""),
    ],
)
def test_an_incident_without_messages_tells_what_it_has(changes: Any, told: str) -> None:
    incident = salesforce_incident(**changes)
    report = salesforce(instance("MINOR_INCIDENT_CORE", Incidents=[incident]))
    assert report.headline == "Minor incident" + (f": {told}" if told else "")


def test_a_beginning_in_the_future_is_not_believed() -> None:
    incident = salesforce_incident(IncidentImpacts=[{"startTime": stamp(NOW + HOUR)}])
    assert salesforce(instance("MAJOR_INCIDENT_CORE", Incidents=[incident])).since is None
    assert google(google_incident(begin=stamp(NOW + HOUR))).since is None


@pytest.mark.parametrize(
    "begin", ["9999-12-31T23:59:59-10:00", "0001-01-01T00:00:00+10:00", "2026-11-20T10:00:00", 5]
)
def test_a_beginning_that_is_no_time_is_left_out(begin: Any) -> None:
    report = google(google_incident(begin=begin, created=None))
    assert (report.state, report.since) == ("trouble", None)


def test_a_maintenance_going_on_tells_its_end() -> None:
    value = instance("MAINTENANCE_CORE", Maintenances=[maintenance(-HOUR, 2 * HOUR)])
    plan = PlannedMaintenance("Winter release", NOW - HOUR, NOW + 2 * HOUR, "20005678")
    assert salesforce(value) == StatusReport(
        provider="salesforce",
        state="maintenance",
        headline="Maintenance: Winter release",
        since=NOW - HOUR,
        until=NOW + 2 * HOUR,
        address="https://status.salesforce.com/maintenances/20005678",
        upcoming=(plan,),
        instance="DEU1",
    )


def test_a_maintenance_nobody_announced_has_no_end() -> None:
    value = instance("MAINTENANCE_NONCORE", Maintenances=[maintenance(HOUR, 2 * HOUR)])
    report = salesforce(value)
    assert (report.state, report.since, report.until) == ("maintenance", None, None)
    assert report.headline == "Maintenance beside the core service"


def test_announced_maintenances_are_listed_soonest_first() -> None:
    day = 24 * HOUR
    planned = [
        maintenance(3 * day, 4 * day, name="later"),
        maintenance(day, 2 * day, name="sooner"),
        maintenance(-HOUR, HOUR, name="now"),
        maintenance(14 * day, 15 * day, name="just within"),
        maintenance(14 * day + HOUR, 15 * day, name="too far"),
        maintenance(-2 * HOUR, timedelta(0), name="over"),
        maintenance(2 * HOUR, HOUR, name="backwards"),
        maintenance(HOUR, day, name="off", MaintenanceEvents=[{"type": "Cancelled"}]),
        maintenance(-HOUR, day, name="done", MaintenanceEvents=[{"type": "completed"}]),
        maintenance(HOUR, day, name="no end", plannedEndTime=None),
        maintenance(HOUR, 2 * day, name="no offset", plannedStartTime="2026-11-21T12:00:00"),
        maintenance(HOUR, day, name=None),
    ]
    names = [plan.name for plan in salesforce(instance(Maintenances=planned)).upcoming]
    assert names == ["now", "Maintenance", "sooner", "later", "just within"]


def test_no_more_maintenances_are_listed_than_anybody_reads() -> None:
    planned = [maintenance(HOUR * number, HOUR * 99) for number in range(30)]
    assert len(salesforce(instance(Maintenances=planned)).upcoming) == MAX_UPCOMING


def test_a_maintenance_beside_an_incident_stays_announced() -> None:
    value = instance(
        "MAJOR_INCIDENT_CORE",
        Incidents=[salesforce_incident()],
        Maintenances=[maintenance(HOUR, 2 * HOUR)],
    )
    assert len(salesforce(value).upcoming) == 1


@pytest.mark.parametrize("provider", READERS)
@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"<!DOCTYPE html><html><body>We are down for maintenance.</body></html>",
        b'{"message": "Instance not found"}',
        b'{"status": null}',
        b'{"status": " \\u202e "}',
        b'{"status": {"OK": 1}}',
        b'"OK"',
        b"null",
        b"12",
        b"[1]",
        b"\xff\xfe",
        b"[" * 200_000,
        b"9" * 5_000,
        b'[{"id": "x", "service_name": "Google Cal',
        json.dumps([google_incident()]).encode()[:-1],
        json.dumps(instance()).encode()[:-1],
    ],
)
def test_what_cannot_be_read_is_unknown(provider: str, payload: bytes) -> None:
    report = READERS[provider](payload, NOW)
    assert report.state == "unknown"
    assert "cannot be read" in report.headline
    assert report.address == PAGES[provider]


@pytest.mark.parametrize("provider", READERS)
def test_more_than_anybody_should_send_is_unknown(provider: str) -> None:
    good = json.dumps([] if provider == "google" else instance()).encode()
    assert READERS[provider](good + b" " * (MAX_PAYLOAD - len(good)), NOW).state == "ok"
    assert READERS[provider](good + b" " * MAX_PAYLOAD, NOW).state == "unknown"


def test_a_headline_is_plain_and_short() -> None:
    text = "<p>Mails &amp; <b>events</b></p>\n**Now**\u202e\x00 " + "x" * 300
    report = google(google_incident(external_desc=text, service_name="Calendar " + "y" * 300))
    assert len(report.headline) <= MAX_HEADLINE
    report = google(google_incident(external_desc=text))
    assert report.headline.startswith("Google Calendar, service disruption: Mails & events Now xxx")
    assert report.headline.endswith("…")


def test_an_id_that_would_lead_elsewhere_is_left_out() -> None:
    for identifier in ("../../evil", "a b", "x" * 99, -1, True, 10**30, None, {}):
        assert google(google_incident(id=identifier)).address == PAGES["google"]
        incident = salesforce_incident(id=identifier)
        report = salesforce(instance("MAJOR_INCIDENT_CORE", Incidents=[incident], key="/x"))
        assert report.address == PAGES["salesforce"]


def test_a_page_that_told_nothing_says_why() -> None:
    assert unknown_status("google", "It is silent.") == StatusReport(
        "google", "unknown", "It is silent.", None, None, PAGES["google"]
    )
    assert unknown_status("network", "x").address == ""


LEAVES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=30)
    | st.sampled_from([*SALESFORCE_WORDS, *SALESFORCE_FINE, *GOOGLE_WORDS, "Google Calendar"])
    | st.sampled_from(["9999-12-31T23:59:59-10:00", "0001-01-01T00:00:00+10:00", "x" * 3000])
    | st.datetimes(timezones=st.just(UTC)).map(stamp)
)
KEYS = st.sampled_from(
    [
        *google_incident(),
        *instance(),
        *salesforce_incident(),
        *maintenance(HOUR, HOUR),
        *("title", "text", "message", "startTime", "endTime", "end", "type"),
    ]
)
JSON = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=6),
    max_leaves=25,
)
SHAPES = {
    "google": [google_incident(), google_incident(end="2026-11-20T11:00:00+00:00", id="b")],
    "salesforce": instance(
        "MAINTENANCE_CORE",
        Incidents=[salesforce_incident()],
        Maintenances=[maintenance(-HOUR, HOUR), maintenance(HOUR, 2 * HOUR)],
    ),
}


def places(value: Any) -> list[tuple[Any, Any]]:
    """Every container in a JSON value with each of its keys or indexes."""
    found = []
    items = (
        value.items()
        if isinstance(value, dict)
        else enumerate(value)
        if isinstance(value, list)
        else ()
    )
    for key, inner in items:
        found += [(value, key), *places(inner)]
    return found


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    """A real page with some of its values replaced or gone, perhaps cut."""
    value = deepcopy(SHAPES[draw(st.sampled_from([*SHAPES]))])
    for _ in range(draw(st.integers(1, 4))):
        holder, key = draw(st.sampled_from(places(value) or [([None], 0)]))
        if isinstance(holder, dict) and draw(st.booleans()):
            del holder[key]
        else:
            holder[key] = draw(JSON)
    payload = json.dumps(value).encode()
    return payload[: draw(st.integers(0, len(payload)))] if draw(st.booleans()) else payload


PAYLOADS = st.binary(max_size=300) | JSON.map(lambda value: json.dumps(value).encode()) | mutated()
MOMENTS = st.just(NOW) | st.datetimes(timezones=st.just(UTC))


@given(payload=PAYLOADS, now=MOMENTS, provider=st.sampled_from([*READERS]))
@example(payload=b"[{}]", now=datetime.min.replace(tzinfo=UTC), provider="google")
def test_a_report_keeps_its_promises_whatever_is_read(
    payload: bytes, now: datetime, provider: str
) -> None:
    report = READERS[provider](payload, now)
    assert report == READERS[provider](payload, now)
    assert report.provider == provider
    assert report.state in {"ok", "trouble", "maintenance", "unknown"}
    assert len(report.headline) <= MAX_HEADLINE
    assert report.headline.isprintable()
    assert report.address.startswith(PAGES[provider])
    assert report.since is None or report.since <= now
    assert report.until is None or (report.state == "maintenance" and report.until > now)
    assert len(report.upcoming) <= MAX_UPCOMING
    assert list(report.upcoming) == sorted(report.upcoming, key=lambda plan: plan.start)
    for plan in report.upcoming:
        assert plan.end > now
        assert plan.start - now <= timedelta(days=14)
        assert plan.start < plan.end
        assert plan.name
        assert len(plan.name) <= MAX_HEADLINE
    if report.state in {"trouble", "unknown"}:
        assert report.headline


@given(cut=st.integers(0, 5_000), provider=st.sampled_from([*READERS]))
def test_a_page_cut_anywhere_is_unknown(cut: int, provider: str) -> None:
    whole = json.dumps(SHAPES[provider]).encode()
    assert READERS[provider](whole[: cut % len(whole)], NOW).state == "unknown"


@given(word=st.from_regex(r"[A-Z][A-Z_]{0,99}", fullmatch=True))
def test_any_other_word_of_salesforce_is_trouble(word: str) -> None:
    if word not in SALESFORCE_FINE | SALESFORCE_MAINTENANCE:
        report = salesforce(instance(word))
        assert report.state == "trouble"
        assert SALESFORCE_WORDS.get(word, word[:50]) in report.headline
