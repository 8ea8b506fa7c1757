from __future__ import annotations

import pytest

from monitoring.errors.facts import RawError
from monitoring.replay import answers
from monitoring.replay.rules_of_2008 import disables_at_once, is_permanent


@pytest.mark.parametrize(
    "error",
    [
        answers.LOGIN_REFUSED,
        answers.SERVER_UNAVAILABLE,
        answers.SESSION_ENDED,
        answers.MAINTENANCE,
        answers.BARE_GRANT,
        answers.ROW_LOCKED,
        answers.GRANT_REVOKED,
        RawError("google", "http-json", 403, {}, "rateLimitExceeded", "events.list"),
    ],
)
def test_a_refusal_a_fault_and_a_page_at_login_were_read_as_permanent(error: RawError) -> None:
    assert is_permanent(error)
    assert disables_at_once("failure", error)


@pytest.mark.parametrize(
    "error",
    [
        RawError("salesforce", "exception-text", None, {}, "Read timed out.", "query"),
        RawError("network", "exception-text", None, {}, "Connection refused", "login"),
        RawError("salesforce", "html", 504, {}, "Gateway Time-out", "login"),
        RawError("salesforce", "http-json", 408, {}, "", "query"),
        answers.BUSY,
    ],
)
def test_a_time_out_and_a_broken_connection_were_read_as_temporary(error: RawError) -> None:
    assert not is_permanent(error)
    assert not disables_at_once("failure", error)


@pytest.mark.parametrize("result", ["success", "lost"])
def test_a_run_without_an_error_of_a_provider_disabled_nobody(result: str) -> None:
    assert not disables_at_once(result, None)
