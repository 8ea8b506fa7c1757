"""Nobody is blamed for what is told during an outage, whatever words stand in it."""

from __future__ import annotations

import html
import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitoring.errors.facts import RawError, extract_facts
from monitoring.errors.interpretation import Interpretation, built_in_rules
from monitoring.errors.rules import PROVIDERS, rules_from

ASKS_A_HUMAN = {Interpretation.NEEDS_USER, Interpretation.NEEDS_ADMIN}
BLAMING = [rule for rule in built_in_rules().rules if rule.interpretation in ASKS_A_HUMAN]
PHRASES = sorted(
    {
        (provider, phrase.replace(" * ", " by "))
        for rule in BLAMING
        for wanted in rule.conditions
        for phrase in wanted.says
        for provider in rule.providers or PROVIDERS
        if not phrase.startswith("synccenter.")
    }
)
CODES = sorted(
    {
        (provider, code)
        for rule in BLAMING
        for wanted in rule.conditions
        for code in wanted.codes
        for provider in rule.providers or PROVIDERS
    }
)


def google_page(words: str) -> RawError:
    body = (
        "<!DOCTYPE html><html lang=en><meta charset=utf-8><title>Error 502 (Server Error)!!1"
        f"</title><p><b>502.</b> <ins>That's an error.</ins><p>{html.escape(words)} That's all we "
        "know.</html>"
    )
    return RawError("", "html", 502, {}, body)


def salesforce_page(words: str) -> RawError:
    body = (
        "<html><head></head><body><center><table><tr><td><span>We are down for maintenance.</span>"
        f"<br><br>{html.escape(words)}. We'll be back shortly.</td></tr></table></center></body>"
    )
    return RawError("", "html", 200, {}, body)


def page_in_a_login_error(words: str) -> RawError:
    """Return what simple-salesforce says of a page at login, with its status of 401."""
    body = (
        "simple_salesforce.exceptions.SalesforceAuthenticationFailed: Authentication failed (code: "
        f"503): <html><head><title>Service Unavailable</title></head><body>{words}</body></html>"
    )
    return RawError("", "exception-text", 401, {}, body)


def gateway_page(words: str) -> RawError:
    body = f"<html><head><title>503 Service Temporarily Unavailable</title></head>{words}</html>"
    return RawError("", "exception-text", None, {}, f"RefreshError: {body}")


def overload(words: str) -> RawError:
    body = json.dumps({"error": {"code": 503, "message": words, "status": "SOMETHING"}})
    return RawError("", "http-json", 503, {}, body)


def rate_limit(words: str) -> RawError:
    return RawError("", "http-json", 429, {}, json.dumps([{"message": words}]))


def logged(words: str) -> RawError:
    body = f"requests.exceptions.HTTPError: 503 Server Error: {words} for url: https://acme.example"
    return RawError("", "exception-text", None, {}, body)


OUTAGES = [
    google_page,
    salesforce_page,
    page_in_a_login_error,
    gateway_page,
    overload,
    rate_limit,
    logged,
]


def judged(raw: RawError, provider: str = "salesforce") -> str:
    error = RawError(provider, raw.channel, raw.status, raw.headers, raw.body)
    rule = built_in_rules().match(extract_facts(error))
    return rule.interpretation if rule else Interpretation.UNKNOWN


@pytest.mark.parametrize("outage", OUTAGES)
def test_no_phrase_blames_a_human_during_an_outage(outage: Callable[[str], RawError]) -> None:
    assert len(PHRASES) > 200

    blamed = [
        (provider, phrase)
        for provider, phrase in PHRASES
        if judged(outage(phrase), provider) in ASKS_A_HUMAN
    ]

    assert blamed == []


@given(
    first=st.sampled_from(PHRASES),
    second=st.sampled_from(PHRASES),
    filler=st.text(max_size=40),
    outage=st.sampled_from([google_page, salesforce_page, overload, rate_limit]),
)
def test_no_phrases_together_blame_a_human_during_an_outage(
    first: tuple[str, str],
    second: tuple[str, str],
    filler: str,
    outage: Callable[[str], RawError],
) -> None:
    words = f"{first[1]} {filler} {second[1]}"

    assert judged(outage(words), first[0]) not in ASKS_A_HUMAN


