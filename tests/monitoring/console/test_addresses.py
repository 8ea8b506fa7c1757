from __future__ import annotations

from urllib.parse import parse_qs

from hypothesis import given
from hypothesis import strategies as st

from monitoring.console.addresses import PER_PAGE, SIZES, SORTS, Asked, asked_of, whole_number
from monitoring.console.columns import ALWAYS, COLUMNS, NAMES, USUAL, columns_of, parameter_of

values = st.text("aä&=+% ?#/", min_size=1, max_size=5)
asked = st.builds(
    Asked,
    filters=st.dictionaries(st.sampled_from(["q", "status", "cause", "team"]), values),
    sort=st.sampled_from(["", *SORTS, *(f"-{name}" for name in SORTS)]),
    per=st.sampled_from(SIZES),
    columns=st.sets(st.sampled_from(sorted(NAMES))).map(lambda names: columns_of([ALWAYS, *names])),
    view=st.integers(0, 10**17),
)


def read(query: str) -> Asked:
    """Read a query string as the page does."""
    given = {name: found[-1] for name, found in parse_qs(query).items()}
    manner = {name: given.pop(name, "") for name in ("sort", "per", "columns", "view")}
    return asked_of(given, manner["sort"], manner["per"], [manner["columns"]], manner["view"])


@given(asked)
def test_an_address_says_all_of_a_list(asked: Asked) -> None:
    assert read(asked.address.removeprefix("?")) == asked


@given(asked)
def test_a_filter_is_taken_out_alone(asked: Asked) -> None:
    for name in asked.filters:
        left = {each: value for each, value in asked.filters.items() if each != name}
        assert read(asked.without(name).removeprefix("?")).filters == left


@given(st.lists(st.text()))
def test_columns_that_are_none_are_left_out(names: list[str]) -> None:
    found = columns_of(names)
    assert set(found) <= NAMES
    assert list(found) == [column.name for column in COLUMNS if column.name in found]


def test_the_usual_columns_need_not_be_said() -> None:
    assert columns_of([]) == columns_of([""]) == columns_of(["nonsense"]) == USUAL
    assert parameter_of(USUAL) == ""
    assert columns_of([ALWAYS]) == ()
    assert parameter_of(()) == ALWAYS
    assert columns_of(["team, deed", "team"]) == ("team", "deed")


def test_a_page_has_one_of_four_sizes() -> None:
    for per in ("10", "1000", "0", "-25", "x", ""):
        assert asked_of({}, "", per, [], "").per == PER_PAGE
    assert asked_of({}, "", "200", [], "").per == 200


@given(st.text())
def test_only_whole_numbers_are_numbers(text: str) -> None:
    assert whole_number(text) >= 0
    assert whole_number(str(10**17)) == 10**17
