from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

import pytest
from django.core.exceptions import PermissionDenied
from django.db import connection, transaction

from accounts.access import Access, access_for, service_access_for
from accounts.models import Role
from monitoring.alerts.claims import messages_claim
from monitoring.alerts.confirming import confirmations_check, normalised, recipient_confirm
from monitoring.alerts.last_checks import Leave
from monitoring.alerts.models import Message, Recipient
from monitoring.alerts.outbox import mail_in
from monitoring.alerts.recipient_changes import recipient_add, recipient_ask, recipient_remove
from monitoring.alerts.recipients import recipients_known
from monitoring.alerts.refusals import AlertRefusedError
from monitoring.alerts.routing import RouteFacts, targets_by, untold
from monitoring.alerts.sending import messages_work
from monitoring.alerts.showing import mail_shown
from monitoring.alerts.tickets import confirm_link
from monitoring.alerts.trials import recipient_test
from monitoring.alerts.unsubscribing import recipient_resubscribe, recipient_unsubscribe
from monitoring.audit.models import AuditEntry
from tests.factories import NOW, make_member, make_organization, make_user
from tests.monitoring.alerts.makers import make_message
from tests.monitoring.alerts.post import Post
from tests.monitoring.alerts.routing_makers import make_recipient

pytestmark = pytest.mark.django_db

DAY = timedelta(days=1)
LURE = "your account is locked, open https://evil.example"


@pytest.fixture
def access() -> Access:
    return access_of()


def access_of() -> Access:
    member = make_member(make_organization())
    return access_for(member.user, member.organization.slug)


def add(access: Access, address: str = "victim@bank.example", days: float = 0) -> Recipient:
    return recipient_add(access=access, address=address, name=LURE, now=NOW + days * DAY)


def questions() -> int:
    return Message.objects.filter(kind="confirm_address").count()


def test_a_stranger_is_asked_by_one_mail_without_a_word_of_who_named_them(access: Access) -> None:
    recipient = add(access)
    message = Message.objects.get()
    mail = mail_in(message)
    assert (message.kind, message.recipient) == ("confirm_address", "victim@bank.example")
    assert message.recipient_name == ""
    for text in (mail.subject, mail.text, mail.html):
        assert "evil" not in text
        assert "locked" not in text
    assert access.organization.name in mail.subject
    assert confirm_link(recipient.pk) in mail.text
    assert confirm_link(recipient.pk) in mail.html


def test_the_question_is_sent_as_any_mail_is_in_the_order_of_its_time(
    access: Access, post: Post
) -> None:
    before, after = (
        make_message(recipient=f"{name}@x.example", recipient_name="") for name in ("first", "last")
    )
    Message.objects.filter(pk=before.pk).update(next_try_at=NOW - DAY)
    Message.objects.filter(pk=after.pk).update(next_try_at=NOW + DAY)
    add(access)
    messages_work()
    assert [mail["To"] for mail in post.mails] == [
        "first@x.example",
        "victim@bank.example",
        "last@x.example",
    ]
    assert set(Message.objects.values_list("state", flat=True)) == {"sent"}


def test_a_claim_of_some_takes_questions_in_their_turn(access: Access) -> None:
    mails = [make_message(recipient=f"{each}@x.example", now=NOW) for each in range(3)]
    add(access, days=-1)
    claimed = messages_claim(token=uuid4(), limit=2, now=NOW)
    assert [each.recipient for each in claimed] == ["victim@bank.example", mails[0].recipient]


def test_the_outbox_does_not_show_the_link_to_who_named_them(access: Access) -> None:
    recipient = add(access)
    shown = mail_shown(Message.objects.get())
    token = confirm_link(recipient.pk).rstrip("/").rpartition("/")[2]
    assert token in mail_in(Message.objects.get()).html
    assert all(token not in text for text in (shown.subject, shown.text, shown.html))


def test_adding_testing_and_removing_in_a_loop_sends_one_mail(access: Access) -> None:
    for number in range(6):
        recipient = add(access, f"victim+{number}@Bank.example")
        with pytest.raises(AlertRefusedError, match="confirmed"):
            recipient_test(access=access, recipient=recipient, now=NOW)
        recipient_remove(access=access, recipient=recipient, now=NOW)
    assert Message.objects.count() == 1


def test_other_organizations_do_not_ask_the_same_person_on_the_same_day(access: Access) -> None:
    add(access)
    add(access_of(), "victim+work@bank.example")
    assert questions() == 1
    add(access_of(), "VICTIM@bank.example", days=1)
    assert questions() == 2


def test_a_day_is_a_day_across_midnight(access: Access) -> None:
    add(access)
    midnight = (NOW + DAY).replace(hour=0, minute=1)
    recipient_add(access=access_of(), address="victim@bank.example", name="", now=midnight)
    assert questions() == 1


def test_an_organization_has_so_many_asked_a_day_whether_they_are_still_there(
    access: Access,
) -> None:
    for number in range(20):
        recipient_remove(access=access, recipient=add(access, f"v{number}@x.example"), now=NOW)
    with pytest.raises(AlertRefusedError, match="At most 20 addresses a day"):
        add(access, "one.more@x.example")
    assert not Recipient.objects.filter(address="one.more@x.example").exists()
    add(access_of(), "one.more@x.example")
    add(access, "yet.one.more@x.example", days=1.01)


def test_the_service_has_a_limit_of_its_own(access: Access) -> None:
    service = service_access_for(make_user(is_staff=True))
    for number in range(20):
        recipient_add(access=service, address=f"v{number}@x.example", name="", now=NOW)
    with pytest.raises(AlertRefusedError, match="At most 20"):
        recipient_add(access=service, address="more@x.example", name="", now=NOW)
    add(access, "more@x.example")


