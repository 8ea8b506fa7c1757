from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.sessions.models import Session
from django.utils import timezone
from django_q.models import OrmQ
from pytest_django import DjangoAssertNumQueries, DjangoCaptureOnCommitCallbacks

from monitoring.console import sessions
from monitoring.console.sessions import WORK, sessions_forget, sessions_wait
from monitoring.jobs.bells import bells_ring

pytestmark = pytest.mark.django_db
HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)


def make_session(key: str, over_for: timedelta) -> None:
    Session.objects.create(session_key=key, expire_date=timezone.now() - over_for)


def keys() -> set[str]:
    return set(Session.objects.values_list("session_key", flat=True))


def test_only_those_that_are_over_are_forgotten() -> None:
    for key, over_for in {"old": 50 * HOUR, "over": MINUTE, "open": -MINUTE}.items():
        make_session(key, over_for)
    sessions_forget()
    assert keys() == {"open"}


def test_many_are_forgotten_in_several_rounds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sessions, "AT_ONCE", 2)
    for number in range(3):
        make_session(f"over {number}", number * HOUR + MINUTE)
    sessions_forget()
    assert keys() == {"over 0"}


def test_the_tick_rings_for_it_about_once_an_hour(
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    make_session("just over", HOUR - MINUTE)
    with django_assert_num_queries(1):
        assert not sessions_wait()
    make_session("over for long", HOUR + MINUTE)
    with django_capture_on_commit_callbacks(execute=True):
        bells_ring()
    assert [bell.task["func"] for bell in OrmQ.objects.all()] == [WORK]
