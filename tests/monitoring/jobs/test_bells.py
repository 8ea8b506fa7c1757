from __future__ import annotations

import pytest
from django.db import OperationalError

from monitoring.jobs import bells
from monitoring.jobs.bells import Bell, bell_register, bells_ring


@pytest.fixture
def rung(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What was rung for; nothing is registered at the beginning."""
    monkeypatch.setattr(bells, "_bells", {})
    return []


def test_a_bell_is_rung_while_it_is_wanted(rung: list[str]) -> None:
    bell_register("wanted", Bell(lambda: True, lambda: rung.append("wanted")))
    bell_register("not wanted", Bell(lambda: False, lambda: rung.append("not wanted")))
    bells_ring()
    assert rung == ["wanted"]


def test_registered_twice_it_is_rung_once(rung: list[str]) -> None:
    for _ in range(2):
        bell_register("once", Bell(lambda: True, lambda: rung.append("once")))
    bells_ring()
    assert rung == ["once"]


def test_one_that_breaks_keeps_no_other_from_being_rung(rung: list[str]) -> None:
    def broken() -> bool:
        raise ZeroDivisionError

    bell_register("broken", Bell(broken, lambda: rung.append("broken")))
    bell_register("fine", Bell(lambda: True, lambda: rung.append("fine")))
    bells_ring()
    assert rung == ["fine"]


def test_a_database_that_is_away_is_the_ticks_to_live_through(rung: list[str]) -> None:
    def away() -> bool:
        raise OperationalError

    bell_register("away", Bell(away, lambda: rung.append("away")))
    with pytest.raises(OperationalError):
        bells_ring()


def test_when_runs_have_ended_only_who_waits_for_that_is_rung_for(rung: list[str]) -> None:
    bell_register("ticks", Bell(lambda: True, lambda: rung.append("ticks")))
    bell_register("runs", Bell(lambda: True, lambda: rung.append("runs"), waits_for_runs=True))
    bells_ring(runs_ended=True)
    assert rung == ["runs"]
    bells_ring()
    assert rung == ["runs", "ticks", "runs"]
