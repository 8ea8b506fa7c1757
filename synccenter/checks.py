"""What is said at start-up of settings that do not fit together."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core import checks

NO_PROXY_COUNTED = checks.Warning(
    "BASE_URL is https, so a proxy is before the console, but TRUSTED_PROXY_COUNT is 0: all"
    " visitors share the proxy's address and the rate limits that go by it.",
    hint="Set TRUSTED_PROXY_COUNT to the number of proxies before the console, mostly 1.",
    id="synccenter.W001",
)


@checks.register
def proxies_counted(**_: Any) -> list[checks.CheckMessage]:
    """Warn of a console behind a proxy that takes all visitors for one."""
    uncounted = settings.SECURE and not settings.ALLAUTH_TRUSTED_PROXY_COUNT
    return [NO_PROXY_COUNTED] if uncounted else []
