"""Which answers of a provider count, and what is said of those that do not."""

from __future__ import annotations

from datetime import timedelta
from urllib.parse import parse_qs

import pytest
import time_machine
from django.core.cache import cache
from django.test import Client

from accounts.models import Connection, Person, Provider
from monitoring.actions.models import Invitation
from monitoring.audit.models import AuditEntry
from monitoring.console import consent
from tests.factories import NOW
from tests.monitoring.actions.invitation_makers import make_invitation
from tests.monitoring.console.consent.rounds import again, decided, link, started, state, state_in
from tests.monitoring.console.markup import text
from tests.syncing.rig import BEN, Rig

GOOGLE, SALESFORCE = Provider.GOOGLE, Provider.SALESFORCE


def test_an_answer_counts_once(client: Client, ada: Person, invited: Invitation) -> None:
    back = decided(started(client, link(invited), GOOGLE))
    assert client.get(back).status_code == 302
    granted_at = Connection.objects.get(person=ada, provider=GOOGLE).granted_at
    response = client.get(back)
    assert response.status_code == 409
    assert "Nothing waits for this answer" in text(response)
    assert Connection.objects.get(person=ada, provider=GOOGLE).granted_at == granted_at
    assert AuditEntry.objects.count() == 1


def test_of_two_answers_at_once_one_counts(
    client: Client, ada: Person, invited: Invitation
) -> None:
    """Both have read the session before either has written it."""
    back = decided(started(client, link(invited), GOOGLE))
    session = client.session
    kept = dict(session[consent.SESSION_KEY])
    assert client.get(back).status_code == 302
    session[consent.SESSION_KEY] = kept
    session.save()
    assert client.get(back).status_code == 409
    assert AuditEntry.objects.count() == 1


def test_a_code_used_before_is_explained(
    client: Client, rig: Rig, ada: Person, invited: Invitation
) -> None:
    back = decided(started(client, link(invited), GOOGLE))
    client.get(back)
    cache.clear()
    other = started(client, link(make_invitation(rig.people[BEN])), GOOGLE)
    code, fresh = parse_qs(back.partition("?")[2])["code"][0], state_in(other)
    response = client.get(f"/link/google/callback?state={fresh}&code={code}", follow=True)
    assert "That answer was used before or came too late. Try again." in text(response)


def test_two_tabs_may_be_under_way(client: Client, ada: Person, invited: Invitation) -> None:
    first = decided(started(client, link(invited), GOOGLE))
    second = decided(started(client, link(invited), SALESFORCE))
    for back in (second, first):
        assert client.get(back).status_code == 302
    assert again(invited).state == "done"


def test_of_many_tabs_the_oldest_begins_again(client: Client, invited: Invitation) -> None:
    oldest = started(client, link(invited), GOOGLE)
    for _ in range(consent.AT_ONCE):
        started(client, link(invited), GOOGLE)
    assert len(client.session[consent.SESSION_KEY]) == consent.AT_ONCE
    assert client.get(decided(oldest)).status_code == 409


def test_an_answer_in_another_browser_counts_for_nothing(
    client: Client, ada: Person, invited: Invitation
) -> None:
    back = decided(started(client, link(invited), GOOGLE))
    response = Client().get(back)
    assert response.status_code == 409
    assert state(ada, GOOGLE) == "refused"
    assert client.get(back).status_code == 302


@pytest.mark.parametrize("query", ["", "state=", "state=nonsense&code=1", "state=%00&error=%C3%A9"])
def test_an_answer_nobody_waits_for_is_no_error(client: Client, db: None, query: str) -> None:
    for provider in Provider:
        response = client.get(f"/link/{provider}/callback?{query}")
        assert response.status_code == 409
        assert "no-store" in response.headers["Cache-Control"]


def test_an_answer_of_the_other_provider_counts_for_nothing(
    client: Client, invited: Invitation
) -> None:
    back = decided(started(client, link(invited), GOOGLE))
    assert client.get(back.replace("google", "salesforce")).status_code == 409


def test_after_a_quarter_of_an_hour_one_begins_again(
    client: Client, ada: Person, invited: Invitation
) -> None:
    back = decided(started(client, link(invited), GOOGLE))
    with time_machine.travel(NOW + timedelta(minutes=16), tick=False):
        response = client.get(back)
    assert response.status_code == 400
    assert "That took too long" in text(response)
    assert state(ada, GOOGLE) == "refused"


@pytest.mark.parametrize("query", ["", "&error=", "&code="])
def test_an_answer_without_consent_may_be_tried_again(
    client: Client, invited: Invitation, query: str
) -> None:
    given = state_in(started(client, link(invited), GOOGLE))
    response = client.get(f"/link/google/callback?state={given}{query}", follow=True)
    assert "Google sent no consent. Try again" in text(response)


@pytest.mark.parametrize(
    ("provider", "error", "told", "kept"),
    [
        (
            SALESFORCE,
            "error=OAUTH_APP_ACCESS_DENIED&error_description=user+is+not+admin+approved%00",
            "Salesforce gave no access. Salesforce has not approved the app for this person.",
            "user is not admin approved",
        ),
        (
            GOOGLE,
            "error=admin_policy_enforced",
            "blocks the app by policy",
            "admin_policy_enforced",
        ),
        (GOOGLE, "error=server_error", "Try again in a few minutes", "server_error"),
        (GOOGLE, f"error={'x' * 900}", "it is not clear why", "Google said"),
    ],
)
def test_why_a_provider_sent_no_consent_is_told_and_kept(
    client: Client, invited: Invitation, provider: Provider, error: str, told: str, kept: str
) -> None:
    given = state_in(started(client, link(invited), provider))
    response = client.get(f"/link/{provider}/callback?state={given}&{error}", follow=True)
    assert told in text(response)
    assert kept in again(invited).refusal
    assert again(invited).state in {"sent", "opened"}
