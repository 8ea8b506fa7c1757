from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitoring.errors.facts import MAX_MESSAGE, MAX_TEXT, RawError, extract_facts

TEXTS = st.text(max_size=400) | st.binary(max_size=400).map(lambda b: b.decode("latin-1"))
LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=30)
JSON = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["error", "errors", "reason", "message", "errorCode", "x"]), inner
        )
    ),
    max_leaves=12,
)
SIGNS = [*"<{[(\"'\\:=%\x00\ud800"]
WORDS = [
    "</title>",
    "<style>",
    "<a href=http://",
    "<errorCode>",
    "errorCode='",
    '"error":',
    "&quot;",
]
CODES = ["A_", "A_B ", "first error: A_B, ", "error 503 ", "Reason[", "a@", "%20", "<!--"]
FRAGMENTS = st.lists(st.sampled_from([*SIGNS, *WORDS, *CODES]), max_size=60).map("".join)


def error(body: str = "", **fields: Any) -> RawError:
    values: dict[str, Any] = {
        "provider": "salesforce",
        "channel": "http-json",
        "status": 400,
        "headers": {},
        **fields,
    }
    return RawError(body=body, **values)


def test_google_names_its_reason_and_its_finer_reason() -> None:
    body = json.dumps(
        {
            "error": {
                "code": 403,
                "message": "Request had insufficient authentication scopes.",
                "errors": [{"domain": "global", "reason": "insufficientPermissions"}],
                "status": "PERMISSION_DENIED",
                "details": [{"reason": "ACCESS_TOKEN_SCOPE_INSUFFICIENT"}],
            }
        }
    )

    facts = extract_facts(error(body, provider="google", status=403))

    assert (facts.code, facts.subcode) == (
        "insufficientPermissions",
        "ACCESS_TOKEN_SCOPE_INSUFFICIENT",
    )
    assert facts.message == "Request had insufficient authentication scopes."


def test_an_oauth_subtype_is_the_subcode() -> None:
    body = '{"error": "invalid_grant", "error_subtype": "invalid_rapt"}'

    facts = extract_facts(error(body, provider="google", channel="oauth-json"))

    assert (facts.code, facts.subcode) == ("invalid_grant", "invalid_rapt")


@pytest.mark.parametrize(
    "body",
    [
        '[{"errorCode": "NOT_FOUND", "message": "gone"}]',
        '{"errorCode": "NOT_FOUND", "message": "gone"}',
        "<Errors><Error><errorCode>NOT_FOUND</errorCode><message>gone</message></Error></Errors>",
        "<x:faultcode>NOT_FOUND</x:faultcode><x:faultstring>gone</x:faultstring>",
        "[ApiFault exceptionCode='NOT_FOUND'\n exceptionMessage='gone'\n]",
        "Response content: [{'errorCode': 'NOT_FOUND', 'message': 'gone'}]",
        '{"errorCode"=>"NOT_FOUND", "message"=>"gone"}',
        "{&quot;errorCode&quot;: &quot;NOT_FOUND&quot;, &quot;message&quot;: &quot;gone&quot;}",
        '"{\\"errorCode\\": \\"NOT_FOUND\\", \\"message\\": \\"gone\\"}"',
        '[{"errorCode": "NOT_FOUND", "message": "gone',
    ],
)
def test_code_and_sentence_are_found_in_every_notation(body: str) -> None:
    facts = extract_facts(error(body))

    assert facts.code == "NOT_FOUND"
    assert facts.message == "gone"


def test_the_code_at_the_head_of_a_sentence_is_found() -> None:
    facts = extract_facts(error("Restforce::ResponseError: QUERY_TIMEOUT: too slow"))

    assert facts.code == "QUERY_TIMEOUT"


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("Failed to update record with code DUPLICATE_VALUE. Fields: []", "DUPLICATE_VALUE"),
        ("SalesforceError: MALFORMED_QUERY  \nSOQL is too long", "MALFORMED_QUERY"),
        ("An unrecognised code, `METHOD_NOT_ALLOWED` was received", "METHOD_NOT_ALLOWED"),
        ("googleapi: Error 409: The identifier already exists., duplicate", "duplicate"),
        ("googleapi: Error 403: Calendar usage limits exceeded., quotaExceeded", "quotaExceeded"),
        ("Error 403: Forbidden - forbidden", "forbidden"),
        ("at node_modules/the_client in my_file.py, nothing", ""),
        ("Meeting at 10, postponed", ""),
    ],
)
def test_a_code_is_found_where_a_client_prints_it(text: str, code: str) -> None:
    assert extract_facts(error(text)).code == code


