from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django_q.models import OrmQ
from pytest_django import DjangoCaptureOnCommitCallbacks

from accounts.models import Person
from monitoring.actions import own_links
from monitoring.actions.letters import person_link_mail
from monitoring.actions.links import PERSON_LINK_GOOD_FOR, person_link
from monitoring.actions.models import LinkRequest
from monitoring.actions.own_links import (
    SEND,
    person_link_ask,
    person_links_check,
    person_links_send,
)
from monitoring.alerts.last_checks import Leave, Withdrawal, decisions
from monitoring.jobs import doorbell
from monitoring.jobs.bells import bells_ring
from tests.factories import NOW, make_person
from tests.monitoring.actions.invitation_makers import mails, words

pytestmark = pytest.mark.django_db
ADA, NOBODY = "ada@acme.example", "nobody@acme.example"


def ask(*addresses: str) -> None:
    for address in addresses:
        person_link_ask(address=address, now=NOW)


def test_asking_leaves_the_looking_up_to_a_worker(
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:
    make_person(email=ADA)
    with django_capture_on_commit_callbacks(execute=True):
        ask(ADA, NOBODY)
    assert list(LinkRequest.objects.values_list("address", flat=True)) == [ADA, NOBODY]
    assert [bell.task["func"] for bell in OrmQ.objects.all()] == [SEND]
    assert mails() == []


def test_what_is_asked_for_while_no_bell_can_be_rung_is_mailed_by_the_tick(
    monkeypatch: pytest.MonkeyPatch,
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:
    def unreachable(*_: Any, **__: Any) -> None:
        raise ConnectionError("no broker")

    make_person(email=ADA)
    with monkeypatch.context() as patched:
        patched.setattr(doorbell, "async_task", unreachable)
        with django_capture_on_commit_callbacks(execute=True):
            ask(ADA)
    with django_capture_on_commit_callbacks(execute=True):
        bells_ring()
    assert SEND in [bell.task["func"] for bell in OrmQ.objects.all()]
    person_links_send()
    assert [mail.recipient for mail in mails()] == [ADA]


@time_machine.travel(NOW, tick=False)
def test_everybody_with_the_address_is_mailed_a_link_of_their_own() -> None:
    people = [make_person(email=ADA) for _ in range(2)]
    make_person()
    ask("Ada@acme.example", ADA, NOBODY)
    person_links_send()
    assert [mail.recipient for mail in mails()] == [ADA] * 2
    for person, mail in zip(people, mails(), strict=True):
        assert person_link(person, NOW) in words(mail)
        assert (mail.organization, mail.kind) == (person.organization, "person_link")
    assert not LinkRequest.objects.exists()
    ask(ADA)
    person_links_send()
    assert len(mails()) == 2


def test_many_are_answered_in_several_rounds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(own_links, "AT_ONCE", 2)
    for number in range(5):
        make_person(email=f"p{number}@acme.example")
        ask(f"p{number}@acme.example")
    person_links_send()
    assert len(mails()) == 5
    assert not LinkRequest.objects.exists()


def test_one_that_is_killed_before_it_is_done_loses_no_request(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def killed(*_: Any) -> None:
        raise KeyboardInterrupt

    make_person(email=ADA)
    ask(ADA)
    with monkeypatch.context() as patched:
        patched.setattr(own_links, "person_link_mail", killed)
        with pytest.raises(KeyboardInterrupt):
            person_links_send()
    person_links_send()
    assert len(mails()) == 1


def test_nobody_is_mailed_under_an_address_that_is_not_known() -> None:
    ask(NOBODY)
    person_links_send()
    assert mails() == []
    assert not LinkRequest.objects.exists()


def test_a_mail_that_waited_longer_than_its_link_is_good_is_withdrawn() -> None:
    person_link_mail(make_person(), NOW)
    (mail,) = mails()
    just_good = NOW + PERSON_LINK_GOOD_FOR - timedelta(minutes=1)
    assert decisions([mail], just_good) == {mail.pk: Leave.SEND}
    assert decisions([mail], NOW + PERSON_LINK_GOOD_FOR) == {mail.pk: Withdrawal()}


def test_a_mail_to_an_address_that_is_the_persons_no_more_is_withdrawn() -> None:
    person = make_person(email=ADA)
    person_link_mail(person, NOW)
    Person.objects.filter(pk=person.pk).update(email="ada@elsewhere.example")
    (mail,) = mails()
    assert person_links_check([mail], NOW) == {mail.pk: Withdrawal()}
