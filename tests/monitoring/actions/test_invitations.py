from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.conf import settings
from django.core.exceptions import PermissionDenied
from django_q.models import OrmQ
from pytest_django import DjangoCaptureOnCommitCallbacks

from accounts.models import Connection, Person, Provider, Role
from monitoring.actions import invitation_watch
from monitoring.actions.invitation_watch import (
    invitations_look,
    invitations_wait,
    invitations_work,
)
from monitoring.actions.invitations import (
    AlreadyInvitedError,
    InvitationClosedError,
    campaign_of,
    campaign_withdraw,
    invitation_grant,
    invitation_make,
    invitation_note,
    invitation_open,
    invitation_refuse,
    invitations_of_person_grant,
    invitations_withdraw,
)
from monitoring.actions.links import invitation_link
from monitoring.actions.models import Action, Invitation, InvitationState
from monitoring.audit.models import AuditEntry
from tests.factories import NOW, make_connected_person, make_user
from tests.monitoring.actions.invitation_makers import (
    DAY,
    mails,
    make_campaign,
    make_invitation,
    make_policy,
    make_waiting,
    words,
)
from tests.monitoring.console.incident_makers import make_hits, make_incident
from tests.monitoring.errors.makers import make_access

pytestmark = pytest.mark.django_db
OVER = {"closed_at": NOW, "recovered_at": NOW}
GOOGLE, SALESFORCE = Provider.GOOGLE, Provider.SALESFORCE


@pytest.fixture
def ada(db: None) -> Person:
    return make_connected_person(name="Ada Lovelace", time_zone="Europe/Berlin")


def make(person: Person, *providers: str, **overrides: Any) -> Invitation:
    fields = {"asked_by": make_user(), "asked_by_name": "Ada Admin", "action": None, "now": NOW}
    return invitation_make(
        organization=person.organization,
        person=person,
        providers=providers or ("salesforce", "google"),
        **fields | overrides,
    )


def again(invitation: Invitation) -> Invitation:
    return Invitation.objects.get(pk=invitation.pk)


def test_an_invitation_is_sent_with_a_link_in_its_mail(ada: Person) -> None:
    action = make_campaign(ada, parameters={"message": "Please do it today"})
    invitation = again(make(ada, action=action))
    assert (invitation.state, invitation.providers) == ("sent", ["google", "salesforce"])
    assert (invitation.sent_at, invitation.expires_at) == (NOW, NOW + 7 * DAY)
    assert invitation.look_at == NOW + 2 * DAY
    (mail,) = mails()
    assert (mail.kind, mail.recipient, mail.person) == ("reauthorize", ada.email, ada)
    assert invitation_link(invitation) in words(mail)
    assert "no access to Google and Salesforce" in words(mail)
    assert "Ada Admin writes:\nPlease do it today" in words(mail)
    assert "until 2026-11-27 13:00 (Europe/Berlin)" in words(mail)


def test_the_organizations_days_count(ada: Person) -> None:
    make_policy(ada, link_days=3, reminders=0)
    invitation = again(make(ada))
    assert invitation.expires_at == invitation.look_at == NOW + 3 * DAY


def test_nobody_has_two_open_invitations(ada: Person) -> None:
    make(ada)
    with pytest.raises(AlreadyInvitedError):
        make(ada, "google")
    assert len(mails()) == 1


@pytest.mark.parametrize("how", ["hit", "provider"])
def test_one_made_during_an_incident_waits_for_its_end(ada: Person, how: str) -> None:
    incident = make_incident(ada.organization, provider="network" if how == "hit" else "google")
    if how == "hit":
        make_hits(incident, [ada])
    invitation = make(ada, "google")
    assert (invitation.state, mails()) == ("waiting", [])
    invitations_look(NOW)
    assert again(invitation).state == "waiting"
    type(incident).objects.update(**OVER)
    later = NOW + timedelta(minutes=15)
    assert invitations_look(later) == 1
    assert (again(invitation).state, again(invitation).sent_at) == ("sent", later)
    assert len(mails()) == 1


def test_an_incident_of_others_holds_nothing_back(ada: Person) -> None:
    make_incident(ada.organization, provider="salesforce")
    make_incident(make_connected_person().organization, provider="google")
    assert make(ada, "google").state == "sent"


def test_pressing_a_button_opens_it_once() -> None:
    invitation = make_invitation()
    invitation_open(invitation=invitation, now=NOW)
    invitation_open(invitation=again(invitation), now=NOW + DAY)
    assert (again(invitation).state, again(invitation).opened_at) == ("opened", NOW)


