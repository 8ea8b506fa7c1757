"""Alerts, whom they were told to, and what proved them, as a page finds them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from accounts.models import Organization, Person
from monitoring.alerts.kinds import AlertKind, Severity
from monitoring.alerts.mails import Mail
from monitoring.alerts.models import Alert, Message, Notification, Recipient
from monitoring.alerts.outbox import message_queue
from monitoring.alerts.plan_facts import Phase
from tests.factories import NOW, serial
from tests.monitoring.console.makers import REVOKED, make_outcome, transition

HOUR = timedelta(hours=1)
CAUSE = "google-access-revoked"
TITLE = "Google access revoked or expired"


def make_alert(organization: Organization | None, **overrides: Any) -> Alert:
    """An alert about people whose access was revoked, open for three hours."""
    people = overrides.get("people", 2)
    fields = {
        "kind": AlertKind.REAUTHORIZE,
        "cause": CAUSE,
        "severity": Severity.WARNING,
        "people": people,
        "most_people": people,
        "weight": people,
        "began_at": NOW - 3 * HOUR,
        "changed_at": NOW - HOUR,
    }
    return Alert.objects.create(organization=organization, **fields | overrides)


def make_over(organization: Organization | None, **overrides: Any) -> Alert:
    """An alert of the day before yesterday that lasted two hours."""
    over = {"began_at": NOW - 48 * HOUR, "ended_at": NOW - 46 * HOUR, "most_people": 4}
    return make_alert(organization, **{"people": 0} | over | overrides)


def make_recipient(organization: Organization | None, **overrides: Any) -> Recipient:
    address = overrides.pop("address", f"recipient{next(serial)}@acme.example")
    fields = {"created_at": NOW - 24 * HOUR, "confirmed_at": NOW - 24 * HOUR}
    return Recipient.objects.create(
        organization=organization, address=address, **fields | overrides
    )


def make_told(alert: Alert, recipient: Recipient | None = None, **overrides: Any) -> Notification:
    """Somebody was told of it, by a message that was sent unless told otherwise."""
    recipient = recipient or make_recipient(alert.organization, name="Casey Admin")
    fields = {name: overrides.pop(name) for name in ("phase", "at", "muted") if name in overrides}
    fields = {"phase": Phase.OPENED, "at": NOW - HOUR} | fields
    message = None if fields.get("muted") else make_alert_message(alert, recipient, **overrides)
    return Notification.objects.create(
        alert=alert, recipient=recipient, message=message, people=alert.people, **fields
    )


def make_alert_message(alert: Alert, recipient: Recipient, **overrides: Any) -> Message:
    """The message of one recipient, in the outbox of the organization it is a recipient of."""
    message = message_queue(
        organization=recipient.organization,
        kind="alert",
        key=f"alert {next(serial)}",
        recipient=recipient.address,
        recipient_name=recipient.name,
        mail=Mail("2 people must give access again", "See them.\n", "<p>See them.</p>"),
        now=NOW - HOUR,
    )
    assert message is not None
    sent = {"state": "sent", "sent_at": NOW - HOUR, "answer": "250 Taken", "attempts": 1}
    Message.objects.filter(pk=message.pk).update(**sent | overrides)
    return Message.objects.get(pk=message.pk)


def prove(alert: Alert, person: Person) -> Alert:
    """Give an alert the change of a person's status that began it, and two runs that proved it."""
    runs = [
        make_outcome(
            person, NOW - hours * HOUR, result="failure", error=REVOKED, rule=CAUSE, rules_version=2
        )
        for hours in (5, 4)
    ]
    change = transition(
        person,
        NOW - 4 * HOUR,
        to_status="stalled",
        to_cause=CAUSE,
        rules_version=2,
        evidence=[run.attempt_id for run in runs],
    )
    change.save()
    alert.transition, alert.evidence = change.pk, [run.attempt_id for run in runs]
    alert.save()
    return alert
