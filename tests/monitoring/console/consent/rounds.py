"""Going to a provider and back, as a person's browser does."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, urlsplit

import requests
from django.http import HttpResponse
from django.test import Client

from accounts.models import Connection, Person, Provider
from monitoring.actions.links import invitation_token
from monitoring.actions.models import Invitation
from tests.syncing.rig import ADA


def link(invitation: Invitation) -> str:
    return f"/link/{invitation_token(invitation.pk)}/"


def started(client: Client, page: str, provider: Provider) -> str:
    """Press the button on a page of ours; return where the browser is sent."""
    return client.post(f"{page}{provider}").url


def decided(address: str, account: str = ADA, decision: str = "allow") -> str:
    """Decide at the provider; return where the browser is sent back to, from its path on."""
    with requests.Session() as browser:
        browser.trust_env = False
        form = {"account": account, "decision": decision}
        answer = browser.post(address, data=form, allow_redirects=False)
    parts = urlsplit(answer.headers["Location"])
    return f"{parts.path}?{parts.query}"


def gone_round(
    client: Client, page: str, provider: Provider, account: str = ADA, decision: str = "allow"
) -> HttpResponse:
    """Go the whole way and back to the page one began on."""
    return client.get(decided(started(client, page, provider), account, decision), follow=True)


def again(row: Any) -> Any:
    return type(row).objects.get(pk=row.pk)


def state(person: Person, provider: Provider) -> str:
    return Connection.objects.get(person=person, provider=provider).state


def state_in(address: str) -> str:
    return parse_qs(urlsplit(address).query)["state"][0]
