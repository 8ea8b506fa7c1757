from __future__ import annotations

from datetime import datetime, timedelta
from random import Random

import pytest

from synccenter.demo.cast import HOUSES
from synccenter.demo.world import build_world
from tests.factories import NOW


@pytest.mark.parametrize("moment", [NOW, NOW + timedelta(days=1, hours=11)])
def test_salesforce_announces_a_maintenance_of_the_next_saturday_night(moment: datetime) -> None:
    world = build_world(moment, Random(1))
    first, *others = (house.slug for house in HOUSES)
    (plan,) = world.status.maintenances_of(first)
    assert (plan.starts.weekday(), plan.starts.hour) == (5, 22)
    assert timedelta() < plan.starts - moment < timedelta(days=8)
    assert plan.ends - plan.starts == timedelta(hours=4)
    assert not any(world.status.maintenances_of(each) for each in others)
