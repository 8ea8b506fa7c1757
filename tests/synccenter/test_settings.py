"""The settings as another process reads them."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests.monitoring.jobs.service import PROJECT

KEYS = {"SECRET_KEY": "x" * 50, "CREDENTIAL_KEYS": "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="}


def start(**environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", "import synccenter.settings"],
        env=os.environ | environment,
        cwd=PROJECT,
        capture_output=True,
        text=True,
        timeout=60,
    )


@pytest.mark.parametrize(
    "environment",
    [
        {"BASE_URL": "https://sync.acme.example"},
        {"BASE_URL": "http://sync.acme.example"},
        {"ALLOWED_HOSTS": "127.0.0.1,sync.acme.example"},
        {"ALLOWED_HOSTS": "*"},
        {"BASE_URL": "https://sync.acme.example", "SECRET_KEY": KEYS["SECRET_KEY"]},
    ],
)
def test_the_published_keys_serve_nobody_who_can_be_reached(environment: dict[str, str]) -> None:
    done = start(**environment)
    assert done.returncode == 1
    assert "needs a SECRET_KEY and CREDENTIAL_KEYS of its own" in done.stderr


@pytest.mark.parametrize("environment", [{}, {"BASE_URL": "https://sync.acme.example"} | KEYS])
def test_a_fresh_checkout_and_a_deployment_with_its_own_keys_start(
    environment: dict[str, str],
) -> None:
    assert start(**environment).returncode == 0


def test_an_address_of_no_mail_server_is_told_so() -> None:
    done = start(EMAIL_URL="mail.acme.example")
    assert done.returncode == 1
    assert "EMAIL_URL must be like submission://" in done.stderr


@pytest.mark.parametrize("timeout", ["31", "600"])
def test_a_mail_server_is_not_waited_for_longer_than_a_worker_can(timeout: str) -> None:
    done = start(EMAIL_URL=f"smtp://mail.acme.example:25/?timeout={timeout}")
    assert done.returncode == 1
    assert "must be from 1 to 30 seconds" in done.stderr


def test_the_console_answers_to_the_host_of_its_address() -> None:
    done = subprocess.run(
        [sys.executable, "-c", "from synccenter.settings import ALLOWED_HOSTS as a; print(a)"],
        env=os.environ | {"BASE_URL": "https://sync.acme.example"} | KEYS,
        cwd=PROJECT,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert "'sync.acme.example'" in done.stdout


@pytest.mark.parametrize("rest", ["", "/", "/calendars/"])
def test_forms_are_taken_from_the_console_however_its_address_is_written(rest: str) -> None:
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            "from synccenter.settings import CSRF_TRUSTED_ORIGINS as a; print(a)",
        ],
        env=os.environ | {"BASE_URL": f"https://sync.acme.example:8443{rest}"} | KEYS,
        cwd=PROJECT,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.stdout == "['https://sync.acme.example:8443']\n"


@pytest.mark.parametrize("share", ["-0.1", "1.01", "15"])
def test_a_share_that_is_none_is_refused(share: str) -> None:
    done = start(SECOND_LOOK_SHARE=share)
    assert done.returncode == 1
    assert "SECOND_LOOK_SHARE must be a share between 0 and 1" in done.stderr
