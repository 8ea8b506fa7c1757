"""Give the test run its PostgreSQL: DATABASE_URL if set, else the embedded one.

Loaded by `-p`, because Django's settings are read before any conftest.
"""

from __future__ import annotations

import os
from contextlib import ExitStack

import pytest

from synccenter import embedded

_held = ExitStack()

if "DATABASE_URL" not in os.environ:
    os.environ["DATABASE_URL"] = _held.enter_context(embedded.held())


def pytest_unconfigure(config: pytest.Config) -> None:
    _held.close()
