from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.utils import timezone
from pytest_django import Settings

from monitoring.alerts.delivery import ServiceError, answer_to_mail, is_about_mail, refuses_us
from monitoring.alerts.mail_services import plain
from monitoring.alerts.mails import Mail, Picture
from monitoring.alerts.models import Message
from monitoring.alerts.sending import messages_work
from synccenter.demo.processes import free_port
from synccenter.mail_url import mail_settings
from tests.monitoring.alerts import makers
from tests.monitoring.alerts.mail_service import Service, mail_service

pytestmark = pytest.mark.django_db
ADA, BEN = "ada@acme.example", "ben@acme.example"


def use(settings: Settings, address: str) -> None:
    found = mail_settings(f"postmark://the-token@?timeout=2&api_url={address}")
    settings.EMAIL_BACKEND, settings.ANYMAIL = found.backend, found.anymail


@pytest.fixture
def service(settings: Settings) -> Iterator[Service]:
    with mail_service() as found:
        use(settings, found.address)
        yield found


def make_message(recipient: str = ADA, **overrides: Any) -> Message:
    return makers.make_message(recipient=recipient, **{"now": timezone.now()} | overrides)


def stored(message: Message) -> Message:
    return Message.objects.get(pk=message.pk)


def header(asked: dict[str, Any], name: str) -> str:
    (value,) = [each["Value"] for each in asked["Headers"] if each["Name"] == name]
    return str(value)


def test_a_service_gets_the_mail_as_a_server_would(service: Service) -> None:
    headers, picture = {"List-Unsubscribe": "<x>"}, Picture("chart", b"\x89PNG\r\n\x1a\n")
    message = make_message(mail=Mail("Over", "It is over.", "<p>Over</p>", headers, (picture,)))
    messages_work()
    (asked,) = service.asked
    assert (asked["Subject"], asked["TextBody"], asked["HtmlBody"]) == (
        "Over", "It is over.", "<p>Over</p>",
    )  # fmt: skip
    assert header(asked, "Message-ID") == message.message_id
    assert header(asked, "Auto-Submitted") == "auto-generated"
    assert header(asked, "List-Unsubscribe") == "<x>"
    assert [each["ContentID"] for each in asked["Attachments"]] == ["cid:chart"]
    assert stored(message).state == "sent"
    assert stored(message).answer == "Accepted by Postmark as an-id"


WORD = "=?utf-8?q?Eve=0ABcc=3A_eve=40evil=2Eexample?="


@pytest.mark.parametrize(
    ("name", "given"), [(WORD, WORD.replace("=?", "= ?")), ('Żółć, "Eve"', r'"Żółć, \"Eve\""')]
)
def test_a_service_is_given_names_and_subjects_in_which_there_is_nothing_to_decode(
    service: Service, name: str, given: str
) -> None:
    message = make_message(recipient_name=name, mail=Mail(f"Over ({WORD})", "Over", ""))
    messages_work()
    (asked,) = service.asked
    assert asked["To"] == f"{given} <{ADA}>"
    assert asked["Subject"] == f"Over ({WORD.replace('=?', '= ?')})"
    assert stored(message).state == "sent"


FOUND = f"Found inactive addresses: {ADA}.\nInactive recipients are ones that bounced."
INACTIVE = {"ErrorCode": 406, "Message": FOUND}
IN_OTHER_WORDS = {"ErrorCode": 406, "Message": "All of them are inactive: sorry."}
INVALID = {"ErrorCode": 300, "Message": f"Invalid 'To' address: '{ADA}'."}


@pytest.mark.parametrize("body", [INACTIVE, IN_OTHER_WORDS, INVALID])
def test_what_a_service_refuses_about_a_mail_is_given_up_and_the_next_goes_out(
    service: Service, body: dict[str, Any]
) -> None:
    service.answers = [(422, body)]
    first, second = make_message(), make_message(BEN)
    messages_work()
    assert stored(first).state == "failed"
    assert body["Message"].split(":")[0] in stored(first).answer
    assert stored(second).state == "sent"


UNCONFIRMED = {"ErrorCode": 401, "Message": "The sender's address is not confirmed."}
PENDING = {"ErrorCode": 412, "Message": "Your account is pending approval."}


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (401, {"ErrorCode": 10, "Message": "Bad or missing token."}),
        (403, {}),
        (422, UNCONFIRMED),
        (422, PENDING),
        (429, {"Message": "Slow down"}),
        (500, {"Message": "Ouch"}),
        (503, {"Message": "Soon"}),
    ],
)
def test_what_a_service_says_of_us_or_its_time_is_held_against_no_mail_but_the_first(
    service: Service, status: int, body: dict[str, Any]
) -> None:
    service.answers = [(status, body)]
    first, second = make_message(), make_message(BEN)
    messages_work()
    assert len(service.asked) == 1
    assert (stored(first).state, stored(first).attempts) == ("queued", 1)
    assert stored(first).answer.startswith(str(status))
    assert (stored(second).state, stored(second).attempts) == ("queued", 0)


def test_a_service_that_cannot_be_reached_is_asked_once(settings: Settings) -> None:
    use(settings, f"http://127.0.0.1:{free_port()}/")
    first, second = make_message(), make_message(BEN)
    messages_work()
    assert stored(first).state == "queued"
    assert stored(first).answer.startswith("The mail server could not be reached: Error posting")
    assert stored(second).attempts == 0


def test_an_answer_nobody_can_read_is_no_answer(service: Service) -> None:
    service.answers = [(200, ["nothing"])]
    message = make_message()
    messages_work()
    assert stored(message).state == "queued"


def test_the_key_of_the_service_is_in_no_answer(service: Service) -> None:
    service.answers = [(401, {"ErrorCode": 10, "Message": "Bad or missing token."})]
    message = make_message()
    messages_work()
    assert "the-token" not in stored(message).answer


@pytest.mark.parametrize(
    ("status", "about_mail"),
    [(None, False), (200, False), (400, True), (401, False), (404, False), (413, True),
     (422, True), (429, False), (500, False), (503, False)],
)  # fmt: skip
def test_what_a_status_is_about(status: int | None, about_mail: bool) -> None:
    assert is_about_mail(status) is about_mail


def test_a_refusal_is_of_the_mail_or_of_us() -> None:
    of_mail, of_us = (ServiceError("No", is_about_mail=about) for about in (True, False))
    assert not refuses_us(of_mail)
    assert answer_to_mail(of_mail).verdict == "never"
    assert refuses_us(of_us)
    assert (answer_to_mail(of_us).verdict, answer_to_mail(of_us).said) == ("later", "No")


def test_other_errors_stay_what_they_are() -> None:
    error = ValueError("an address that is none")
    assert plain(error) is error
