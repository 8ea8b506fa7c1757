"""A person's browser at the simulator's consent pages."""

from __future__ import annotations

import hashlib
from base64 import urlsafe_b64encode
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import requests

from simulator.running import SimulatorServer
from tests.simulator.clients import CALENDAR

BACK = "http://127.0.0.1:8000/link/callback"
VERIFIER = "a-verifier-of-at-least-forty-three-characters"
PATHS = {"google": "/o/oauth2/v2/auth", "salesforce": "/services/oauth2/authorize"}
TOKENS = {"google": "/token", "salesforce": "/services/oauth2/token"}


def challenge_of(verifier: str) -> str:
    digest = hashlib.sha256(verifier.encode()).digest()
    return urlsafe_b64encode(digest).rstrip(b"=").decode()


@dataclass
class Browser:
    """Walks through consent at one provider, as Acme's app asks for it."""

    simulator: SimulatorServer
    provider: str
    session: requests.Session

    @property
    def app(self) -> dict[str, Any]:
        settings: dict[str, Any] = self.simulator.world.client_settings("acme")
        google, salesforce = settings["google"], settings["salesforce"]
        if self.provider == "google":
            return {"id": google["client_id"], "secret": google["client_secret"]}
        return {"id": salesforce["consumer_key"], "secret": salesforce["consumer_secret"]}

    def asked(self, **changes: str | None) -> dict[str, str]:
        """What the app asks for; None leaves something out."""
        google = {"scope": CALENDAR, "access_type": "offline", "prompt": "consent"}
        extra = google if self.provider == "google" else {"scope": "api refresh_token"}
        values = {
            "response_type": "code",
            "client_id": self.app["id"],
            "redirect_uri": BACK,
            "state": "some state & more",
            "code_challenge": challenge_of(VERIFIER),
            "code_challenge_method": "S256",
            **extra,
            **changes,
        }
        return {name: value for name, value in values.items() if value is not None}

    def show(self, **changes: str | None) -> requests.Response:
        url = self.simulator.base_url + PATHS[self.provider]
        return self.session.get(url, params=self.asked(**changes), allow_redirects=False)

    def decide(self, account: str, decision: str = "allow", **changes: str | None) -> Any:
        url = self.simulator.base_url + PATHS[self.provider]
        return self.session.post(
            url,
            params=self.asked(**changes),
            data={"account": account, "decision": decision},
            allow_redirects=False,
        )

    def code(self, account: str, **changes: str | None) -> str:
        return answer_of(self.decide(account, **changes))["code"]

    def exchange(self, code: str, **changes: str | None) -> requests.Response:
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "client_id": self.app["id"],
            "client_secret": self.app["secret"],
            "redirect_uri": BACK,
            "code_verifier": VERIFIER,
            **changes,
        }
        return self.session.post(self.simulator.base_url + TOKENS[self.provider], data=form)


def answer_of(response: requests.Response) -> dict[str, str]:
    """What the browser is sent back with."""
    assert response.status_code == 302, response.text
    location = response.headers["Location"]
    assert location.startswith(BACK + "?")
    return dict(parse_qsl(urlsplit(location).query))
