from __future__ import annotations

from django.template.loader import render_to_string
from django.test import Client

from accounts.access import access_for
from monitoring.actions.models import Action, Invitation
from monitoring.console.campaign import campaign_context
from tests.factories import make_connected_person
from tests.monitoring.actions.invitation_makers import make_campaign, make_invitation
from tests.monitoring.console.conftest import Cast, client_of
from tests.monitoring.console.markup import Markup


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
    context = campaign_context(action) | {"action": action, "access": access_for(user, "acme")}
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


def test_others_do_not(cast: Cast) -> None:
    action = make_asked(cast)
    assert client_of(cast.viewer).post(address(action)).status_code == 403
    assert client_of(cast.stranger).post(address(action)).status_code == 404
    assert client_of(cast.admin).get(address(action)).status_code == 405
    assert client_of(cast.admin).post("/o/acme/actions/0/links/withdraw").status_code == 404
    assert states() == ["sent", "sent", "done"]
