"""SOQL texts made of random queries must be read back, and find what a plain search finds."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.messages import Refusal
from simulator.salesforce import filters, soql
from simulator.salesforce.schema import event_fields
from simulator.salesforce.soql import Combination, Comparison, Literal, Order, Query
from tests.simulator.conftest import unhurried

FIELDS = event_fields(("SyncCenter_Key__c",))
BASE = datetime(2026, 6, 1, tzinfo=UTC)
NULL = Literal("null", None)

words = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), max_size=6)
instants = st.integers(-2, 2).map(lambda seconds: BASE + timedelta(seconds=seconds))
days = st.integers(0, 3).map(lambda day: date(2026, 6, 1) + timedelta(days=day))
subjects = st.sampled_from(["a", "A", "ab", "b'c", "x\\y", "50%", "a_b", "ß", ""])
VALUES = {
    "Subject": (subjects | words).map(lambda text: Literal("string", text)),
    "SystemModstamp": instants.map(lambda at: Literal("datetime", at)),
    "ActivityDate": days.map(lambda day: Literal("date", day)),
    "DurationInMinutes": st.integers(-5, 5).map(lambda number: Literal("number", number)),
    "IsPrivate": st.booleans().map(lambda value: Literal("boolean", value)),
}


@st.composite
def comparisons(draw):
    field = draw(st.sampled_from(sorted(VALUES)))
    values = VALUES[field] | st.just(NULL)
    operator = draw(st.sampled_from(["=", "!=", "<", "<=", ">", ">=", "IN", "NOT IN", "LIKE"]))
    if operator == "LIKE":
        return Comparison("Subject", "LIKE", (draw(VALUES["Subject"]),))
    if operator in ("IN", "NOT IN"):
        return Comparison(field, operator, tuple(draw(st.lists(values, min_size=1, max_size=3))))
    return Comparison(field, operator, (draw(values),))


def combined(children):
    many = st.lists(children, min_size=2, max_size=3).map(tuple)
    joined = st.builds(Combination, st.sampled_from(["AND", "OR"]), many)
    return joined | st.builds(Combination, st.just("NOT"), children.map(lambda part: (part,)))


conditions = st.recursive(comparisons(), combined, max_leaves=6)
orders = st.builds(Order, st.sampled_from(sorted(VALUES)), st.booleans(), st.booleans())
queries = st.builds(
    Query,
    st.just("Event"),
    st.lists(st.sampled_from(["Id", "Subject", "Owner.Name"]), max_size=3).map(tuple),
    st.none() | conditions,
    st.lists(orders, max_size=2).map(tuple),
    st.none() | st.integers(0, 9),
    st.integers(0, 9),
)
rows = st.lists(
    st.fixed_dictionaries(
        {
            "Subject": st.none() | subjects | words,
            "SystemModstamp": instants,
            "ActivityDate": st.none() | days,
            "DurationInMinutes": st.none() | st.integers(-5, 5),
            "IsPrivate": st.booleans(),
        }
    ),
    max_size=6,
).map(lambda found: [{**row, "Id": f"00U{number:015}"} for number, row in enumerate(found)])


def literal_text(literal):
    if literal.kind == "string":
        escaped = literal.value.replace("\\", "\\\\").replace("'", "\\'")
        return f"'{escaped}'"
    if literal.kind in ("datetime", "date"):
        return literal.value.isoformat()
    return str(literal.value).lower() if literal.value is not None else "null"


def condition_text(condition):
    if isinstance(condition, Combination):
        parts = [f"({condition_text(part)})" for part in condition.parts]
        if condition.operator == "NOT":
            return f"NOT {parts[0]}"
        return f" {condition.operator} ".join(parts)
    values = ", ".join(literal_text(literal) for literal in condition.values)
    if condition.operator.endswith("IN"):
        values = f"({values})"
    return f"{condition.field} {condition.operator} {values}"


def order_text(order):
    direction = "DESC" if order.descending else "ASC"
    return f"{order.field} {direction} NULLS {'FIRST' if order.nulls_first else 'LAST'}"


def query_text(query):
    text = f"SELECT {', '.join(query.fields) or 'COUNT()'} FROM {query.entity}"
    if query.condition:
        text += f" WHERE {condition_text(query.condition)}"
    if query.order:
        text += f" ORDER BY {', '.join(map(order_text, query.order))}"
    if query.limit is not None:
        text += f" LIMIT {query.limit}"
    return f"{text} OFFSET {query.offset}" if query.offset else text


@unhurried
@given(queries)
def test_a_query_written_out_is_read_back(query):
    assert soql.parse(query_text(query)) == query


@unhurried
@given(queries)
def test_case_and_white_space_do_not_matter(query):
    text = query_text(Query(query.entity, query.fields, None, query.order, query.limit))
    loose = text.lower().replace(" ", "\n  ")
    again = soql.parse(loose)
    assert [field.lower() for field in query.fields] == list(again.fields)
    assert again.limit == query.limit


@unhurried
@given(st.text(max_size=60))
def test_any_text_is_read_or_refused(text):
    for query in (text, f"SELECT Id FROM Event WHERE {text}"):
        try:
            soql.parse(query)
        except Refusal as refusal:
            if refusal.answer.status != 400:
                raise


def fold(value):
    return value.casefold() if isinstance(value, str) else value


def is_like(text, pattern):
    """LIKE by trying every way to split the text, without regular expressions."""
    if not pattern:
        return not text
    if pattern[0] == "%":
        return any(is_like(text[cut:], pattern[1:]) for cut in range(len(text) + 1))
    return bool(text) and pattern[0] in ("_", text[0]) and is_like(text[1:], pattern[1:])


def holds(condition, row):
    """A condition's truth for a row, said another way than the simulator does."""
    if isinstance(condition, Combination):
        truths = [holds(part, row) for part in condition.parts]
        return {"AND": all, "OR": any, "NOT": lambda some: not some[0]}[condition.operator](truths)
    value = fold(row[condition.field])
    wanted = [fold(literal.value) for literal in condition.values]
    match condition.operator:
        case "=" | "IN":
            return any(value == each for each in wanted)
        case "!=" | "NOT IN":
            return not any(value == each for each in wanted)
        case "LIKE":
            return value is not None and is_like(value, wanted[0])
    if value is None or wanted[0] is None:
        return False
    smaller, equal = value < wanted[0], value == wanted[0]
    return {"<": smaller, "<=": smaller or equal}.get(
        condition.operator, not smaller and (condition.operator == ">=" or not equal)
    )