@pytest.mark.parametrize("status", [429, 502, 503, 504, 520])
def test_no_code_blames_a_human_where_the_status_tells_of_an_outage(status: int) -> None:
    blamed = []
    for provider, code in CODES:
        for value in (
            {"error": code, "error_description": "x"},
            [{"errorCode": code, "message": "x"}],
        ):
            raw = RawError(provider, "http-json", status, {}, json.dumps(value))
            if judged(raw, provider) in ASKS_A_HUMAN:
                blamed.append((provider, code))

    assert blamed == []


def test_the_code_of_a_fault_is_believed_though_all_faults_have_status_500() -> None:
    body = (
        "<soapenv:Envelope><soapenv:Fault><faultcode>INVALID_LOGIN</faultcode><faultstring>"
        "INVALID_LOGIN: Invalid username, password</faultstring></soapenv:Fault></soapenv:Envelope>"
    )

    assert judged(RawError("", "soap-fault", 500, {}, body)) == Interpretation.NEEDS_USER


def test_a_rule_that_names_the_status_itself_holds() -> None:
    entry: dict[str, Any] = {
        "id": "ours",
        "class": "needs_admin",
        "title": "Ours",
        "meaning": "Our own gateway.",
        "next_step": "Mend it.",
        "who": "operator",
        "says": ["gateway of acme"],
        "statuses": [503],
    }
    rules = built_in_rules().with_rules_above(rules_from([entry]), version=9)
    raw = RawError("salesforce", "html", 503, {}, "<html>gateway of acme</html>")

    rule = rules.match(extract_facts(raw))

    assert rule is not None
    assert rule.id == "ours"


TRANSIENT_IN_DISGUISE = [
    ("google", 400, '{"error": "invalid_grant", "error_description": "Please try again later."}'),
    ("google", 400, '{"error": "unauthorized_client", "error_description": "Internal error"}'),
    ("google", 401, '{"error": {"code": 401, "message": "Rate Limit Exceeded"}}'),
    ("google", 403, '{"error": {"message": "Quota exceeded", "status": "PERMISSION_DENIED"}}'),
    ("salesforce", 400, '{"error":"invalid_grant","error_description":"login rate exceeded"}'),
    ("salesforce", 400, '{"error":"invalid_grant","error_description":"in maintenance"}'),
    ("salesforce", 401, '[{"errorCode":"INVALID_LOGIN","message":"Server error, try again"}]'),
    ("salesforce", 403, "Request rate too high from this IP address, try again later"),
    ("salesforce", None, "Unhandled exception. System.Net.WebException: The operation timed out"),
    ("salesforce", None, "Invalid username or password (SERVER_UNAVAILABLE)"),
    ("network", None, "<urlopen error [Errno -3] Temporary failure in name resolution>"),
]


@pytest.mark.parametrize(("provider", "status", "body"), TRANSIENT_IN_DISGUISE)
def test_a_passing_error_in_the_words_of_a_lasting_one_is_transient(
    provider: str, status: int | None, body: str
) -> None:
    assert judged(RawError("", "exception-text", status, {}, body), provider) == "transient"


def test_a_callout_that_timed_out_in_a_trigger_is_transient() -> None:
    message = "T: execution of AfterInsert caused by: System.CalloutException: Read timed out"
    body = json.dumps([{"errorCode": "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", "message": message}])

    assert judged(RawError("", "http-json", 400, {}, body)) == Interpretation.TRANSIENT


@pytest.mark.parametrize("provider", sorted(PROVIDERS))
@pytest.mark.parametrize(
    "body",
    [
        "<html><head><title>403 Forbidden</title></head><body><hr>nginx</body></html>",
        "<html><head><title>401 Authorization Required</title></head></html>",
        "java.lang.NullPointerException\n\tat com.acme.Sync.run(Sync.java:12)",
        "Unhandled exception in thread started by <function run at 0x7f>",
    ],
)
def test_what_says_nothing_of_a_cause_blames_nobody(provider: str, body: str) -> None:
    assert judged(RawError("", "exception-text", None, {}, body), provider) not in ASKS_A_HUMAN
