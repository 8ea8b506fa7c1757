"""Django with nothing but the simulator's command."""

from __future__ import annotations

SECRET_KEY = "bare"
INSTALLED_APPS = ["simulator"]
USE_TZ = True
