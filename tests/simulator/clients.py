"""The vendors' real clients, pointed at a simulator as the product points them."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlsplit

import google.oauth2.credentials
import google.oauth2.service_account
import httplib2
import requests
from google_auth_httplib2 import AuthorizedHttp
from googleapiclient.discovery import build_from_document
from googleapiclient.discovery_cache import get_static_doc
from requests.adapters import HTTPAdapter
from simple_salesforce import Salesforce

from simulator.running import SimulatorServer
from tests.simulator import discovery

CALENDAR = "https://www.googleapis.com/auth/calendar"
TIMEOUT = 10


def settings_of(simulator: SimulatorServer, email: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """The organization's client settings and this person's part of them."""
    slug = simulator.world.person(email).organization
    settings = simulator.world.client_settings(slug, simulator.base_url)
    person = next(each for each in settings["people"] if each["email"] == email)
    return settings, person


def google_user_credentials(simulator: SimulatorServer, email: str) -> Any:
    settings, person = settings_of(simulator, email)
    return google.oauth2.credentials.Credentials(
        token=None,
        refresh_token=person["google_refresh_token"],
        client_id=settings["google"]["client_id"],
        client_secret=settings["google"]["client_secret"],
        token_uri=settings["google"]["token_url"],
    )


def google_delegated_credentials(
    simulator: SimulatorServer, email: str, subject: str | None = None, scope: str = CALENDAR
) -> Any:
    settings, _ = settings_of(simulator, email)
    credentials = google.oauth2.service_account.Credentials.from_service_account_info(
        settings["google"]["service_account"], scopes=[scope]
    )
    return credentials.with_subject(subject or email)


def calendar_service(simulator: SimulatorServer, credentials: Any) -> Any:
    """google-api-python-client with every address, batch included, at the simulator."""
    document = json.loads(get_static_doc("calendar", "v3"))
    document["rootUrl"] = simulator.base_url + "/"
    http = AuthorizedHttp(credentials, http=CheckedHttp(timeout=TIMEOUT))
    return build_from_document(document, http=http)


class CheckedHttp(httplib2.Http):
    """Holds every Calendar answer against the discovery document."""

    def request(self, uri: str, method: str = "GET", *args: Any, **kwargs: Any) -> Any:
        response, content = super().request(uri, method, *args, **kwargs)
        sent = kwargs.get("headers") or {}
        method = sent.get("x-http-method-override", method)
        if "json" in response.get("content-type", ""):
            discovery.check_answer(method, uri, response.status, content)
        return response, content


class Loopback(HTTPAdapter):
    """Sends what is meant for Salesforce's hosts to the simulator, Host header kept."""

    def __init__(self, base_url: str) -> None:
        self.base_url = base_url
        super().__init__()

    def send(self, request: Any, *args: Any, **kwargs: Any) -> Any:
        parts = urlsplit(request.url)
        request.headers.setdefault("Host", parts.netloc)
        query = f"?{parts.query}" if parts.query else ""
        request.url = self.base_url + parts.path + query
        kwargs["timeout"] = kwargs.get("timeout") or TIMEOUT
        return super().send(request, *args, **kwargs)


def salesforce_session(simulator: SimulatorServer) -> requests.Session:
    session = requests.Session()
    session.trust_env = False
    session.mount("https://", Loopback(simulator.base_url))
    return session


def salesforce_tokens(simulator: SimulatorServer, email: str) -> dict[str, Any]:
    """The token answer to this person's refresh token."""
    settings, person = settings_of(simulator, email)
    answer = salesforce_session(simulator).post(
        settings["salesforce"]["login_url"] + "/services/oauth2/token",
        data={
            "grant_type": "refresh_token",
            "client_id": settings["salesforce"]["consumer_key"],
            "client_secret": settings["salesforce"]["consumer_secret"],
            "refresh_token": person["salesforce_refresh_token"],
        },
    )
    answer.raise_for_status()
    body: dict[str, Any] = answer.json()
    return body


def salesforce_client(simulator: SimulatorServer, email: str, version: str = "59.0") -> Salesforce:
    """simple-salesforce with a session of this person's."""
    tokens = salesforce_tokens(simulator, email)
    return Salesforce(
        session_id=tokens["access_token"],
        instance_url=tokens["instance_url"],
        session=salesforce_session(simulator),
        version=version,
    )