@pytest.mark.parametrize(
    ("written", "same"),
    [
        ("Box@Acme.example", "box@acme.example"),
        ("box+alerts+2@acme.example", "box@acme.example"),
        ("box.of.a@acme.example", "box.of.a@acme.example"),
    ],
)
def test_ways_to_write_an_address_are_one(written: str, same: str) -> None:
    assert normalised(written) == same


def test_who_has_not_confirmed_is_told_nothing_and_counts_as_nobody(access: Access) -> None:
    recipient = add(access)
    organization = access.organization.pk
    everything = RouteFacts("Box", audience="chosen", recipients=frozenset({recipient.pk}))
    known = recipients_known([organization])[organization]
    assert targets_by([everything], known) == []
    assert untold([everything], known)
    assert recipient_confirm(recipient=recipient, now=NOW)
    known = recipients_known([organization])[organization]
    assert [each.recipient for each in targets_by([everything], known)] == [recipient.pk]
    assert untold([everything], known) == []


def test_confirming_is_done_once_and_written_down(access: Access) -> None:
    recipient = add(access)
    assert recipient_confirm(recipient=recipient, now=NOW)
    assert not recipient_confirm(recipient=recipient, now=NOW + DAY)
    recipient.refresh_from_db()
    assert recipient.confirmed_at == NOW
    assert AuditEntry.objects.filter(action="recipient.confirm").count() == 1
    assert recipient_test(access=access, recipient=recipient, now=NOW).kind == "alert_test"
    with pytest.raises(AlertRefusedError, match="nothing to ask"):
        recipient_ask(access=access, recipient=recipient, now=NOW + DAY)


def test_a_test_to_an_address_says_no_name_either(access: Access) -> None:
    recipient = make_recipient(access.organization, name=LURE)
    message = recipient_test(access=access, recipient=recipient, now=NOW)
    mail = mail_in(message)
    assert message.recipient_name == ""
    assert all("evil" not in text for text in (mail.subject, mail.text, mail.html))


def test_who_was_removed_confirms_nothing(access: Access) -> None:
    recipient = add(access)
    recipient_remove(access=access, recipient=recipient, now=NOW)
    assert not recipient_confirm(recipient=recipient, now=NOW)


def test_who_confirmed_is_asked_nothing_when_they_are_added_anew(access: Access) -> None:
    recipient = add(access)
    recipient_confirm(recipient=recipient, now=NOW)
    recipient_remove(access=access, recipient=recipient, now=NOW)
    again = add(access, days=2)
    assert (again.pk, again.is_confirmed) == (recipient.pk, True)
    assert questions() == 1


def test_an_address_is_asked_again_on_another_day_and_no_sooner(access: Access) -> None:
    recipient = add(access)
    with pytest.raises(AlertRefusedError, match="within the last day"):
        recipient_ask(access=access, recipient=recipient, now=NOW + 0.9 * DAY)
    message = recipient_ask(access=access, recipient=recipient, now=NOW + 1.1 * DAY)
    assert message.recipient == recipient.address
    assert AuditEntry.objects.filter(action="recipient.ask").count() == 1


def test_who_wants_not_to_be_asked_is_not_asked_again(access: Access) -> None:
    recipient = add(access)
    assert recipient_unsubscribe(recipient=recipient, now=NOW)
    with pytest.raises(AlertRefusedError, match="nothing to ask"):
        recipient_ask(access=access, recipient=recipient, now=NOW + 2 * DAY)
    recipient_remove(access=access, recipient=recipient, now=NOW)
    add(access, days=2)
    assert questions() == 1
    # The link to subscribe again is in their mail alone, so following it says as much.
    assert recipient_resubscribe(recipient=recipient, now=NOW)
    recipient.refresh_from_db()
    assert recipient.is_confirmed


def test_who_may_only_look_and_strangers_ask_nobody(access: Access) -> None:
    recipient = add(access)
    viewer = make_member(access.organization, role=Role.VIEWER)
    looking = access_for(viewer.user, access.organization.slug)
    for other in (looking, access_of()):
        with pytest.raises(PermissionDenied):
            recipient_ask(access=other, recipient=recipient, now=NOW + 2 * DAY)


def test_a_question_that_waits_is_withdrawn_once_it_is_answered(access: Access) -> None:
    waiting, answered, gone, refused = (add(access, f"v{each}@x.example") for each in range(4))
    recipient_confirm(recipient=answered, now=NOW)
    Recipient.objects.filter(pk=gone.pk).update(removed_at=NOW)
    recipient_unsubscribe(recipient=refused, now=NOW)
    messages = list(Message.objects.order_by("pk"))
    decided = confirmations_check(messages, NOW)
    assert [each.pk for each in messages if decided[each.pk] == Leave.SEND] == [
        Message.objects.get(target=waiting).pk
    ]


def test_removing_withdraws_the_question(access: Access) -> None:
    recipient_remove(access=access, recipient=add(access), now=NOW)
    assert Message.objects.get().state == "withdrawn"


@pytest.mark.django_db(transaction=True)
def test_of_two_who_ask_at_the_same_moment_one_does() -> None:
    from threading import Barrier, Thread

    accesses, barrier = [access_of(), access_of()], Barrier(2)

    def ask(mine: Access) -> None:
        try:
            with transaction.atomic():
                barrier.wait(10)
                add(mine)
        finally:
            connection.close()

    threads = [Thread(target=ask, args=[each]) for each in accesses]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert Recipient.objects.filter(address="victim@bank.example").count() == 2
    assert questions() == 1
