from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from monitoring.incidents.across import LEAST_ORGANIZATIONS, Part, parts_hit
from monitoring.incidents.detection import Thresholds

THRESHOLDS = Thresholds()


@st.composite
def parts(draw: st.DrawFn) -> list[Part]:
    sizes = draw(st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30)), max_size=12))
    return [Part(number, failing, failing + well) for number, (failing, well) in enumerate(sizes)]


@given(parts(), st.integers(0, 5_000), st.floats(0.002, 0.5))
def test_only_organizations_hit_themselves_are_in_it(
    found: list[Part], others: int, usual: float
) -> None:
    tried = sum(part.tried for part in found) + others
    hit = parts_hit(found, tried, usual, THRESHOLDS)
    assert all(part in found and part.is_hit(THRESHOLDS) for part in hit)
    if hit:
        assert len(hit) >= LEAST_ORGANIZATIONS
        assert sum(part.failing for part in hit) >= THRESHOLDS.people


@given(parts(), st.integers(0, 5_000), st.floats(0.002, 0.5))
def test_more_people_well_elsewhere_makes_it_no_likelier_to_be_chance(
    found: list[Part], others: int, usual: float
) -> None:
    tried = sum(part.tried for part in found)
    if parts_hit(found, tried + others, usual, THRESHOLDS):
        assert parts_hit(found, tried, usual, THRESHOLDS)


@given(parts(), st.floats(0.002, 0.3), st.floats(1, 3))
def test_what_usually_fails_as_often_is_found_no_sooner(
    found: list[Part], usual: float, factor: float
) -> None:
    tried = sum(part.tried for part in found)
    if parts_hit(found, tried, min(usual * factor, 1), THRESHOLDS):
        assert parts_hit(found, tried, usual, THRESHOLDS)


def test_one_organization_alone_is_no_matter_of_all() -> None:
    assert parts_hit([Part(1, 20, 20)], 20, 0.002, THRESHOLDS) == []


def test_small_organizations_together_show_what_none_shows_alone() -> None:
    small = [Part(number, 2, 2) for number in range(4)]
    assert parts_hit(small, 8, 0.002, THRESHOLDS) == small
