from __future__ import annotations

import json
import logging
import logging.config
from collections.abc import Iterator

import pytest
import structlog
from django.conf import settings
from django.test import Client

from accounts.models import Person
from monitoring.actions.links import person_token
from synccenter.logs import logging_configuration
from tests.factories import NOW


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    yield
    structlog.reset_defaults()
    logging.config.dictConfig(settings.LOGGING)
    logging_configuration(level="INFO", as_json=False)


def set_up(*, as_json: bool) -> None:
    logging.config.dictConfig(logging_configuration(level="INFO", as_json=as_json))


def test_both_kinds_of_loggers_end_in_json_lines(capsys: pytest.CaptureFixture) -> None:
    set_up(as_json=True)
    structlog.get_logger("ours").warning("database_away", tries=3)
    logging.getLogger("theirs").warning("something %s", "happened")
    ours, theirs = map(json.loads, capsys.readouterr().err.splitlines())
    assert (ours["event"], ours["tries"], ours["level"]) == ("database_away", 3, "warning")
    assert (theirs["event"], theirs["logger"]) == ("something happened", "theirs")


@pytest.mark.parametrize("as_json", [True, False])
def test_a_traceback_shows_no_values_of_variables(
    as_json: bool, capsys: pytest.CaptureFixture
) -> None:
    set_up(as_json=as_json)
    token = "".join(["sec", "ret", "-token"])
    try:
        int(f"{len(token)}x")
    except ValueError:
        logging.getLogger("theirs").exception("it broke")
    printed = capsys.readouterr().err
    assert "ValueError" in printed
    assert token not in printed


@pytest.mark.parametrize("as_json", [True, False])
def test_no_secret_is_in_the_text_of_an_exception(
    as_json: bool, capsys: pytest.CaptureFixture
) -> None:
    set_up(as_json=as_json)
    token, code = person_token(Person(pk=7, email="ada@acme.example"), NOW), "4/P7q7W91"
    try:
        raise ValueError(
            f'no "https://sync.example/me/{token}", "/link/{token}" or ?code={code}&x=1'
        )
    except ValueError:
        logging.getLogger("theirs").exception("it broke", extra={"where": f"/me/{token}/"})
    structlog.get_logger("ours").warning("refused", path=f"/link/{token}/", query=f"?state={code}")
    printed = capsys.readouterr().err
    assert token not in printed
    assert code not in printed
    assert "/me/(hidden)" in printed
    assert "?code=(hidden)&x=1" in printed
    if as_json:
        broke, refused = map(json.loads, printed.splitlines())
        assert '"https://sync.example/me/(hidden)", "/link/(hidden)" or' in broke["exception"]
        assert (refused["path"], refused["query"]) == ("/link/(hidden)/", "?state=(hidden)")


def test_a_signed_address_that_is_refused_is_not_logged(
    client: Client, db: None, capsys: pytest.CaptureFixture
) -> None:
    set_up(as_json=True)
    token = person_token(Person(pk=7), NOW)
    client.get(f"/me/{token}/pause")
    client.get(f"/link/{token}/")
    client.get("/link/google/callback?state=x")
    printed = capsys.readouterr().err
    assert "Method Not Allowed" in printed
    assert "/me/(hidden)/pause" in printed
    assert "/link/(hidden)/" in printed
    assert "/link/google/callback" in printed
    assert token not in printed