def test_an_answer_that_a_sentence_quotes_is_the_inner_cause() -> None:
    inner = json.dumps({"error": {"errors": [{"reason": "quotaExceeded"}], "code": 403}})
    body = json.dumps({"code": "RELAY_FAILED", "message": f"Google answered: {inner}"})

    facts = extract_facts(error(body, provider="google"))

    assert facts.causes == (("quotaExceeded",), ("RELAY_FAILED",))


def test_a_code_that_a_sentence_only_mentions_is_no_cause() -> None:
    text = "NO_SOFTPHONE_LAYOUT: otherwise FUNCTIONALITY_NOT_ENABLED is returned instead."

    assert extract_facts(error(text)).causes == (("NO_SOFTPHONE_LAYOUT",),)


def test_causes_stand_innermost_first() -> None:
    body = json.dumps(
        [
            {
                "errorCode": "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY",
                "message": "T: execution of AfterInsert caused by: System.DmlException: Update "
                "failed. First exception on row 0; first error: UNABLE_TO_LOCK_ROW, unable",
            }
        ]
    )

    facts = extract_facts(error(body))

    assert facts.causes == (("UNABLE_TO_LOCK_ROW",), ("CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY",))
    assert facts.code == "UNABLE_TO_LOCK_ROW"


def test_a_code_that_only_echoes_another_comes_last() -> None:
    body = '[{"errorCode": "PROCESSING_HALTED"}, {"errorCode": "DUPLICATES_DETECTED"}]'

    assert extract_facts(error(body)).code == "DUPLICATES_DETECTED"


@pytest.mark.parametrize(
    ("text", "status"),
    [
        ("<HttpError 403 when requesting https://x returned", 403),
        ("Error Code 503. Response content: down", 503),
        ("Quota exceeded. [403]", 403),
        ("ERROR: 409: conflict", 409),
        ("Authentication failed (code: 503): <html>", 503),
        ("<title>Error 502 (Server Error)!!1</title>", 502),
        ("403::Unknown client", 403),
        ("HTTPError: 503 Server Error: busy for url: https://x", 503),
        ("Invalid response 502.: RefreshError", 502),
        ("<title>Fehler 503 (Serverfehler)!!1</title>", 503),
        ("failed with status code '401' and", 401),
        ("[500=InternalServerError]", 500),
        ("ClientError: 504 IllegalStateException", 504),
        ("(error code missing): 503 IllegalStateException", 503),
        ("at most 500 characters", None),
        ("record 404123 on port 443", None),
    ],
)
def test_a_status_the_client_lost_is_read_from_its_text(text: str, status: int | None) -> None:
    assert extract_facts(error(text, status=None)).status == status


def test_the_status_that_came_is_never_replaced() -> None:
    assert extract_facts(error("Error Code 503.", status=200)).status == 200


@pytest.mark.parametrize(
    ("headers", "body", "seconds"),
    [
        ({"Retry-After": "120"}, "", 120),
        ({"retry-after": " 5 "}, "", 5),
        (
            {
                "Retry-After": "Wed, 21 Oct 2026 07:28:30 GMT",
                "Date": "Wed, 21 Oct 2026 07:28:00 GMT",
            },
            "",
            30,
        ),
        ({"Retry-After": "Wed, 21 Oct 2026 07:28:30 GMT"}, "", None),
        (
            {
                "Retry-After": "Wed, 21 Oct 2026 07:28:00 GMT",
                "Date": "Wed, 21 Oct 2026 07:29:00 GMT",
            },
            "",
            0,
        ),
        ({"Retry-After": "soon"}, "", None),
        ({"Retry-After": "99999999999"}, "", 31 * 86_400),
        ({}, "<p>Please try again in 30 seconds.", 30),
        ({}, '{"error": {"details": [{"retryDelay": "7.5s"}]}}', 7),
        ({"Retry-After": "60"}, "Please try again in 30 seconds.", 60),
        ({}, "", None),
    ],
)
def test_the_wait_the_provider_asks_for_is_found(
    headers: dict[str, str], body: str, seconds: int | None
) -> None:
    assert extract_facts(error(body, headers=headers)).retry_after == seconds