@pytest.mark.parametrize(
    "fields", [{"state": "withdrawn"}, {"state": "done"}, {"state": "waiting"}, {"expires_at": NOW}]
)
def test_a_link_that_is_over_neither_opens_nor_grants(fields: dict[str, Any]) -> None:
    invitation = make_invitation(**fields)
    with pytest.raises(InvitationClosedError) as closed:
        invitation_open(invitation=invitation, now=NOW)
    assert closed.value.invitation == invitation
    with pytest.raises(InvitationClosedError):
        invitation_grant(invitation=invitation, provider=GOOGLE, now=NOW)
    assert again(invitation).granted == []


def test_it_is_done_with_the_last_access() -> None:
    invitation = make_invitation(state="opened", refusal="The wrong account")
    assert invitation_grant(invitation=invitation, provider=GOOGLE, now=NOW).state == "opened"
    assert (again(invitation).granted, again(invitation).refusal) == (["google"], "")
    assert invitation_grant(invitation=invitation, provider=SALESFORCE, now=NOW).state == "done"
    assert (again(invitation).ended_at, again(invitation).look_at) == (NOW, None)


def test_one_whose_row_is_gone_is_closed() -> None:
    invitation = make_invitation()
    Invitation.objects.all().delete()
    with pytest.raises(InvitationClosedError) as closed:
        invitation_grant(invitation=invitation, provider=GOOGLE, now=NOW)
    assert closed.value.invitation is None


def test_who_declined_may_change_their_mind() -> None:
    invitation = make_invitation(providers=["google"])
    invitation_refuse(invitation=invitation, sentence="You declined.", now=NOW)
    assert (again(invitation).state, again(invitation).refusal) == ("refused", "You declined.")
    assert not invitations_wait()
    assert invitation_grant(invitation=invitation, provider=GOOGLE, now=NOW).state == "done"


def test_who_declined_and_gave_a_part_is_reminded_of_the_rest(ada: Person) -> None:
    invitation = make(ada)
    invitation_refuse(invitation=invitation, sentence="Declined at Google.", now=NOW)
    later = NOW + timedelta(hours=1)
    invitation_grant(invitation=invitation, provider=GOOGLE, now=later)
    taken_up = again(invitation)
    assert (taken_up.state, taken_up.granted, taken_up.refusal) == ("opened", ["google"], "")
    assert (taken_up.ended_at, taken_up.look_at) == (None, later + 2 * DAY)
    invitations_look(later + 2 * DAY)
    assert [mail.kind for mail in mails()] == ["reauthorize", "reauthorize_reminder"]
    invitations_look(NOW + 7 * DAY)
    assert again(invitation).state == "expired"


def test_who_was_asked_anew_after_declining_has_one_open_invitation(ada: Person) -> None:
    declined = make(ada)
    invitation_refuse(invitation=declined, sentence="Declined.", now=NOW)
    fresh = make(ada)
    invitation_grant(invitation=declined, provider=GOOGLE, now=NOW)
    assert (again(declined).state, again(declined).granted) == ("refused", ["google"])
    assert again(fresh).state == "sent"


def test_access_given_another_way_counts_for_what_was_declined(ada: Person) -> None:
    declined = make_invitation(ada, providers=["google"], state="refused")
    expired = make_invitation(ada, providers=["google"], state="refused", expires_at=NOW)
    invitations_of_person_grant(person=ada, provider=GOOGLE, but=None, now=NOW)
    assert (again(declined).state, again(expired).state) == ("done", "refused")


def test_a_try_with_the_wrong_account_leaves_it_open() -> None:
    invitation = make_invitation()
    invitation_note(invitation=invitation, sentence="That was bob@acme.example.")
    assert again(invitation).state == "sent"
    assert again(invitation).refusal == "That was bob@acme.example."


def test_access_given_another_way_counts(ada: Person) -> None:
    other = make_invitation(providers=["google"])
    mine = make_invitation(ada, providers=["google"])
    invitations_of_person_grant(person=ada, provider=SALESFORCE, but=None, now=NOW)
    assert again(mine).state == "sent"
    invitations_of_person_grant(person=ada, provider=GOOGLE, but=None, now=NOW)
    assert (again(mine).state, again(other).state) == ("done", "sent")


def test_withdrawing_closes_open_ones_and_their_mails(ada: Person) -> None:
    sent, done = make(ada), make_invitation(state="done")
    assert len(mails()) == 1
    assert invitations_withdraw(invitations=[sent.pk, done.pk], now=NOW) == 1
    assert mails() == []
    assert (again(sent).state, again(done).state) == ("withdrawn", "done")


