from __future__ import annotations

from email.header import decode_header, make_header
from email.message import EmailMessage

import pytest
from anymail.utils import parse_single_address
from hypothesis import example, given
from hypothesis import strategies as st

from monitoring.alerts.mails import Mail, one_line
from monitoring.alerts.outgoing import OutboxMail, header_text, undone
from tests.monitoring.alerts.post import read
from tests.monitoring.alerts.test_mails import HOSTILE
from tests.monitoring.alerts.texts import B_WORDS, Q_WORDS, TEXT

ADA = "ada@acme.example"
LINES = TEXT.map(one_line)


def outgoing(subject: str = "Over", name: str = "Ada") -> OutboxMail:
    return OutboxMail(Mail(subject, "Hello", "<p>Hello</p>"), name, ADA, "<1@acme.example>")


def arrives(mail: OutboxMail) -> tuple[str, str, str]:
    """Return subject, name and address as a mail program reads them."""
    found = read(mail.message().as_bytes(linesep="\r\n"))
    (to,) = found["To"].addresses
    return found["Subject"], name_in(found, to.display_name), to.addr_spec


def name_in(mail: EmailMessage, name: str) -> str:
    """Return the name as read, or where it took several encoded words as older parsers read it.

    The newer one, as of Python 3.11, puts blanks between them, which RFC 2047 says are none.
    """
    ((_, raw),) = [each for each in mail.raw_items() if each[0] == "To"]
    phrase = "".join(raw.splitlines()).rpartition(" <")[0]
    if phrase.count(" =?") == 0:
        return name
    return str(make_header(decode_header(phrase)))


def assert_arrives_as_it_is(subject: str, name: str) -> None:
    mail = outgoing(subject, name)
    assert arrives(mail) == (subject, name, ADA)
    assert mail.recipients() == [ADA]


@pytest.mark.parametrize("text", [*HOSTILE, *Q_WORDS, *B_WORDS, f"Ada {B_WORDS[0]}"])
def test_hostile_text_arrives_letter_by_letter(text: str) -> None:
    assert_arrives_as_it_is(one_line(text), one_line(text))


@given(LINES, LINES)
@example(f"{Q_WORDS[0]} {Q_WORDS[1]}", f'"{Q_WORDS[0]}" <eve@evil.example>')
def test_any_text_arrives_letter_by_letter(subject: str, name: str) -> None:
    assert_arrives_as_it_is(subject, name)


@given(st.lists(LINES, min_size=9, max_size=9).map(" ".join))
def test_so_does_what_is_too_long_for_a_line(text: str) -> None:
    assert_arrives_as_it_is(one_line(text), one_line(text)[:200].strip())


def test_plain_text_is_written_as_it_is() -> None:
    said = "5 people stopped syncing? (Acme = Ltd)"
    assert header_text("Subject", said) == said


@given(LINES, LINES)
def test_a_service_is_given_nothing_that_could_be_decoded(subject: str, name: str) -> None:
    mail = outgoing(subject, name)
    assert "=?" not in mail.subject
    assert "=?" not in "".join(mail.to)
    (to,) = mail.to
    found = parse_single_address(to)
    assert (found.display_name, found.addr_spec) == (undone(name), ADA)


@given(LINES)
def test_a_text_without_an_encoded_word_is_given_to_a_service_as_it_is(text: str) -> None:
    assert (undone(text) == text) == ("=?" not in text)