@unhurried
@given(conditions, rows)
def test_a_condition_finds_what_a_plain_search_finds(condition, table):
    text = f"SELECT Id FROM Event WHERE {condition_text(condition)}"
    test = filters.compiled(soql.parse(text).condition, FIELDS, "Event")
    assert [row["Id"] for row in table if test(row)] == [
        row["Id"] for row in table if holds(condition, row)
    ]


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ("%", ["Planning", "planner", "A.B", ""]),
        ("plan%", ["Planning", "planner"]),
        ("%ing", ["Planning"]),
        ("%LANN%", ["Planning", "planner"]),
        ("planne_", ["planner"]),
        ("a_b", ["A.B"]),
        ("a.b", ["A.B"]),
        ("A?B", []),
        ("", [""]),
    ],
)
def test_like_knows_two_signs(pattern, found):
    text = f"SELECT Id FROM Event WHERE Subject LIKE '{pattern}'"
    test = filters.compiled(soql.parse(text).condition, FIELDS, "Event")
    table = [{"Subject": each} for each in ("Planning", "planner", "A.B", "", None)]
    assert [row["Subject"] for row in table if test(row)] == found


@unhurried
@given(rows, st.lists(orders, max_size=2))
def test_rows_are_ordered_pair_by_pair(table, wanted):
    result = filters.sorted_rows(table, wanted, FIELDS, "Event")
    assert sorted(row["Id"] for row in result) == [row["Id"] for row in table]
    for first, second in pairwise(result):
        for order in wanted:
            before, after = (fold(row[order.field]) for row in (first, second))
            if before == after:
                continue
            if None in (before, after):
                assert (before is None) == order.nulls_first
            else:
                assert (before > after) == order.descending
            break
        else:
            assert first["Id"] < second["Id"]


def test_ids_match_in_both_lengths():
    text = "SELECT Id FROM Event WHERE Id IN ('00U000100000001')"
    test = filters.compiled(soql.parse(text).condition, FIELDS, "Event")
    assert test({"Id": "00U000100000001EAA"})
