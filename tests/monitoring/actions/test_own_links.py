from __future__ import annotations

import pytest
import time_machine
from django_q.models import OrmQ

from monitoring.actions.links import person_link
from monitoring.actions.own_links import SEND, person_link_ask, person_links_send
from tests.factories import NOW, make_person
from tests.monitoring.actions.invitation_makers import mails, words

pytestmark = pytest.mark.django_db


def test_asking_leaves_the_looking_up_to_a_worker() -> None:
    make_person(email="ada@acme.example")
    for address in ("ada@acme.example", "nobody@acme.example"):
        person_link_ask(address)
    tasks = [bell.task for bell in OrmQ.objects.order_by("id")]
    assert [(task["func"], task["args"]) for task in tasks] == [
        (SEND, ("ada@acme.example",)),
        (SEND, ("nobody@acme.example",)),
    ]
    assert mails() == []


@time_machine.travel(NOW, tick=False)
def test_everybody_with_the_address_is_mailed_a_link_of_their_own() -> None:
    people = [make_person(email="ada@acme.example") for _ in range(2)]
    make_person()
    person_links_send("Ada@acme.example")
    assert [mail.recipient for mail in mails()] == ["ada@acme.example"] * 2
    for person, mail in zip(people, mails(), strict=True):
        assert person_link(person, NOW) in words(mail)
        assert (mail.organization, mail.kind) == (person.organization, "person_link")
    person_links_send("ada@acme.example")
    assert len(mails()) == 2


def test_nobody_is_mailed_under_an_address_that_is_not_known() -> None:
    person_links_send("nobody@acme.example")
    assert mails() == []