def test_a_challenge_header_speaks_where_the_body_is_silent() -> None:
    headers = {"WWW-Authenticate": 'Bearer realm="x", error="insufficient_scope"'}

    assert extract_facts(error("", status=403, headers=headers)).code == "insufficient_scope"


def test_a_page_is_read_by_its_title_without_its_style() -> None:
    page = "<html><style>p{color:timeout}</style><title>Down &amp; out</title><p>Sorry</html>"

    facts = extract_facts(error(page, channel="html"))

    assert facts.message == "Down & out"
    assert facts.text == "down & out sorry"


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (
            "<urlopen error [Errno -3] Temporary failure>",
            "<urlopen error [errno -3] temporary fail",
        ),
        ("<Response [503]>", "<response [503]>"),
        ("<p class='x'>Down<br/><hr noshade>now</p>", "down now"),
        ("<td nowrap align=center>Down</td>", "down"),
        ("<!doctypehtml><title>Down</title>", "down"),
    ],
)
def test_markup_is_removed_and_what_a_program_prints_stays(body: str, text: str) -> None:
    assert extract_facts(error(body)).text.startswith(text)


@pytest.mark.parametrize(
    ("fields", "outage"),
    [
        ({"status": 503}, True),
        ({"status": 429}, True),
        ({"status": 403}, False),
        ({"status": None, "body": "Error Code 502. Response content: x"}, True),
        ({"status": 200, "body": "<html>We are down for maintenance.</html>"}, True),
        ({"status": 401, "body": "Login: <title>503 Service Unavailable</title>"}, True),
        ({"status": 403, "body": "<html><title>Access blocked</title></html>"}, False),
        ({"status": 400, "body": '{"message": "We are down for maintenance."}'}, False),
    ],
)
def test_an_outage_is_told_by_a_status_or_by_a_page(fields: dict[str, Any], outage: bool) -> None:
    assert extract_facts(error(**fields)).outage is outage


def test_a_code_on_the_page_of_an_outage_is_no_cause() -> None:
    page = "<html>Down for maintenance. (INVALID_LOGIN)</html>"

    assert extract_facts(error(page, status=200)).causes == ()


@pytest.mark.parametrize(
    ("body", "whole"),
    [
        ('[{"errorCode": "X_Y"}]', True),
        ('[{"errorCode": "X_Y"', False),
        ("RefreshError: ('invalid_grant: Bad Request', {'error': 'invalid_grant'})", True),
        ("RefreshError: ('invalid_grant: Bad Requ", False),
        ('<HttpError 403 when requesting https://x returned "Forbidden">', True),
        ('<HttpError 403 when requesting https://x returned "Forb', False),
    ],
)
def test_a_body_cut_in_half_is_known_as_such(body: str, whole: bool) -> None:
    assert extract_facts(error(body)).whole is whole


def test_a_very_long_trace_is_read_at_both_ends_only() -> None:
    filler = "at com.acme.Sync.run " * 10_000

    assert extract_facts(error(f"{filler}errorCode='LAST_CAUSE'")).code == "LAST_CAUSE"
    assert extract_facts(error(f"errorCode='FIRST_CAUSE'{filler}")).code == "FIRST_CAUSE"
    assert extract_facts(error(f"{filler}errorCode='MIDDLE_CAUSE'{filler}")).code == ""


@given(
    body=TEXTS | FRAGMENTS | JSON.map(json.dumps),
    status=st.none() | st.integers(),
    headers=st.dictionaries(st.sampled_from(["Retry-After", "Date", "WWW-Authenticate"]), TEXTS),
)
def test_any_body_gives_facts_within_bounds(
    body: str, status: int | None, headers: dict[str, str]
) -> None:
    raw = error(body, status=status, headers=headers)

    facts = extract_facts(raw)

    assert facts == extract_facts(raw)
    assert len(facts.message) <= MAX_MESSAGE
    assert len(facts.text) <= MAX_TEXT + 1
    assert "\x00" not in facts.message + facts.text
    assert facts.retry_after is None or 0 <= facts.retry_after <= 31 * 86_400


@pytest.mark.parametrize("unit", [*SIGNS, *WORDS, *CODES])
def test_hostile_repetition_leaves_the_facts_small(unit: str) -> None:
    facts = extract_facts(error(unit * (400_000 // len(unit))))

    assert len(facts.text) <= MAX_TEXT + 1
    assert len(facts.causes) <= 70
