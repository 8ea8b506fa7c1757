"""A request and an answer, apart from the HTTP server that carries them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any
from urllib.parse import parse_qsl, unquote

import msgspec

JSON_TYPE = "application/json; charset=UTF-8"


@dataclass
class Call:
    """One request; header names are lower case, `target` is path and query as sent."""

    method: str
    host: str
    target: str
    headers: Mapping[str, str]
    body: bytes = b""

    @cached_property
    def path(self) -> str:
        return self.target.partition("?")[0]

    @cached_property
    def segments(self) -> list[str]:
        """The decoded parts of the path; a trailing slash adds none."""
        return [unquote(part) for part in self.path.split("/") if part]

    @cached_property
    def query_text(self) -> str:
        return self.target.partition("?")[2]

    @cached_property
    def query(self) -> list[tuple[str, str]]:
        return parse_qsl(self.query_text, keep_blank_values=True) if self.query_text else []

    @cached_property
    def parameters(self) -> dict[str, str]:
        """Query parameters; of a repeated one, the last."""
        return dict(self.query)

    def all_parameters(self, name: str) -> list[str]:
        return [value for key, value in self.query if key == name]

    @cached_property
    def form(self) -> dict[str, str]:
        return dict(parse_qsl(self.body.decode("utf-8", "replace"), keep_blank_values=True))

    def json(self) -> Any:
        """The decoded JSON body; raises msgspec.DecodeError."""
        return msgspec.json.decode(self.body)

    @cached_property
    def bearer(self) -> str | None:
        """The token of the Authorization header, if it carries one."""
        scheme, _, token = self.headers.get("authorization", "").partition(" ")
        return token.strip() if scheme.lower() in ("bearer", "oauth") else None


@dataclass
class Answer:
    status: int
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of_json(
        cls, value: Any, status: int = 200, headers: Mapping[str, str] | None = None
    ) -> Answer:
        all_headers = {"Content-Type": JSON_TYPE, **(headers or {})}
        return cls(status, msgspec.json.encode(value), all_headers)

    @classmethod
    def of_page(cls, text: str, status: int = 200) -> Answer:
        headers = {
            "Content-Type": "text/html; charset=UTF-8",
            "Cache-Control": "no-store",
            "Referrer-Policy": "no-referrer",
            "X-Frame-Options": "DENY",
        }
        return cls(status, text.encode(), headers)


class Refusal(Exception):
    """A request that is answered with an error."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(f"{answer.status} {answer.body[:200]!r}")
        self.answer = answer
