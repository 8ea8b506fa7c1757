"""Every page goes out under a strict Content-Security-Policy and holds nothing it would refuse."""

from __future__ import annotations

import pytest
from allauth.account.models import EmailAddress
from django.conf import settings
from django.http import HttpResponse
from django.test import Client

from accounts.access import access_for
from monitoring.errors.inbox import unrecognised_note
from monitoring.errors.models import UnrecognisedError
from tests.factories import make_user
from tests.monitoring.alerts.makers import make_message, make_silence
from tests.monitoring.console.action_makers import make_action
from tests.monitoring.console.conftest import Cast, client_of
from tests.monitoring.console.incident_makers import make_hits, make_incident
from tests.monitoring.console.makers import REVOKED, make_outcome, make_unwell
from tests.monitoring.console.markup import Markup, markup
from tests.monitoring.errors.makers import make_live, seen

PUBLIC = [
    "/accounts/login/",
    "/accounts/signup/",
    "/accounts/password/reset/",
    "/accounts/password/reset/done/",
    "/accounts/password/reset/key/1-wrong/",
    "/me/",
    "/me/asked/",
    "/link/nonsense/",
    "/nowhere/",
]
OWN = [
    "/organizations/",
    "/o/acme/",
    "/o/acme/trends/",
    "/o/acme/incidents/",
    "/o/acme/incidents/{incident}/",
    "/o/acme/incidents/{incident}/recover/",
    "/o/acme/outbox/",
    "/o/acme/outbox/{message}/",
    "/o/acme/silences/",
    "/o/acme/people/",
    "/o/acme/people/?q=nobody",
    "/o/acme/people/{person}/",
    "/o/acme/actions/",
    "/o/acme/actions/{action}/",
    "/o/acme/actions/{action}/people/",
    "/o/acme/actions/new/?kind=hold&scope=filter&filter=",
    "/o/acme/actions/new/?kind=hold&scope=filter&filter=status%3Dwrong",
    "/o/acme/settings/",
    "/o/acme/errors/",
    "/o/acme/rules/",
    "/o/acme/rules/?q=nothing",
    "/o/acme/rules/new/",
    "/o/acme/rules/new/?error={error}",
    "/o/acme/rules/aisle-blocked/",
    "/o/acme/rules/aisle-blocked/edit/",
    "/o/acme/rules/aisle-blocked/take-away/",
    "/o/acme/rules/changes/{change}/",
    "/o/nowhere/people/",
    "/accounts/logout/",
    "/accounts/password/change/",
    "/accounts/email/",
    "/accounts/2fa/",
]


def is_strict(policy: str) -> bool:
    """Tell whether a policy lets in our own files and nothing written into the page."""
    directives = dict(part.strip().split(" ", 1) for part in policy.split(";"))
    ours = all(
        source == "'self'" or source.startswith("'nonce-")
        for kind in ("script-src", "style-src", "connect-src", "form-action")
        for source in directives[kind].split()
    )
    closed = all(
        directives[kind] == "'none'" for kind in ("default-src", "base-uri", "frame-ancestors")
    )
    return ours and closed and "unsafe" not in policy


def form_targets(response: HttpResponse) -> set[str]:
    """Return where forms of a page may lead."""
    parts = response.headers["Content-Security-Policy"].split(";")
    (targets,) = [part.split()[1:] for part in parts if part.strip().startswith("form-action ")]
    return set(targets)


@pytest.mark.parametrize("address", PUBLIC)
def test_a_page_before_sign_in_keeps_to_the_policy(client: Client, db: None, address: str) -> None:
    response = client.get(address)
    assert response.status_code in {200, 404}
    assert is_strict(response.headers["Content-Security-Policy"])
    assert markup(response).violations == []


@pytest.mark.parametrize("address", OWN)
def test_a_page_after_sign_in_keeps_to_the_policy(cast: Cast, address: str) -> None:
    person = make_unwell(cast.acme, "stalled", "google-access-revoked")
    make_outcome(person, result="failure", rule="google-access-revoked", error=REVOKED)
    EmailAddress.objects.create(user=cast.admin, email=cast.admin.email, verified=True)
    incident = make_incident(cast.acme)
    make_hits(incident, [person])
    unrecognised_note([seen(cast.acme)])
    make_silence(cast.acme, [person])
    pages = {
        "message": make_message(person).pk,
        "person": person.pk,
        "incident": incident.pk,
        "error": UnrecognisedError.objects.get().pk,
        "action": make_action(cast.acme, [person]).pk,
        "change": make_live(access_for(cast.admin, "acme")).pk,
    }
    response = client_of(cast.admin).get(address.format(**pages))
    assert response.status_code in {200, 400, 404}
    assert is_strict(response.headers["Content-Security-Policy"])
    assert markup(response).violations == []


@pytest.mark.parametrize("address", ["/accounts/2fa/totp/activate/", "/accounts/2fa/webauthn/add/"])
def test_the_second_factor_pages_keep_to_the_policy(client: Client, db: None, address: str) -> None:
    user = make_user(password="a long secret")
    EmailAddress.objects.create(user=user, email=user.email, verified=True)
    client.force_login(user)
    client.post("/accounts/reauthenticate/", {"password": "a long secret"})
    response = client.get(address)
    assert response.status_code == 200
    assert is_strict(response.headers["Content-Security-Policy"])
    assert markup(response).violations == []


@pytest.mark.parametrize(
    "html",
    [
        "<p style='color: red'>",
        "<style>p {}</style>",
        "<script>run()</script>",
        "<script type='module'>run()</script>",
        "<a onclick='run()'>",
        "<a hx-on:click='run()'>",
    ],
)
def test_what_the_policy_would_refuse_is_seen(html: str) -> None:
    assert Markup(html).violations


@pytest.mark.parametrize(
    "weak",
    [
        {"script-src": ["'self'", "'unsafe-inline'"]},
        {"style-src": ["https://cdn.example"]},
        {"default-src": ["'self'"]},
    ],
)
def test_a_weaker_policy_is_seen(weak: dict[str, list[str]]) -> None:
    directives = settings.CONTENT_SECURITY_POLICY["DIRECTIVES"] | weak
    policy = "; ".join(f"{kind} {' '.join(map(str, of))}" for kind, of in directives.items())
    assert not is_strict(policy)


def test_the_page_of_support_staff_keeps_to_the_policy(cast: Cast) -> None:
    make_incident(cast.acme, part_of=make_incident(None))
    response = client_of(cast.staff).get("/incidents/")
    assert response.status_code == 200
    assert is_strict(response.headers["Content-Security-Policy"])
    assert markup(response).violations == []
