from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.utils import timezone
from pytest_django import Settings
from time_machine import travel

from accounts.models import Organization
from monitoring.alerts import sources
from tests.factories import NOW, make_member, make_organization, make_user
from tests.monitoring.alerts.clock import Clock
from tests.monitoring.alerts.engine_makers import at
from tests.monitoring.alerts.post import Post, post_office
from tests.monitoring.alerts.web import Web, web_server


@pytest.fixture
def acme() -> Organization:
    """An organization with one admin, ada@acme.example."""
    organization = make_organization(name="Acme")
    make_member(organization, user=make_user(email="ada@acme.example"))
    return organization


@pytest.fixture
def post(settings: Settings) -> Iterator[Post]:
    """A mail server that is ours to send to."""
    post = Post()
    with post_office(post) as port:
        settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
        settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", port
        settings.EMAIL_HOST_USER = settings.EMAIL_HOST_PASSWORD = ""
        yield post


@pytest.fixture
def clock(post: Post, monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The time the sender goes by; what it sends is taken by a server."""
    clock = Clock()
    monkeypatch.setattr(timezone, "now", lambda: at(clock.minute))
    return clock


@pytest.fixture
def web(settings: Settings) -> Iterator[Web]:
    """A web server that chats and webhooks may lead to."""
    with web_server() as web:
        settings.ALERT_TARGETS_ALLOWED = [web.host]
        yield web


@pytest.fixture
def own_sources(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only stalled people and incidents are found: nothing of the service's own comes between."""
    kept = {name: sources._sources[name] for name in ("stalled", "incidents")}
    monkeypatch.setattr(sources, "_sources", kept)


@pytest.fixture
def at_noon() -> Iterator[None]:
    """The clock stands still at NOW, which is noon."""
    with travel(NOW, tick=False):
        yield
