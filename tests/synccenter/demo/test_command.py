"""`manage.py demo` starts its processes in an order that leaves little to chance."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from random import Random

import pytest

from synccenter.demo.processes import Processes
from synccenter.management.commands import demo


class Enough(Exception):
    """The simulator would run now."""


def test_the_simulators_port_is_chosen_when_it_is_started(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    done: list[object] = []

    def migrate(command: demo.Command) -> None:
        done.append("migrated")

    def world_made(command: demo.Command, folder: Path, now: datetime, random: Random) -> None:
        done.append("world made")

    def chosen() -> int:
        done.append("port chosen")
        return 4711

    def start(processes: Processes, name: str, *arguments: str) -> None:
        done.append(name)
        assert arguments[:3] == ("simulate", "--port", "4711")
        assert processes.environment["GOOGLE_API_ROOT"] == "http://127.0.0.1:4711"
        raise Enough

    monkeypatch.setattr(demo.Command, "migrate", migrate)
    monkeypatch.setattr(demo.Command, "world_made", world_made)
    monkeypatch.setattr(demo, "free_port", chosen)
    monkeypatch.setattr(Processes, "start", start)
    with pytest.raises(Enough):
        demo.Command().start(Processes(tmp_path, tmp_path), tmp_path, 8000)
    assert done == ["migrated", "world made", "port chosen", "simulator"]
