"""What happens while the browser is away, or a provider is asked."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

import pytest
from django.db import connection
from django.test import Client

from accounts.models import Connection, OrganizationCredential, Person, Provider
from monitoring.actions import consents
from monitoring.actions.invitations import invitations_withdraw
from monitoring.actions.models import Invitation
from tests.factories import NOW
from tests.monitoring.console.consent.rounds import again, decided, gone_round, link, started, state
from tests.monitoring.console.markup import text
from tests.syncing.rig import Rig

GOOGLE = Provider.GOOGLE


def withdrawn(invitation: Invitation) -> None:
    invitations_withdraw(invitations=[invitation.pk], now=NOW)


def expired(invitation: Invitation) -> None:
    Invitation.objects.filter(pk=invitation.pk).update(state="expired")


def used(invitation: Invitation) -> None:
    Invitation.objects.filter(pk=invitation.pk).update(state="done")


def person_gone(invitation: Invitation) -> None:
    Person.objects.get(pk=invitation.person_id).delete()


FATES = [
    (withdrawn, "This link was withdrawn"),
    (expired, "This link has expired"),
    (used, "This link has been used"),
    (person_gone, "Your calendar is not synced here any more"),
]


@pytest.mark.parametrize(("fate", "words"), FATES)
def test_what_happens_while_the_browser_is_away_is_explained(
    client: Client,
    ada: Person,
    invited: Invitation,
    fate: Callable[[Invitation], None],
    words: str,
) -> None:
    address = started(client, link(invited), GOOGLE), started(client, link(invited), GOOGLE)
    allowed, denied = decided(address[0]), decided(address[1], decision="deny")
    fate(invited)
    for back in (allowed, denied):
        response = client.get(back)
        assert response.status_code == 410
        assert words in text(response)
    assert not Connection.objects.filter(person_id=invited.person_id, state="proven").exists()


@pytest.mark.parametrize(("fate", "words"), FATES)
def test_what_happens_while_the_provider_is_asked_is_explained(
    client: Client,
    ada: Person,
    invited: Invitation,
    monkeypatch: pytest.MonkeyPatch,
    fate: Callable[[Invitation], None],
    words: str,
) -> None:
    back = decided(started(client, link(invited), GOOGLE))
    redeem = consents.redeem

    def slowly(*given: Any) -> Any:
        answer = redeem(*given)
        fate(invited)
        return answer

    monkeypatch.setattr(consents, "redeem", slowly)
    response = client.get(back)
    assert response.status_code == 410
    if fate is not person_gone:
        assert words in text(response)
    assert not Connection.objects.filter(person_id=invited.person_id, state="proven").exists()


def test_no_transaction_is_open_while_a_provider_is_asked(
    client: Client, ada: Person, invited: Invitation, monkeypatch: pytest.MonkeyPatch
) -> None:
    back = decided(started(client, link(invited), GOOGLE))
    outside, seen = connection.savepoint_ids[:], []
    for name in ("code_exchange", "access_prove"):
        call = getattr(consents, name)

        def watched(*, call: Any = call, **given: Any) -> Any:
            seen.append(connection.savepoint_ids[:])
            return call(**given)

        monkeypatch.setattr(consents, name, watched)
    client.get(back)
    assert seen == [outside, outside]


def test_a_provider_that_is_down_may_be_tried_later(
    client: Client, rig: Rig, ada: Person, invited: Invitation
) -> None:
    back = decided(started(client, link(invited), GOOGLE))
    rig.simulator.plan_fault(operation="google.token", status=503)
    response = client.get(back, follow=True)
    assert "Google does not answer just now. Try again in a few minutes." in text(response)
    assert again(invited).state == "opened"
    assert state(ada, GOOGLE) == "refused"


def test_a_provider_that_hangs_is_given_up_soon(
    client: Client, rig: Rig, invited: Invitation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(consents, "PATIENCE", 0.05)
    for operation in ("google.token", "google.calendars.get"):
        back = decided(started(client, link(invited), GOOGLE))
        rig.simulator.plan_fault(operation=operation, hang=True)
        response = client.get(back, follow=True)
        assert "Google does not answer just now. Try again in a few minutes." in text(response)


def test_of_many_at_once_some_are_asked_to_come_again(
    client: Client, rig: Rig, ada: Person, invited: Invitation
) -> None:
    """So that who looks at a page finds a thread that is free."""
    back = decided(started(client, link(invited), GOOGLE))
    rig.simulator.log.clear()
    with ExitStack() as others:
        for _ in range(consents.AT_ONCE):
            others.enter_context(consents.place_taken())
        response = client.get(back, follow=True)
    assert "Many people give access just now. Try again in a few minutes." in text(response)
    assert not rig.operations()
    assert "Google is connected" in text(gone_round(client, link(invited), GOOGLE))


@pytest.mark.parametrize("operation", ["google.token", "google.calendars.get"])
def test_whose_provider_fails_leaves_their_place_to_others(
    client: Client, rig: Rig, invited: Invitation, operation: str
) -> None:
    for _ in range(consents.AT_ONCE + 1):
        back = decided(started(client, link(invited), GOOGLE))
        rig.simulator.plan_fault(operation=operation, status=503)
        assert "Google does not answer" in text(client.get(back, follow=True))


@pytest.mark.django_db(transaction=True)
def test_no_database_connection_is_held_while_a_provider_is_asked(
    client: Client, ada: Person, invited: Invitation, monkeypatch: pytest.MonkeyPatch
) -> None:
    back = decided(started(client, link(invited), GOOGLE))
    held: list[bool] = []
    exchange = consents.code_exchange

    def watched(**given: Any) -> Any:
        held.append(connection.connection is not None)
        return exchange(**given)

    monkeypatch.setattr(consents, "code_exchange", watched)
    assert "Google is connected" in text(client.get(back, follow=True))
    assert held == [False]


def test_an_app_taken_away_meanwhile_is_told_of(client: Client, invited: Invitation) -> None:
    back = decided(started(client, link(invited), GOOGLE))
    OrganizationCredential.objects.all().delete()
    response = client.get(back, follow=True)
    assert "has not set up Google for this" in text(response)
