"""The scripts that run before anything is installed."""

from __future__ import annotations

import fcntl
import importlib.util
import os
import socket
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from tests.monitoring.jobs.service import PROJECT


def script(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, PROJECT / "deploy" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


environment = script("environment")
clean = script("clean")
ASSETS = environment.ASSETS


def test_an_old_python_is_told_in_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    monkeypatch.setattr(sys, "version_info", (3, 9, 2))
    monkeypatch.setattr(sys, "argv", ["environment.py"])
    with pytest.raises(SystemExit) as ended:
        environment.main()
    assert str(ended.value) == (
        "synccenter: Python 3.11 or newer is needed, this is 3.9. "
        "Name another one: make PYTHON=python3.12"
    )


def test_a_python_without_venv_is_told_what_to_install(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(environment.subprocess, "run", lambda *_, **__: FakeEnd(1))
    with pytest.raises(environment.SetUpError, match="apt install python3-venv"):
        environment.make_venv(tmp_path / "venv")


class FakeEnd:
    def __init__(self, returncode: int) -> None:
        self.returncode = returncode


def test_a_folder_is_private_if_one_above_it_is(tmp_path: Path) -> None:
    inside = tmp_path / "home" / "project"
    inside.mkdir(parents=True)
    for folder in (tmp_path, *tmp_path.parents):
        if folder.stat().st_uid == os.geteuid() and folder != Path("/tmp"):
            folder.chmod(folder.stat().st_mode | 0o111)
    assert not environment.is_private(inside)
    (tmp_path / "home").chmod(0o700)
    assert environment.is_private(inside)


def test_nothing_is_installed_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    def forbidden(*arguments: object) -> None:
        raise AssertionError(f"ran {arguments}")

    monkeypatch.setattr(environment, "run", forbidden)
    environment.make_packages("dev")
    environment.make_packages("base")
    environment.make_assets("dev")
    environment.make_assets("base")


@pytest.mark.parametrize(
    "lost", ["slds/styles/slds.css", "plotly/plotly-basic.min.js", ".installed"]
)
def test_assets_are_fetched_again_where_one_is_gone(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, lost: str
) -> None:
    monkeypatch.setattr(environment, "VENDOR", tmp_path)
    ours = tuple(tmp_path / path.relative_to(PROJECT / "static/vendor") for path in ASSETS)
    monkeypatch.setattr(environment, "ASSETS", ours)
    for path in ours:
        path.parent.mkdir(parents=True)
        path.touch()
    ran: list[str] = []
    monkeypatch.setattr(environment, "run", lambda command, _: ran.append(command[1]))
    monkeypatch.setattr(environment, "npm", lambda: ["npm"])
    environment.make_assets("base")
    assert ran == ["ci", str(PROJECT / "deploy" / "assets.py")]
    environment.make_assets("base")
    assert len(ran) == 2
    (tmp_path / lost).unlink()
    environment.make_assets("base")
    assert len(ran) == 4


def test_development_fetches_what_tests_give_the_browser(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / ".installed").touch()
    monkeypatch.setattr(environment, "VENDOR", tmp_path)
    monkeypatch.setattr(environment, "ASSETS", ())
    monkeypatch.setattr(environment, "FOR_TESTS", (tmp_path / "axe.min.js",))
    ran: list[list[str]] = []
    monkeypatch.setattr(environment, "run", lambda command, _: ran.append(command))
    monkeypatch.setattr(environment, "npm", lambda: ["npm"])
    environment.make_assets("base")
    environment.make_assets("dev")
    (tmp_path / "axe.min.js").touch()
    assert ["--omit=dev" in command for command in ran] == [True, False, False, False]
    environment.make_assets("dev")
    assert len(ran) == 4


def test_a_running_service_is_not_cleaned_away(tmp_path: Path) -> None:
    holders = tmp_path / "postgres.holders"
    assert not clean.is_running(holders)
    with holders.open("w") as held:
        fcntl.flock(held, fcntl.LOCK_SH)
        assert clean.is_running(holders)
    assert not clean.is_running(holders)


@pytest.mark.parametrize("is_ours", [True, False])
def test_cleaning_a_link_removes_what_it_leads_to_only_where_that_is_ours(
    tmp_path: Path, is_ours: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    target, link = tmp_path / "elsewhere" / "data", tmp_path / ".data"
    (target / "postgres").mkdir(parents=True)
    link.symlink_to(target)
    monkeypatch.setattr(clean, "ELSEWHERE", tmp_path / ("elsewhere" if is_ours else "other"))
    clean.remove(link)
    assert not link.is_symlink()
    assert target.exists() is not is_ours


@pytest.mark.processes
def test_a_port_in_use_is_one_clear_line() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = subprocess.run(
            [sys.executable, "manage.py", "demo", "--port", str(port)],
            cwd=PROJECT,
            capture_output=True,
            text=True,
            timeout=60,
        )
    assert done.returncode == 1
    assert done.stderr.strip() == (
        f"CommandError: Port {port} is in use. Stop what listens there, or choose another: "
        f"make demo PORT={port + 1}"
    )
