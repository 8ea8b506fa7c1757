from __future__ import annotations

from collections.abc import Iterator

import pytest
import time_machine

from tests.factories import NOW


@pytest.fixture
def at_now() -> Iterator[None]:
    """Let the clock of workers stand at NOW; that of the database goes on."""
    with time_machine.travel(NOW, tick=False):
        yield
