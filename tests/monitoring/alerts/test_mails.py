from __future__ import annotations

from datetime import UTC, datetime
from html.parser import HTMLParser
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitoring.alerts.mails import (
    DIRECTIONS,
    LONGEST_SUBJECT,
    lines_of,
    mail_of,
    moment,
    one_line,
    shortened,
)
from tests.monitoring.console.markup import Markup

# To the person whose calendar it is, by name.
PERSONAL = ["acted_for_you", "person_link", "reauthorize", "reauthorize_reminder"]
BERLIN = ZoneInfo("Europe/Berlin")
AT = datetime(2026, 11, 26, 13, 5, tzinfo=UTC)
LINK = "https://console.acme.example/link/abc:def-ghi_jkl/"


def context(**overrides: Any) -> dict[str, Any]:
    """Return what every mail of a person is made of."""
    return {
        "person_name": "Ada Lovelace",
        "organization_name": "Acme",
        "actor_name": "Casey Admin",
        "providers": ["Google", "Salesforce"],
        "at": AT,
        "expires": AT,
        "link": LINK,
        "message": "",
        "zone": BERLIN,
    } | overrides


@pytest.mark.parametrize("stem", PERSONAL)
def test_a_mail_says_the_same_as_text_and_as_html(stem: str) -> None:
    mail = mail_of(stem, context())
    page = Markup(mail.html)
    for words in ("Hello Ada Lovelace", "Sent by synccenter at 127.0.0.1:8000", "You get this"):
        assert words in mail.text
        assert words in page.text
    assert "Acme" in mail.subject
    assert LINK in mail.text
    assert LINK in page.links


def test_the_person_is_told_who_acted_and_when_in_their_zone() -> None:
    mail = mail_of("acted_for_you", context())
    assert mail.subject == "Casey Admin restored your calendar's access (Acme)"
    done = (
        "Casey Admin restored your calendar's access to Google and Salesforce at Acme on "
        "2026-11-26 14:05 (Europe/Berlin)."
    )
    for words in (done, "nothing for you to do", "If you did not expect this, ask Casey Admin"):
        assert words in mail.text
        assert words in Markup(mail.html).text


def test_without_a_link_and_a_zone_there_is_none_in_it() -> None:
    mail = mail_of("acted_for_you", context(link="", zone=None))
    assert Markup(mail.html).links == []
    assert "what you can do yourself" not in mail.text
    assert "2026-11-26 13:05 (UTC)" in mail.text


@pytest.mark.parametrize("stem", ["reauthorize", "reauthorize_reminder"])
def test_what_the_admin_adds_keeps_its_lines_and_is_text(stem: str) -> None:
    mail = mail_of(stem, context(message="Before <b>Friday</b>, please.\r\n\r\nThank you\x07"))
    assert "Casey Admin writes:\nBefore <b>Friday</b>, please.\n\nThank you\n" in mail.text
    assert "Before &lt;b&gt;Friday&lt;/b&gt;, please.<br><br>Thank you" in mail.html
    assert "Casey Admin writes:" not in mail_of(stem, context()).text


HOSTILE = [
    "Eve\r\nBcc: everybody@acme.example",
    "Eve\n\nPlease pay here:",
    "<img src=x onerror=alert(1)>",
    "</title></table><script>run()</script>",
    '"><a href="https://evil.example">here</a>',
    "{{ link }}{% now 'Y' %}",
    "\u202eelpmaxe.live\u202c",
    "\x00\x1b[31m\u2028\ud800",
    # Encoded words (RFC 2047), one of a line break, one of another recipient.
    "=?utf-8?q?Eve=0ABcc=3A_x=40y.example?=",
    "Eve =?utf-8?b?PGV2aWxAYWNtZS5leGFtcGxlPg==?=",
]


@pytest.mark.parametrize("stem", PERSONAL)
@pytest.mark.parametrize("name", HOSTILE)
def test_names_come_out_as_text(stem: str, name: str) -> None:
    hostile = {"person_name": name, "actor_name": name, "organization_name": name}
    mail = mail_of(stem, context(**hostile, providers=[name]))
    plain = mail_of(stem, context())
    assert "\n" not in mail.subject
    assert mail.text.count("\n") == plain.text.count("\n")
    assert tags(mail.html) == tags(plain.html)
    assert f"Hello {one_line(name)}," in mail.text
    assert not DIRECTIONS & set(mail.subject + mail.text + mail.html)


def tags(html: str) -> list[str]:
    class Tags(HTMLParser):
        def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
            found.append(f"{tag} {attributes}")

    found: list[str] = []
    Tags().feed(html)
    return found


@given(st.text())
def test_a_line_is_one_line_and_stays_as_it_is(text: str) -> None:
    line = one_line(text)
    assert len(line.splitlines()) <= 1
    assert one_line(line) == line
    line.encode()


@given(st.text())
def test_lines_keep_their_breaks_and_stay_as_they_are(text: str) -> None:
    lines = lines_of(text)
    assert lines_of(lines) == lines
    assert all(one_line(line) == line for line in lines.split("\n"))


@given(st.text(max_size=40), st.integers(1, 30))
def test_what_is_shortened_is_no_longer_than_that(text: str, length: int) -> None:
    assert len(shortened(text, length)) <= length


def test_a_subject_that_is_too_long_ends_in_dots() -> None:
    subject = mail_of("person_link", context(organization_name="A" * 400)).subject
    assert len(subject) == LONGEST_SUBJECT
    assert subject.endswith("\N{HORIZONTAL ELLIPSIS}")


def test_a_time_bears_the_name_of_its_zone() -> None:
    assert moment(AT, BERLIN) == "2026-11-26 14:05 (Europe/Berlin)"
    assert moment(AT, UTC) == "2026-11-26 13:05 (UTC)"
