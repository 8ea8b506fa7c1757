from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from accounts.models import Provider
from monitoring.actions.links import invitation_token
from monitoring.actions.models import Invitation
from syncing.grants import credential_set
from tests.factories import NOW
from tests.monitoring.actions.invitation_makers import DAY, make_campaign, make_invitation
from tests.monitoring.console.markup import markup, text
from tests.monitoring.console.test_content_policy import form_targets

pytestmark = pytest.mark.django_db


def address(invitation: Invitation, deed: str = "") -> str:
    return f"/link/{invitation_token(invitation.pk)}/{deed}"


def make_askable(**overrides: Any) -> Invitation:
    """An invitation of an organization that has an app at Google to ask with."""
    invitation = make_invitation(**overrides)
    credential_set(
        organization=invitation.organization,
        provider=Provider.GOOGLE,
        client_id="the-app",
        secret="a secret",
    )
    return invitation


def again(invitation: Invitation) -> Invitation:
    return Invitation.objects.get(pk=invitation.pk)


def test_the_page_says_who_asks_for_what(client: Client) -> None:
    invitation = make_askable()
    action = make_campaign(invitation.person, parameters={"message": "Before Monday, please"})
    Invitation.objects.update(action=action)
    response = client.get(address(invitation))
    page = text(response)
    assert "Ada Admin asks you to give it again." in page
    assert "Before Monday, please" in page
    assert "Continue to Google" in page
    assert "Continue to Salesforce" not in page
    assert "The link expires in 6 days" in page
    assert markup(response).violations == []


def test_following_the_link_changes_nothing(client: Client) -> None:
    invitation = make_askable()
    before = Invitation.objects.values().get()
    for _ in range(2):
        assert client.get(address(invitation)).status_code == 200
        assert client.head(address(invitation)).status_code == 200
    assert Invitation.objects.values().get() == before


def test_only_the_page_with_the_form_may_lead_to_the_provider(client: Client) -> None:
    invitation = make_askable()
    targets = form_targets(client.get(address(invitation)))
    assert targets == {"'self'", "https://accounts.google.com"}
    Invitation.objects.update(granted=["google"])
    assert form_targets(client.get(address(invitation))) == {"'self'"}


def test_the_address_is_kept_from_caches_engines_and_other_sites(client: Client) -> None:
    headers = client.get(address(make_askable())).headers
    assert "no-store" in headers["Cache-Control"]
    assert headers["X-Robots-Tag"] == "noindex, nofollow"
    assert headers["Referrer-Policy"] == "same-origin"


@pytest.mark.parametrize(
    ("fields", "title"),
    [
        ({"state": "withdrawn"}, "This link was withdrawn"),
        ({"state": "expired"}, "This link has expired"),
        ({"state": "waiting", "expires_at": None}, "This link does not open yet"),
        ({"expires_at": NOW}, "This link has expired"),
        ({"state": "refused", "expires_at": NOW}, "This link has expired"),
    ],
)
def test_a_link_that_is_over_says_why(client: Client, fields: dict[str, Any], title: str) -> None:
    invitation = make_askable(**fields)
    for response in (
        client.get(address(invitation)),
        client.post(address(invitation, "google")),
    ):
        assert response.status_code == 410
        assert title in text(response)
        assert "Go to your own page" in text(response)
    assert again(invitation).state == invitation.state


def test_a_used_link_says_thank_you_and_leads_nowhere(client: Client) -> None:
    invitation = make_askable(state="done")
    response = client.get(address(invitation))
    assert response.status_code == 200
    assert "Thank you, that is all" in text(response)
    response = client.post(address(invitation, "google"))
    assert response.status_code == 410
    assert "This link has been used" in text(response)


def test_the_link_of_who_is_gone_says_so(client: Client) -> None:
    invitation = make_askable()
    link = address(invitation)
    invitation.person.delete()
    assert client.get(link).status_code == 410
    assert client.post(f"{link}google").status_code == 410


def test_a_link_that_is_not_ours_says_what_to_do(client: Client) -> None:
    for response in (client.get("/link/nonsense/"), client.post("/link/nonsense/google")):
        assert response.status_code == 404
        assert "This link is not complete" in text(response)


def test_who_declined_may_change_their_mind(client: Client) -> None:
    invitation = make_askable(state="refused", refusal="Declined at Google.")
    page = text(client.get(address(invitation)))
    assert "Last try: Declined at Google." in page
    assert "Continue to Google" in page
    assert client.post(address(invitation, "google")).status_code == 302


def test_a_wrong_method_is_refused(client: Client) -> None:
    invitation = make_askable()
    assert client.get(address(invitation, "google")).status_code == 405
    assert client.post(address(invitation)).status_code == 405
    assert client.post("/link/google/callback").status_code == 405


def test_beginning_is_noted_and_leads_to_the_provider(client: Client) -> None:
    invitation = make_askable()
    response = client.post(address(invitation, "google"))
    assert response.status_code == 302
    assert response.url.startswith("https://accounts.google.com/o/oauth2/v2/auth?")
    assert (again(invitation).state, again(invitation).opened_at) == ("opened", NOW)


def test_what_was_not_asked_for_or_is_given_leads_nowhere(client: Client) -> None:
    invitation = make_askable(providers=["google", "salesforce"], granted=["google"])
    assert client.post(address(invitation, "google")).url == address(invitation)
    Invitation.objects.update(providers=["google"], granted=[])
    assert client.post(address(invitation, "salesforce")).url == address(invitation)


def test_an_organization_without_an_app_is_told_of(client: Client) -> None:
    invitation = make_invitation()
    assert "Can't be given here" in text(client.get(address(invitation)))
    response = client.post(address(invitation, "google"), follow=True)
    assert "has not set up Google for this" in text(response)


def test_a_person_far_away_reads_their_own_time(client: Client) -> None:
    invitation = make_askable(expires_at=NOW + 2 * DAY + timedelta(hours=1))
    type(invitation.person).objects.update(time_zone="Asia/Tokyo")
    assert "times in Asia/Tokyo" in text(client.get(address(invitation)))
