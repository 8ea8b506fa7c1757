"""Running a parsed query over rows. Pure functions.

Text compares without case; a null fails every comparison but `= null` and `!=`.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any

from simulator.identifiers import long_salesforce_id
from simulator.salesforce import errors
from simulator.salesforce.schema import Field, Fields
from simulator.salesforce.soql import Combination, Comparison, Condition, Literal, Order

Row = Mapping[str, Any]
Test = Callable[[Row], bool]

ORDERINGS: dict[str, Callable[[Any, Any], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
LITERAL_KINDS = {
    "string": {"string"},
    "textarea": set(),
    "picklist": {"string"},
    "id": {"string"},
    "boolean": {"boolean"},
    "int": {"number"},
    "date": {"date"},
    "datetime": {"datetime"},
}
NAMES = {"datetime": "dateTime", "int": "integer", "picklist": "string"}


def find_field(fields: Fields, name: str, entity: str) -> Field:
    field = fields.get(name.lower())
    if field is None:
        message = (
            f"No such column '{name}' on entity '{entity}'. If you are attempting to use a custom "
            "field, be sure to append the '__c' after the custom field name."
        )
        raise errors.invalid_field(message)
    return field


def compiled(condition: Condition | None, fields: Fields, entity: str) -> Test:
    """One predicate over rows for a condition; raises INVALID_FIELD."""
    if condition is None:
        return lambda row: True
    if isinstance(condition, Comparison):
        return compiled_comparison(condition, fields, entity)
    return combined(condition, fields, entity)


def combined(condition: Combination, fields: Fields, entity: str) -> Test:
    tests = [compiled(part, fields, entity) for part in condition.parts]
    if condition.operator == "NOT":
        return lambda row: not tests[0](row)
    join = all if condition.operator == "AND" else any
    return lambda row: join(test(row) for test in tests)


def compiled_comparison(comparison: Comparison, fields: Fields, entity: str) -> Test:
    field = find_field(fields, comparison.field, entity)
    check_literals(field, comparison)
    values = [folded(field, literal.value) for literal in comparison.values]
    if comparison.operator == "LIKE":
        return like(field, values[0])
    if comparison.operator in ORDERINGS:
        return ordering(field, ORDERINGS[comparison.operator], values[0])
    wanted, name = set(values), field.name
    if comparison.operator in ("=", "IN"):
        return lambda row: folded(field, row.get(name)) in wanted
    return lambda row: folded(field, row.get(name)) not in wanted


def check_literals(field: Field, comparison: Comparison) -> None:
    """Refuse literals written as another type, and operators a type lacks."""
    if field.kind == "textarea":
        message = f"field '{field.name}' can not be filtered in a query call"
        raise errors.invalid_field(message)
    if comparison.operator == "LIKE" and field.kind not in ("string", "picklist"):
        raise errors.invalid_field(f"invalid operator on {field.kind} field")
    for literal in comparison.values:
        check_literal(field, literal)


def check_literal(field: Field, literal: Literal) -> None:
    if literal.kind == "null" or literal.kind in LITERAL_KINDS[field.kind]:
        return
    quoted = "should be" if field.kind in ("string", "id", "picklist") else "should not be"
    kind = NAMES.get(field.kind, field.kind)
    raise errors.invalid_field(
        f"value of filter criterion for field '{field.name}' must be of type {kind} "
        f"and {quoted} enclosed in quotes"
    )


def folded(field: Field, value: Any) -> Any:
    """A value as it compares: text without case, ids in their long form."""
    if field.kind == "id" and isinstance(value, str):
        return long_salesforce_id(value)
    if isinstance(value, str):
        return value.casefold()
    if isinstance(value, datetime):
        return value.replace(microsecond=0) if value.microsecond else value
    return value


def ordering(field: Field, compare: Callable[[Any, Any], bool], wanted: Any) -> Test:
    def test(row: Row) -> bool:
        value = folded(field, row.get(field.name))
        return value is not None and wanted is not None and compare(value, wanted)

    return test


def like(field: Field, pattern: str | None) -> Test:
    """`%` stands for any text, `_` for one sign."""
    signs = {"%": ".*", "_": "."}
    text = "".join(signs.get(sign) or re.escape(sign) for sign in pattern or "")
    matcher = re.compile(text, re.DOTALL)

    def test(row: Row) -> bool:
        value = row.get(field.name)
        return value is not None and matcher.fullmatch(value.casefold()) is not None

    return test


def sorted_rows(
    rows: Iterable[Row], orders: Iterable[Order], fields: Fields, entity: str
) -> list[Row]:
    """Rows by Id, then by each order given; nulls first unless told, whatever the direction."""
    result = sorted(rows, key=lambda row: row["Id"])
    for order in reversed(list(orders)):
        field = find_field(fields, order.field, entity)
        filled = [row for row in result if row.get(field.name) is not None]
        empty = [row for row in result if row.get(field.name) is None]
        filled.sort(key=lambda row: folded(field, row[field.name]), reverse=order.descending)
        result = empty + filled if order.nulls_first else filled + empty
    return result
