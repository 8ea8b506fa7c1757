"""Doing something at the n-th HTTP request of a pass: killing it, or letting a user edit."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock

from syncing.providers.wire import RecordingAdapter, RecordingHttp


class Killed(BaseException):
    """The process died here, as far as the engine can tell."""


@contextmanager
def at_request(
    number: int, action: Callable[[], None], *, after: bool = False
) -> Iterator[list[int]]:
    """Run `action` before (or right after) the n-th request, counted from 1.

    Gives a list whose only item is the number of requests made.
    """
    made = [0]

    def watched(send: Callable[..., Any]) -> Callable[..., Any]:
        def call(self: Any, *arguments: Any, **options: Any) -> Any:
            made[0] += 1
            mine = made[0] == number
            if mine and not after:
                action()
            answer = send(self, *arguments, **options)
            if mine and after:
                action()
            return answer

        return call

    with (
        mock.patch.object(RecordingHttp, "request", watched(RecordingHttp.request)),
        mock.patch.object(RecordingAdapter, "send", watched(RecordingAdapter.send)),
    ):
        yield made


def kill() -> None:
    raise Killed