def test_a_declined_link_is_withdrawn_while_it_opens(ada: Person) -> None:
    declined = make(ada)
    invitation_refuse(invitation=declined, sentence="Declined.", now=NOW)
    ended = make_invitation(state="refused", expires_at=NOW)
    assert invitations_withdraw(invitations=[declined.pk, ended.pk], now=NOW) == 1
    with pytest.raises(InvitationClosedError):
        invitation_grant(invitation=declined, provider=GOOGLE, now=NOW)
    assert again(ended).state == "refused"
    assert mails() == []


def test_a_reminder_goes_out_when_it_is_due_and_not_too_often(ada: Person) -> None:
    make_policy(ada, link_days=7, reminders=2, reminder_days=2)
    invitation = make(ada)
    for days in range(1, 8):
        invitations_look(NOW + days * DAY)
        if days == 6:
            kinds = [mail.kind for mail in mails()]
            assert kinds == ["reauthorize", *["reauthorize_reminder"] * 2]
    assert mails() == [], "what never went out goes with its link"
    assert (again(invitation).state, again(invitation).reminders) == ("expired", 2)


def test_no_reminder_during_an_incident(ada: Person) -> None:
    invitation = make_invitation(ada, look_at=NOW)
    make_incident(ada.organization, provider="google")
    assert invitations_look(NOW) == 1
    assert mails() == []
    assert again(invitation).look_at == NOW + timedelta(minutes=15)


def test_what_heals_meanwhile_is_not_asked_for(ada: Person) -> None:
    waiting = make_waiting(ada, providers=["google"])
    Connection.objects.filter(person=ada).update(state="proven", proven_at=NOW - 2 * DAY)
    Connection.objects.filter(person=ada, provider="google").update(proven_at=NOW)
    assert invitations_look(NOW) == 1
    assert (again(waiting).state, mails()) == ("withdrawn", [])


def test_only_what_is_due_is_looked_at() -> None:
    make_invitation(look_at=NOW + DAY)
    make_invitation(state="done", look_at=None)
    assert invitations_look(NOW) == 0
    assert [make_waiting().state for _ in range(3)] == ["waiting"] * 3
    assert invitations_look(NOW, limit=2) == 2
    assert invitations_look(NOW, limit=2) == 1


def test_the_task_works_until_nothing_is_due(
    monkeypatch: pytest.MonkeyPatch,
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:
    monkeypatch.setattr(invitation_watch, "AT_ONCE", 2)
    looked: list[datetime] = []

    def look(now: datetime) -> int:
        looked.append(now)
        return 2 if len(looked) < 3 else 1

    monkeypatch.setattr(invitation_watch, "invitations_look", look)
    invitations_work()
    assert len(looked) == 3
    # Whose turn is over rings for the next one.
    monkeypatch.setattr(settings, "DRAIN_BUDGET", -1)
    looked.clear()
    with django_capture_on_commit_callbacks(execute=True):
        invitations_work()
    assert len(looked) == 1
    assert [bell.task["func"] for bell in OrmQ.objects.all()] == [invitation_watch.WORK]


def test_the_tick_rings_while_something_is_due(ada: Person) -> None:
    assert not invitations_wait()
    make_waiting(ada)
    assert invitations_wait()


def campaign(ada: Person) -> Action:
    action = make_campaign(ada)
    for state in ("sent", "opened", "done", "expired", "refused"):
        person = make_connected_person(ada.organization)
        make_invitation(person, state=state, action=action, reminders=int(state == "opened"))
    make_invitation(ada)
    return action


def test_a_campaign_is_counted_by_state(ada: Person) -> None:
    action = campaign(ada)
    counts = campaign_of(action, NOW).counts
    assert counts == {
        state: int(state not in {"waiting", "withdrawn"}) for state in InvitationState
    }
    assert (campaign_of(action, NOW).reminded, campaign_of(action, NOW).invited) == (1, 5)


def test_a_campaign_is_taken_back_with_its_open_links_only(ada: Person) -> None:
    action, access = campaign(ada), make_access(ada.organization)
    assert campaign_withdraw(access=access, action=action, now=NOW) == 3
    counts = campaign_of(action, NOW).counts
    assert (counts[InvitationState.WITHDRAWN], counts[InvitationState.DONE]) == (3, 1)
    assert Invitation.objects.get(person=ada).state == "sent"
    entries = AuditEntry.objects.filter(action="invitation.withdraw")
    asked = Invitation.objects.filter(state="withdrawn").values_list("person", flat=True)
    assert {entry.person_id for entry in entries} == set(asked)
    assert campaign_withdraw(access=access, action=action, now=NOW) == 0


def test_only_who_may_change_takes_a_campaign_back(ada: Person) -> None:
    action = campaign(ada)
    for access in (make_access(ada.organization, role=Role.VIEWER), make_access()):
        with pytest.raises(PermissionDenied):
            campaign_withdraw(access=access, action=action, now=NOW)
    assert campaign_of(action, NOW).open == 3
