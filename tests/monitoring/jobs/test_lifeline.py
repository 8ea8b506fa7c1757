from __future__ import annotations

import os

import pytest

from monitoring.jobs import lifeline


def test_a_process_without_a_manager_has_no_lifeline_to_be_cut() -> None:
    assert not lifeline.is_cut()


def test_the_lifeline_is_cut_when_its_other_end_closes(monkeypatch: pytest.MonkeyPatch) -> None:
    reading, writing = os.pipe()
    monkeypatch.setenv(lifeline.VARIABLE, str(reading))
    assert not lifeline.is_cut()
    os.close(writing)
    assert lifeline.is_cut(timeout=None)
    os.close(reading)
