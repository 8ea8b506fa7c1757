from __future__ import annotations

from django.template.loader import render_to_string
from django.test import Client

from accounts.access import access_for
from monitoring.actions.models import Action, Invitation
from monitoring.audit.models import AuditEntry
from monitoring.console.campaign import campaign_context
from tests.factories import NOW, make_connected_person
from tests.monitoring.actions.invitation_makers import make_campaign, make_invitation
from tests.monitoring.console.conftest import Cast, client_of
from tests.monitoring.console.makers import make_healthy
from tests.monitoring.console.markup import Markup, text


def make_asked(cast: Cast) -> Action:
    action = make_campaign(make_connected_person(cast.acme))
    for state in ("sent", "sent", "done"):
        person = make_connected_person(cast.acme)
        make_invitation(person, state=state, action=action, reminders=int(state == "done"))
    return action


def address(action: Action) -> str:
    return f"/o/acme/actions/{action.pk}/links/withdraw"


def states() -> list[str]:
    return list(Invitation.objects.order_by("id").values_list("state", flat=True))


def part(cast: Cast, action: Action, user: object) -> str:
    context = campaign_context(action, NOW) | {"action": action, "access": access_for(user, "acme")}
    return Markup(render_to_string("console/campaign.html", context)).text


def test_the_part_of_the_page_counts_by_state(cast: Cast) -> None:
    action = make_asked(cast)
    said = part(cast, action, cast.admin)
    assert said == "Links 1 done 2 sent 1 reminded Withdraw 2 open links"
    assert "Withdraw" not in part(cast, action, cast.viewer)
    assert part(cast, make_campaign(make_connected_person(cast.acme)), cast.admin) == ""


def test_open_links_are_withdrawn(cast: Cast, admin_client: Client) -> None:
    action = make_asked(cast)
    response = admin_client.post(address(action))
    assert (response.status_code, response.url) == (302, f"/o/acme/actions/{action.pk}/")
    assert states() == ["withdrawn", "withdrawn", "done"]
    assert admin_client.post(address(action)).status_code == 302


def test_a_link_that_was_declined_still_opens_until_it_is_withdrawn(
    cast: Cast, admin_client: Client
) -> None:
    action = make_campaign(make_connected_person(cast.acme))
    for ended in (False, True):
        person = make_connected_person(cast.acme)
        times = {"expires_at": NOW} if ended else {}
        make_invitation(person, state="refused", action=action, **times)
    assert part(cast, action, cast.admin) == "Links 2 refused Withdraw 1 open link"
    admin_client.post(address(action))
    assert states() == ["withdrawn", "refused"]


def test_a_declined_link_is_withdrawn_on_the_persons_page(cast: Cast, admin_client: Client) -> None:
    invitation = make_invitation(make_healthy(cast.acme), state="refused", refusal="Declined.")
    page = f"/o/acme/people/{invitation.person_id}/"
    said = text(admin_client.get(page))
    assert "They declined, but may change their mind. It expires" in said
    assert "Withdraw the link" in said
    admin_client.post(f"{page}link/withdraw")
    assert states() == ["withdrawn"]


def test_others_do_not(cast: Cast) -> None:
    action = make_asked(cast)
    assert client_of(cast.viewer).post(address(action)).status_code == 403
    assert client_of(cast.stranger).post(address(action)).status_code == 404
    assert client_of(cast.admin).get(address(action)).status_code == 405
    assert client_of(cast.admin).post("/o/acme/actions/0/links/withdraw").status_code == 404
    assert states() == ["sent", "sent", "done"]


def test_the_link_of_one_person_is_withdrawn_on_their_page(
    cast: Cast, admin_client: Client
) -> None:
    person, other = make_connected_person(cast.acme), make_connected_person(cast.acme)
    make_invitation(person)
    make_invitation(other)
    page = f"/o/acme/people/{person.pk}/"
    assert "Withdraw the link" in text(admin_client.get(page))
    assert "Withdraw the link" not in text(client_of(cast.viewer).get(page))
    assert "The link is withdrawn." in text(admin_client.post(f"{page}link/withdraw", follow=True))
    assert states() == ["withdrawn", "sent"]
    entry = AuditEntry.objects.get(action="invitation.withdraw")
    assert (entry.person, entry.author) == (person, cast.admin)
    response = admin_client.post(f"{page}link/withdraw", follow=True)
    assert "No link was open any more." in text(response)


def test_others_withdraw_no_link_of_a_person(cast: Cast, admin_client: Client) -> None:
    invitation = make_invitation(make_connected_person(cast.acme))
    address = f"/o/acme/people/{invitation.person_id}/link/withdraw"
    assert client_of(cast.viewer).post(address).status_code == 403
    assert client_of(cast.stranger).post(address).status_code == 404
    assert admin_client.get(address).status_code == 405
    elsewhere = make_connected_person(cast.globex)
    assert admin_client.post(f"/o/acme/people/{elsewhere.pk}/link/withdraw").status_code == 404
    assert states() == ["sent"]
