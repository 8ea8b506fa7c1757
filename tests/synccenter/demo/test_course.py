from __future__ import annotations

from datetime import timedelta
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitoring.alerts.models import Alert
from monitoring.outcomes.partitions import partitions_ensure
from synccenter.demo.cast import LOGINS, Part
from synccenter.demo.course import TICK, is_news, past_record, tick_from
from synccenter.demo.past import DAYS
from tests.factories import NOW, make_connected_person, make_member, make_user


@given(st.lists(st.booleans(), max_size=12))
def test_each_trouble_is_looked_at_when_it_is_proven_and_when_it_ends(failures: list[bool]) -> None:
    row, news = 0, []
    for fails in failures:
        before, row = row, row + 1 if fails else 0
        if is_news(Part.REVOKED, before, row):
            news.append(fails)
    assert news == [place % 2 == 0 for place in range(len(news))]
    streaks = "".join("f" if fails else "s" for fails in failures).split("s")
    assert news.count(True) == sum(len(streak) >= 2 for streak in streaks)


@given(st.timedeltas(-timedelta(days=9_999), timedelta(days=9_999)))
def test_a_tick_comes_on_the_next_half_minute(since: timedelta) -> None:
    moment = NOW + since
    tick = tick_from(moment)
    assert moment <= tick < moment + TICK
    assert (tick.second % 30, tick.microsecond) == (0, 0)


@pytest.mark.django_db
@pytest.mark.parametrize("seed", [1, 2])
def test_silence_is_found_also_where_nobody_else_is_looked_at(seed: int) -> None:
    partitions_ensure(NOW, since=NOW - timedelta(days=DAYS + 1))
    person = make_connected_person()
    make_member(person.organization, user=make_user(email=LOGINS[0].email))
    past_record({person: Part.LAPTOP}, NOW, Random(seed))
    alerts = Alert.objects.filter(cause="silent").order_by("began_at")
    assert [alert.flaps for alert in alerts] == [0, 1, 2, 3, 4]
    assert [alert.ended_at is None for alert in alerts] == [False] * 4 + [True]
