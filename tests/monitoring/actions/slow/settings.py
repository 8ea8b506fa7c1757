"""The service as ever, but for two deeds that the test can hold up."""

from __future__ import annotations

from synccenter.settings import *  # noqa: F403
from synccenter.settings import INSTALLED_APPS

INSTALLED_APPS = [*INSTALLED_APPS, "tests.monitoring.actions.slow.apps.SlowConfig"]
