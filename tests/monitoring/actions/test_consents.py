"""What a consent leads to; the way there and back is in console/consent/."""

from __future__ import annotations

from datetime import timedelta
from functools import partial

import pytest

from accounts.models import Connection, Organization, Person, Provider
from monitoring.actions.consents import Errand, access_keep, failure_words, wrong_account
from monitoring.actions.invitations import InvitationClosedError
from monitoring.actions.models import Invitation
from monitoring.jobs.models import Job
from syncing.providers.tokens import Token
from syncing.providers.wire import ProviderError
from syncing.proving import Account
from syncing.reports import RawError
from tests.factories import NOW, make_organization
from tests.monitoring.actions.invitation_makers import make_invitation
from tests.monitoring.console.makers import make_healthy
from tests.monitoring.errors.test_concurrency import at_once


def refusal(status: int | None, code: str = "") -> ProviderError:
    return ProviderError(
        RawError(
            provider="google",
            channel="oauth-json",
            status=status,
            headers={},
            body="a secret",
            operation="google.token",
        ),
        code,
    )


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (refusal(503), "Google does not answer just now. Try again in a few minutes."),
        (refusal(429), "Google does not answer just now. Try again in a few minutes."),
        (refusal(None), "Google does not answer just now. Try again in a few minutes."),
        (refusal(400, "invalid_grant"), "That answer was used before or came too late. Try again."),
        (refusal(200, "CalendarNotAllowed"), "The calendar was left out of the consent."),
        (refusal(200, "ConsentNotLasting"), "The consent would end within hours."),
        (refusal(401, "invalid_client"), "Google did not accept the consent."),
    ],
)
def test_a_refusal_says_what_to_do(error: ProviderError, words: str) -> None:
    said = failure_words(Provider.GOOGLE, error)
    assert said.startswith(words)
    assert "secret" not in said


def test_a_wrong_account_is_named_beside_the_right_one() -> None:
    acme = Organization(salesforce_host="acme.my.salesforce.com")
    person = Person(name="Ada Lovelace", email="ada@acme.example", organization=acme)
    bob = Account("bob@acme.example", "bob@acme.example")
    said = wrong_account(person, Provider.GOOGLE, bob)
    assert said.startswith(
        "You consented as bob@acme.example, but this link is for ada@acme.example."
    )
    said = wrong_account(
        person, Provider.SALESFORCE, Account("005X", "bob@acme.example", acme.salesforce_host)
    )
    assert "this link is for the account of Ada Lovelace." in said


def test_an_account_in_another_organization_is_told_as_such() -> None:
    acme = Organization(salesforce_host="acme.my.salesforce.com")
    person = Person(salesforce_username="ada@acme.example", organization=acme)
    copy = Account("005X", "ada@acme.example", "acme--dev.sandbox.my.salesforce.com")
    assert wrong_account(person, Provider.SALESFORCE, copy).startswith(
        "You consented at acme--dev.sandbox.my.salesforce.com, but this link is for "
        "ada@acme.example at acme.my.salesforce.com. Nothing was changed."
    )


@pytest.mark.django_db(transaction=True)
def test_two_consents_of_one_person_at_once_are_both_kept() -> None:
    """By two links of theirs, each of which asks for both accesses."""
    person = make_healthy(make_organization())
    Connection.objects.filter(person=person).update(state="refused")
    end = NOW + timedelta(days=6)
    refused = make_invitation(person, state="refused", expires_at=end)
    fresh = make_invitation(person, expires_at=end)
    works = [
        partial(
            access_keep,
            errand=Errand(provider, person.pk, invitation.pk, "", ""),
            token=Token("token", refresh_token="refresh"),
            account=Account(person.salesforce_user_id, person.name),
            now=NOW,
        )
        for provider, invitation in zip(Provider, (refused, fresh), strict=True)
        for _ in range(2)
    ]
    # Whoever comes after a link has been used up is told so.
    assert all(isinstance(error, InvitationClosedError) for error in at_once(*works))
    assert Connection.objects.filter(person=person, state="proven").count() == 2
    both = {"google", "salesforce"}
    assert set(Invitation.objects.get(pk=refused.pk).granted) == both
    assert Job.objects.count() == 1
