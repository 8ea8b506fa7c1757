"""The mails that hold a signed link: what they say is in templates/mail/."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from accounts.access import zone_of
from accounts.models import Person, Provider
from monitoring.actions.links import PERSON_LINK_GOOD_FOR, invitation_link, person_link
from monitoring.actions.models import Invitation
from monitoring.alerts.mails import Mail, mail_of
from monitoring.alerts.outbox import message_queue, messages_withdraw

NO_LINK = "Its link opens nothing any more, or is not needed, so it is not sent."


def invitation_mail(invitation: Invitation, now: datetime) -> None:
    """Queue the mail with the link."""
    letter("reauthorize", invitation_key(invitation, 0), invitation, now)


def reminder_mail(invitation: Invitation, now: datetime) -> None:
    """Queue the reminder that `invitation.reminders` counts already."""
    key = invitation_key(invitation, invitation.reminders)
    letter("reauthorize_reminder", key, invitation, now)


def invitation_mails_withdraw(invitations: Iterable[Invitation], now: datetime) -> None:
    """Take back the mails that nobody has begun to send."""
    keys = [
        invitation_key(invitation, number)
        for invitation in invitations
        for number in range(invitation.reminders + 1)
    ]
    if keys:
        messages_withdraw(keys=keys, now=now, reason=NO_LINK)


def invitation_key(invitation: Invitation, number: int) -> str:
    return f"invitation/{invitation.pk}/{number}"


def invitation_id_in(key: str) -> int:
    """Return of which invitation the mail of a key is."""
    return int(key.split("/")[1])


def letter(kind: str, key: str, invitation: Invitation, now: datetime) -> None:
    person = invitation.person
    message_queue(
        organization=invitation.organization,
        person=person,
        kind=kind,
        key=key,
        recipient=person.email,
        recipient_name=person.name,
        mail=invitation_text(kind, invitation),
        now=now,
    )


def invitation_text(kind: str, invitation: Invitation) -> Mail:
    person, action = invitation.person, invitation.action
    left = [each for each in invitation.providers if each not in invitation.granted]
    return mail_of(
        kind,
        {
            "person_name": person.name,
            "organization_name": invitation.organization.name,
            "actor_name": invitation.asked_by_name,
            "providers": [Provider(each).label for each in left],
            "link": invitation_link(invitation),
            "expires": invitation.expires_at,
            "zone": zone_of(person.time_zone),
            "message": str(action.parameters.get("message") or "") if action else "",
        },
    )


def person_link_mail(person: Person, now: datetime) -> None:
    """Queue the mail with the link to the person's own page; one a minute is enough."""
    context = {
        "person_name": person.name,
        "organization_name": person.organization.name,
        "link": person_link(person, now),
        "expires": now + PERSON_LINK_GOOD_FOR,
        "zone": zone_of(person.time_zone),
    }
    message_queue(
        organization=person.organization,
        person=person,
        kind="person_link",
        key=f"person_link/{person.pk}/{now:%Y%m%d%H%M}",
        recipient=person.email,
        recipient_name=person.name,
        mail=mail_of("person_link", context),
        now=now,
    )
