from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from accounts.models import Role
from tests.factories import make_member, make_person
from tests.monitoring.alerts.destination_makers import make_webhook
from tests.monitoring.alerts.makers import make_silence
from tests.monitoring.alerts.routing_makers import make_recipient, make_route
from tests.monitoring.console.conftest import Cast, client_of

HOSTILE: tuple[Any, ...] = (
    "",
    "a\0b",
    "-1",
    "9" * 40,
    "1e400",
    "x" * 60_000,
    "Mars/Olympus",
    "0001-01-01",
    "9999-12-31T23:59-23:59",
    "a b/c",
    ["\0", "1"],
    [str(number) for number in range(900)],
)
HOURS = {
    "quiet_from": "22:00",
    "quiet_until": "07:00",
    "working_days": ["1", "2"],
    "urgent_always": "on",
    "digest": "daily",
    "digest_hour": "8",
}
ROUTE = {
    "audience": "admins",
    "recipients": [],
    "kinds": ["incident"],
    "least": "1",
    "teams": "",
    "after": "0",
    "name": "A route",
}
ADDRESS = {"address": "box@team.example", "name": "Box", "time_zone": "UTC"}
URL = {"url": "https://hooks.acme.example/x", "hears_health": "on", "name": "Hook"}
SILENCE = {
    "team": "Sales",
    "cause": "",
    "provider": "",
    "everybody": "",
    "starts": "",
    "ends": "at",
    "until": "2026-11-21T09:00",
    "reason": "Moving",
    "sure": "",
}
POLICY = {
    "opened": "15",
    "over": "30",
    "reminder": "24",
    "asks_people": "on",
    "unknown_share": "5",
    "coverage_drop": "10",
}
REHEARSAL = {"day": "2026-11-19", "days": "1", "change": "", "kept": "{route}", "tried": ""}
FORMS: dict[str, tuple[str, dict[str, Any]]] = {
    "a new route": ("/o/acme/alerts/routes/new/", ROUTE),
    "a route": ("/o/acme/alerts/routes/{route}/", ROUTE),
    "a route's sentence": ("/o/acme/alerts/routes/sentence", ROUTE | {"key": "built-in-1"}),
    "a route to rehearse": ("/o/acme/rehearsal/route", ROUTE | {"key": "{route}"}),
    "a route of the service": ("/alerts/routes/new/", ROUTE | {"audience": "support"}),
    "an address": ("/o/acme/alerts/recipients/new/mail/", ADDRESS),
    "a member": ("/o/acme/alerts/recipients/new/member/", {"member": "{viewer}"}),
    "a recipient": ("/o/acme/alerts/recipients/{box}/", ADDRESS | HOURS),
    "a chat": ("/o/acme/alerts/destinations/new/chat/", URL),
    "a webhook": ("/o/acme/alerts/destinations/new/webhook/", URL),
    "a webhook there is": ("/o/acme/alerts/destinations/{hook}/", URL | HOURS | ADDRESS),
    "sending anew": ("/o/acme/alerts/destinations/{hook}/again", {"hours": "24"}),
    "preferences": ("/o/acme/alerts/me/", HOURS),
    "the policy": ("/o/acme/alerts/policy/", POLICY),
    "a silence": ("/o/acme/silences/new/", SILENCE),
    "a silence's preview": ("/o/acme/silences/preview", SILENCE),
    "a silence's end": ("/o/acme/silences/{silence}/change", {"until": "2026-11-21T09:00"}),
    "a rehearsal": ("/o/acme/rehearsal/", REHEARSAL),
}
# Where what was taken is shown.
PAGES = (
    "/o/acme/",
    "/o/acme/alerts/routes/",
    "/alerts/routes/",
    "/o/acme/alerts/me/",
    "/o/acme/silences/",
    "/o/acme/rehearsal/",
)


@pytest.fixture
def clients(cast: Cast) -> dict[str, Client]:
    return {"/o/": client_of(cast.admin), "/al": client_of(cast.staff)}


@pytest.fixture
def ids(cast: Cast) -> dict[str, int]:
    make_person(cast.acme, team="Sales")
    hook = make_webhook("https://hooks.acme.example/x", cast.acme)
    silence = make_silence(cast.acme, [make_person(cast.acme)], author=cast.admin)
    viewer = make_member(cast.acme, role=Role.VIEWER)
    box = make_recipient(cast.acme)
    route = make_route(cast.acme)
    found = {"hook": hook, "silence": silence, "viewer": viewer, "box": box, "route": route}
    return {name: row.pk for name, row in found.items()}


@pytest.mark.parametrize("form", FORMS)
def test_no_text_in_any_field_breaks_a_form_or_what_shows_it(
    clients: dict[str, Client], ids: dict[str, int], form: str
) -> None:
    path, fields = FORMS[form]
    client = clients[path[:3]]
    filled = {
        name: value.format(**ids) if isinstance(value, str) else value
        for name, value in fields.items()
        if name != "tried"
    }
    client.raise_request_exception = False
    answers = [
        (name, value, client.post(path.format(**ids), filled | {name: value}).status_code)
        for name in fields
        for value in HOSTILE
    ]
    # A route that is gone is not found.
    fine = {200, 302, 404} if "key" in fields else {200, 302}
    assert [answer for answer in answers if answer[2] not in fine] == []
    for page in PAGES:
        client = clients[page[:3]]
        client.raise_request_exception = True
        assert client.get(page).status_code == 200
