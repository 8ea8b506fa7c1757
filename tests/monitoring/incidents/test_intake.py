from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from monitoring.incidents.detection import Thresholds
from monitoring.incidents.intake import Intake, at_most_probability, has_dropped, is_back

THRESHOLDS = Thresholds()


@st.composite
def intakes(draw: st.DrawFn) -> Intake:
    people = draw(st.integers(0, 2_000))
    return Intake(
        people=people,
        expected=draw(st.floats(0, 300)),
        heard=draw(st.integers(0, 300)),
        late=draw(st.integers(0, people)),
    )


@given(intakes())
def test_nobody_late_is_never_a_drop(intake: Intake) -> None:
    assert not has_dropped(replace(intake, late=0), THRESHOLDS)


@given(intakes())
def test_more_heard_never_makes_a_drop_and_more_late_never_ends_one(intake: Intake) -> None:
    if has_dropped(intake, THRESHOLDS):
        worse = replace(intake, late=intake.people)
        assert has_dropped(worse, THRESHOLDS)
    else:
        better = replace(intake, heard=intake.heard + 50)
        assert not has_dropped(better, THRESHOLDS)


@given(intakes())
def test_everybody_late_is_a_drop_unless_they_are_very_few(intake: Intake) -> None:
    all_late = replace(intake, late=intake.people)
    assert has_dropped(all_late, THRESHOLDS) == (intake.people >= THRESHOLDS.small_people)


@given(intakes())
def test_what_is_back_because_nobody_is_late_is_not_found_again_at_once(intake: Intake) -> None:
    calm = replace(intake, late=0)
    assert is_back(calm, THRESHOLDS)
    assert not has_dropped(calm, THRESHOLDS)


@given(st.integers(0, 200), st.floats(0.1, 200))
def test_the_chance_is_one_and_grows_with_how_many_are_heard(most: int, expected: float) -> None:
    fewer, more = (at_most_probability(number, expected) for number in (most, most + 1))
    assert 0 <= fewer <= more <= 1


def test_the_chance_of_silence_is_that_of_poisson() -> None:
    assert abs(at_most_probability(0, 14.0) - 8.315e-7) < 1e-9
