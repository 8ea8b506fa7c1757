"""SOQL as clients send it: reading the text into a query. No data is touched here.

SELECT fields or COUNT() FROM one object, WHERE comparisons joined by AND, OR, NOT and
parentheses, ORDER BY, LIMIT, OFFSET. Sub-queries, aggregates and date functions are refused.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from simulator.salesforce import errors
from simulator.times import parse_instant

TOKEN = re.compile(
    r"""\s*(?:
    (?P<string>'(?:\\.|[^'\\])*')
  | (?P<datetime>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:?\d\d))
  | (?P<date>\d{4}-\d\d-\d\d)(?![\dT])
  | (?P<number>[+-]?\d+(?:\.\d+)?)
  | (?P<word>[A-Za-z_][\w.]*)
  | (?P<sign><=|>=|!=|<>|=|<|>|\(|\)|,)
    )""",
    re.VERBOSE,
)
ESCAPES = {"n": "\n", "r": "\r", "t": "\t", "b": "\b", "f": "\f"}
COMPARISONS = {"=", "!=", "<>", "<", "<=", ">", ">="}
NULLS = {"FIRST": True, "LAST": False}


@dataclass(frozen=True)
class Literal:
    """A value with the kind it was written as: string, datetime, date, number, boolean, null."""

    kind: str
    value: Any


@dataclass(frozen=True)
class Comparison:
    """`operator` is =, !=, <, <=, >, >=, LIKE, IN or NOT IN; the last two have many values."""

    field: str
    operator: str
    values: tuple[Literal, ...]


@dataclass(frozen=True)
class Combination:
    """`operator` is AND, OR or NOT; NOT has one part."""

    operator: str
    parts: tuple[Comparison | Combination, ...]


Condition = Comparison | Combination


@dataclass(frozen=True)
class Order:
    field: str
    descending: bool = False
    nulls_first: bool = True


@dataclass(frozen=True)
class Query:
    """A parsed query; `fields` is empty for COUNT()."""

    entity: str
    fields: tuple[str, ...]
    condition: Condition | None = None
    order: tuple[Order, ...] = ()
    limit: int | None = None
    offset: int = 0


def parse(text: str) -> Query:
    """Read a query; raises MALFORMED_QUERY."""
    parser = Parser(tokens_of(text))
    query = parser.query()
    parser.end()
    return query


def tokens_of(text: str) -> list[tuple[str, str]]:
    tokens, position = [], 0
    text = text.rstrip()
    while position < len(text):
        match = TOKEN.match(text, position)
        if match is None:
            raise errors.malformed_query(f"line 1:{position} no viable alternative")
        tokens.append((str(match.lastgroup), match.group(str(match.lastgroup))))
        position = match.end()
    return tokens


def unquoted(text: str) -> str:
    """The value of a quoted string."""
    return re.sub(r"\\(.)", lambda match: ESCAPES.get(match[1], match[1]), text[1:-1])


class Parser:
    """Recursive descent over the tokens."""

    def __init__(self, tokens: list[tuple[str, str]]) -> None:
        self.tokens = tokens
        self.position = 0

    def peek(self) -> tuple[str, str]:
        return self.tokens[self.position] if self.position < len(self.tokens) else ("end", "")

    def take(self) -> tuple[str, str]:
        token = self.peek()
        self.position += 1
        return token

    def fail(self) -> errors.RestRefusal:
        shown = self.peek()[1] or "<EOF>"
        return errors.malformed_query(f"unexpected token: '{shown}'")

    def accept(self, *words: str) -> bool:
        """Take these key words or signs if they come next, all of them."""
        coming = [text.upper() for _, text in self.tokens[self.position :][: len(words)]]
        if coming != list(words):
            return False
        self.position += len(words)
        return True

    def expect(self, *words: str) -> None:
        if not self.accept(*words):
            raise self.fail()

    def word(self) -> str:
        kind, text = self.peek()
        if kind != "word":
            raise self.fail()
        self.position += 1
        return text

    def end(self) -> None:
        if self.peek()[0] != "end":
            raise self.fail()

    def query(self) -> Query:
        self.expect("SELECT")
        fields = () if self.accept("COUNT", "(", ")") else self.field_list()
        self.expect("FROM")
        entity = self.word()
        condition = self.condition() if self.accept("WHERE") else None
        order = self.order() if self.accept("ORDER", "BY") else ()
        limit = self.whole_number() if self.accept("LIMIT") else None
        offset = self.whole_number() if self.accept("OFFSET") else 0
        return Query(entity, fields, condition, order, limit, offset)

    def field_list(self) -> tuple[str, ...]:
        fields = [self.word()]
        while self.accept(","):
            fields.append(self.word())
        return tuple(fields)

    def whole_number(self) -> int:
        kind, text = self.peek()
        if kind != "number" or not text.isdigit():
            raise self.fail()
        self.position += 1
        return int(text)

    def condition(self) -> Condition:
        """Parts joined by AND or by OR; mixing the two needs parentheses."""
        parts = [self.part()]
        for operator in ("AND", "OR"):
            while self.accept(operator):
                parts.append(self.part())
            if len(parts) > 1:
                return Combination(operator, tuple(parts))
        return parts[0]

    def part(self) -> Condition:
        if self.accept("NOT"):
            return Combination("NOT", (self.part(),))
        if self.accept("("):
            inner = self.condition()
            self.expect(")")
            return inner
        return self.comparison()

    def comparison(self) -> Comparison:
        field = self.word()
        if self.accept("NOT", "IN"):
            return Comparison(field, "NOT IN", self.literal_list())
        if self.accept("IN"):
            return Comparison(field, "IN", self.literal_list())
        if self.accept("LIKE"):
            return Comparison(field, "LIKE", (self.literal(),))
        _, operator = self.peek()
        if operator not in COMPARISONS:
            raise self.fail()
        self.position += 1
        return Comparison(field, operator.replace("<>", "!="), (self.literal(),))

    def literal_list(self) -> tuple[Literal, ...]:
        self.expect("(")
        literals = [self.literal()]
        while self.accept(","):
            literals.append(self.literal())
        self.expect(")")
        return tuple(literals)

    def literal(self) -> Literal:
        kind, text = self.peek()
        word = text.lower()
        if kind == "word" and word in ("true", "false", "null"):
            self.position += 1
            return Literal("null", None) if word == "null" else Literal("boolean", word == "true")
        if kind not in ("string", "datetime", "date", "number"):
            raise self.fail()
        self.position += 1
        return Literal(kind, literal_value(kind, text))

    def order(self) -> tuple[Order, ...]:
        orders = [self.one_order()]
        while self.accept(","):
            orders.append(self.one_order())
        return tuple(orders)

    def one_order(self) -> Order:
        field = self.word()
        descending = self.accept("DESC")
        if not descending:
            self.accept("ASC")
        nulls_first = True
        if self.accept("NULLS"):
            nulls_first = NULLS.get(self.word().upper(), True)
        return Order(field, descending, nulls_first)


def literal_value(kind: str, text: str) -> str | int | float | date | datetime | None:
    if kind == "string":
        return unquoted(text)
    if kind == "number":
        return float(text) if "." in text else int(text)
    try:
        value = parse_instant(text) if kind == "datetime" else date.fromisoformat(text)
    except ValueError:
        value = None
    if value is None:
        raise errors.malformed_query(f"invalid {kind}: {text}")
    return value
