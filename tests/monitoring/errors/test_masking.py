from __future__ import annotations

import string
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitoring.errors.facts import RawError, extract_facts
from monitoring.errors.masking import MAX_SIGNATURE, masked, masked_name, signature
from tests.monitoring.errors.samples import raw_of, samples

NAMES = st.text(string.ascii_lowercase, min_size=3, max_size=12)
EMAILS = st.builds("{}.{}@{}.example".format, NAMES, NAMES, NAMES)
SALESFORCE_IDS = st.from_regex(r"00[1-9U][0-9A-Za-z]{12}([A-Z]{3})?", fullmatch=True)
TOKENS = st.from_regex(r"00D[0-9A-Za-z]{12}![A-Za-z0-9._]{40,90}", fullmatch=True)
HOSTS = st.builds("{}-{}.my.salesforce.com".format, NAMES, NAMES)
SECRETS = EMAILS | SALESFORCE_IDS | TOKENS | HOSTS | st.uuids().map(str)
SENTENCES = st.sampled_from(
    [
        "insufficient access rights on cross-reference id: {}",
        "Expired session for {}.",
        "User {} is not allowed",
        "[{}] failed",
        "the record '{}' was refused",
        "({})",
        "token={}",
    ]
)


def group_of(body: str, **fields: Any) -> str:
    values: dict[str, Any] = {
        "provider": "salesforce",
        "channel": "exception-text",
        "status": 400,
        "headers": {},
    }
    return signature(extract_facts(RawError(body=body, **(values | fields))))


@given(sentence=SENTENCES, secret=SECRETS)
def test_a_signature_tells_nobody_who_it_was_about(sentence: str, secret: str) -> None:
    group = group_of(sentence.format(secret))

    assert secret.lower() not in group
    assert secret.partition("@")[0].lower() not in group


@given(sentence=SENTENCES, one=EMAILS, other=EMAILS)
def test_errors_that_differ_in_an_address_are_one_group(
    sentence: str, one: str, other: str
) -> None:
    assert group_of(sentence.format(one)) == group_of(sentence.format(other))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("ada@acme.example may not", "<email> may not"),
        ("see https://login.salesforce.com/x?y=1.", "see <url>"),
        ("host acme.my.salesforce.com is down", "host <host> is down"),
        ("ErrorId: 12345-67890 (-123)", "errorid: <n> (<n>)"),
        ("id 00U5e00000abcdeAAA gone", "id <id> gone"),
        (f"event {UUID(int=5)} gone", "event <id> gone"),
        ("at 0x7f1c2a3b4d5e", "at <n>"),
        ('the “Follow-up” flow and "Call Bob"', "the <name> flow and <name>"),
        ("user hasn't approved this", "user hasn't approved this"),
        ("Subject: data value too large: Secret lunch (max 255)", "data value too large: <value>"),
        ("10, 20 and 30 of 40", "<n> and <n> of <n>"),
    ],
)
def test_what_is_private_is_masked(text: str, expected: str) -> None:
    assert masked(text).removeprefix("subject: ") == expected


# Of quotes of each kind: what stands between them may hold all other kinds.
QUOTES = [
    ("«", "»"),
    ("“", "”"),
    ("„", "“"),
    ("\u2018", "\u2019"),
    ('"', '"'),
    ("'", "'"),
    ("`", "`"),
]
BETWEEN = st.lists(
    st.sampled_from(["zebra", "zebra's", "o'zebra", "zebra-7", "zébra"]), min_size=1, max_size=4
).map(" ".join)


@given(quotes=st.sampled_from(QUOTES), between=BETWEEN, before=st.sampled_from(["", "event "]))
def test_nothing_between_quotes_survives(
    quotes: tuple[str, str], between: str, before: str
) -> None:
    text = masked(f"The {before}{between.join(quotes)} was refused, don't try 'zebra' again")
    assert text == f"the {before}<name> was refused, don't try <name> again"


@pytest.mark.parametrize(
    "text",
    [
        '“say "zebra" now” failed',
        "«the “zebra” of O'Hara» failed",
        "'the zebras' zebra' failed",
        "value on record: zebra",
        "Subject: zebra lunch",
        "bad title: zebra",
        "summary=zebra lunch",
        'event "zebra lun',
        "event 'zebra lun",
        "event «zebra lun",
        "event `zebra` failed",
        "x" * 200 + ' "zebra ' + "y" * 100 + '"',
        "x" * 200 + " 'zebra " + "y" * 100 + "'",
        "zébra «zebra»",
    ],
)
def test_what_an_event_is_about_does_not_survive(text: str) -> None:
    assert "zebra" not in masked(text)


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("calendar.events.list", "calendar.events.list"),
        ("PATCH /sobjects/Event/00U5e00000abcdeAAA", "PATCH /sobjects/Event/<id>"),
        ("calendars/ada@acme.example/events", "calendars/<email>/events"),
        ("GET https://acme.my.salesforce.com/x", "GET <url>"),
        ("events/_6tlnaqrle5p6cpb4dhmj4phpehe1", "events/<token>"),
    ],
)
def test_an_operation_is_shown_without_whom_it_was_about(name: str, shown: str) -> None:
    assert masked_name(name) == shown


def test_errors_of_different_kinds_are_different_groups() -> None:
    groups = {
        group_of("UNABLE_TO_LOCK_ROW: busy"),
        group_of("QUERY_TIMEOUT: busy"),
        group_of("QUERY_TIMEOUT: busy", status=500),
        group_of("QUERY_TIMEOUT: busy", provider="google"),
        group_of("QUERY_TIMEOUT: slow"),
    }

    assert len(groups) == 5


def test_the_same_error_is_one_group_through_another_client() -> None:
    plain = '[{"message": "Session expired or invalid", "errorCode": "INVALID_SESSION_ID"}]'
    wrapped = (
        "Expired session for https://acme.my.salesforce.com/x. Response content: [{'message': "
        "'Session expired or invalid', 'errorCode': 'INVALID_SESSION_ID'}]"
    )

    assert (
        group_of(plain)
        == group_of(wrapped)
        == ("salesforce 400 invalid_session_id session expired or invalid")
    )


@given(body=st.text() | st.sampled_from([sample["body"] for sample in samples()]))
def test_a_signature_is_short_and_can_be_stored(body: str) -> None:
    group = group_of(body)

    assert len(group) <= MAX_SIGNATURE
    assert "\x00" not in group
    assert group.encode()
    assert group == group_of(body)


def test_a_signature_survives_half_a_character() -> None:
    assert group_of("broken \ud800 text").encode()


def test_known_errors_fall_into_readable_groups() -> None:
    groups = [signature(extract_facts(raw_of(sample))) for sample in samples()]

    assert all(group == " ".join(group.split()) for group in groups)
    assert not any("redacted.my" in group for group in groups)
