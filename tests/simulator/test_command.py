from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests
from django.core.management.base import CommandError

from simulator.management.commands.simulate import Command
from tests.simulator.conftest import ADA

ROOT = Path(__file__).resolve().parents[2]
COMMAND = [sys.executable, "-m", "django", "simulate"]
ENVIRONMENT = {
    **os.environ,
    "DJANGO_SETTINGS_MODULE": "tests.simulator.bare_settings",
    "PYTHONPATH": str(ROOT),
}
DESCRIPTION = {
    "organizations": [{"slug": "acme"}],
    "people": [{"organization": "acme", "name": "Ada Lovelace", "email": ADA}],
}


@contextmanager
def simulate(*arguments):
    """The command on a free port, with nothing of the project; its base URL."""
    command = [*COMMAND, "--port", "0", *arguments]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=ENVIRONMENT
    ) as process:
        line = process.stdout.readline()
        found = re.search(r"http://127\.0\.0\.1:\d+", line)
        assert found, line + process.stdout.read()
        try:
            yield found[0]
        finally:
            process.send_signal(signal.SIGTERM)
            assert process.wait(timeout=20) == 0


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "world.json"
    path.write_text(json.dumps(DESCRIPTION))
    return path


def test_a_kept_world_outlives_its_process(path):
    event = {"email": ADA, "summary": "Kept", "start": {"date": "2026-06-01"}}
    event["end"] = {"date": "2026-06-02"}
    with simulate("--world", str(path), "--keep") as base_url:
        body = {"operation": "google_create", "arguments": event}
        requests.post(base_url + "/control/edit", json=body, timeout=10).raise_for_status()
    with simulate("--world", str(path)) as base_url:
        body = {"operation": "google_events", "arguments": {"email": ADA}}
        shown = requests.post(base_url + "/control/edit", json=body, timeout=10).json()
    assert [each["summary"] for each in shown["result"]] == ["Kept"]


def run(**options):
    Command().handle(**{"host": "127.0.0.1", "port": 0, "world": None, "keep": False, **options})


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"host": "0.0.0.0"}, "loopback"),
        ({"keep": True}, "--world"),
        ({"world": Path("/nothing.json")}, "No such file"),
    ],
)
def test_a_wrong_call_says_what_is_wrong(options, text):
    with pytest.raises(CommandError, match=text):
        run(**options)


def test_a_port_in_use_is_told(simulator):
    port = int(simulator.base_url.rpartition(":")[2])
    with pytest.raises(CommandError, match="cannot listen"):
        run(port=port)
