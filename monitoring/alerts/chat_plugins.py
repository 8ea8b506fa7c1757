"""Apprise, with nothing in it but the services that are allowed, all calls of which are guarded.

Apprise's classes call the functions of the module `requests`. Each class that is used here gets a
guarded stand-in under that name, in its own module only, so nothing else in the process is changed,
and a class that is not on the list is never even imported.
"""

from __future__ import annotations

import logging
import sys
from functools import cache
from importlib import import_module
from typing import Any
from urllib.parse import urlsplit

import requests
from apprise import AppriseAsset, NotifyFormat
from django.conf import settings

from monitoring.alerts.address_guard import AddressRefusedError, host_check
from monitoring.alerts.chat_services import BY_PLAIN_SCHEME, BY_SCHEME, KEY, SERVICES, Service
from monitoring.alerts.guarded_http import GuardedRequests
from monitoring.alerts.public_addresses import is_named

# It writes addresses to the log, which hold tokens; what came of a call is known from the call.
logging.getLogger("apprise").setLevel(logging.CRITICAL + 1)

# What an address may not decide: files read, hosts trusted, how it is written and how often tried.
FIXED: dict[str, Any] = {
    "verify": True,
    "redirect": False,
    "include_image": False,
    "include_footer": False,
    "retry": 0,
    "emojis": False,
}
TEMPLATE = "template"
# Seconds between two calls of one message.
LONGEST_PAUSE = 1.0


class ChatRefusedError(Exception):
    """An address of a chat that can't be used; it is a sentence for the admin."""


@cache
def plugin_class(service: Service) -> Any:
    """Return the class of Apprise for a service, its calls guarded."""
    module, _, name = service.plugin.rpartition(".")
    path = f"apprise.plugins.{module}"
    found = getattr(import_module(path), name)
    for other in [each for each in sys.modules if each == path or each.startswith(f"{path}.")]:
        if getattr(sys.modules[other], "requests", None) is requests:
            sys.modules[other].requests = GuardedRequests()  # type: ignore[attr-defined]
    return patient(found)


def patient(found: Any) -> Any:
    """Return the class with short pauses: else a server could say how long it sleeps here."""

    def throttle(self: Any, last_io: Any = None, wait: float | None = None) -> None:
        found.throttle(self, last_io, None if wait is None else min(wait, LONGEST_PAUSE))

    rate = min(found.request_rate_per_sec, LONGEST_PAUSE)
    own = {"throttle": throttle, "request_rate_per_sec": rate, "__module__": found.__module__}
    return type(found.__name__, (found,), own)


def asset() -> AppriseAsset:
    return AppriseAsset(
        app_id="synccenter",
        app_desc="synccenter",
        app_url=settings.BASE_URL,
        image_url_mask="",
        image_url_logo="",
        image_path_mask=False,
        http_redirects=False,
    )


def parsed(url: str) -> tuple[Service, dict[str, Any]]:
    """Return the service an address is of, and what it says. Raises ChatRefusedError."""
    scheme = url.partition("://")[0].lower()
    if scheme == "https":
        return native(url)
    service = BY_SCHEME.get(scheme) or BY_PLAIN_SCHEME.get(scheme)
    if service is None:
        raise ChatRefusedError("This is no address of a chat or paging service known here.")
    # As in Apprise: a channel's # would else end the address.
    found = plugin_class(service).parse_url(url.replace("/#", "/%23"))
    if not found:
        raise ChatRefusedError(f"This is no complete address for {service.name}.")
    return service, found


def native(url: str) -> tuple[Service, dict[str, Any]]:
    """Return what an address says as the service itself shows it. Raises ChatRefusedError."""
    for service in SERVICES:
        found = plugin_class(service).parse_native_url(url)
        if found and BY_SCHEME.get(found["schema"]) is service:
            return service, found
    raise ChatRefusedError("No chat or paging service known here has addresses like this.")


def plugin_of(url: str, key: str = "") -> tuple[Service, Any]:
    """Return the service an address is of, and what sends to it. Raises ChatRefusedError.

    `key` names the alert to a paging service, which closes what it opened under it.
    """
    service, found = parsed(url)
    if found.get(TEMPLATE) or TEMPLATE in found.get("qsd", {}):
        raise ChatRefusedError("The address must not name a template: that would be a file here.")
    overflow = "truncate" if service.pages else "split"
    written = {"format": format_of(service).value, "overflow": overflow}
    options = FIXED | closing(service, key) | signed(found) | written
    try:
        plugin = plugin_class(service)(**found | options | {"asset": asset()})
    except (TypeError, ValueError, LookupError) as error:
        raise ChatRefusedError(f"This is no complete address for {service.name}.") from error
    if url.partition("://")[0].lower() == service.plain:
        plain_check(plugin, service)
    if len(plugin) > 1:
        raise ChatRefusedError("The address names several channels; add each by itself.")
    return service, plugin


def closing(service: Service, key: str) -> dict[str, Any]:
    return {name: value.replace(KEY, key) for name, value in service.closes if key}


def signed(found: dict[str, Any]) -> dict[str, Any]:
    """Say whose alerts these are, where a service asks and the address does not."""
    asked = {"source": urlsplit(settings.BASE_URL).netloc, "component": "synccenter"}
    return {name: value for name, value in asked.items() if name in found and not found[name]}


def formats_of(service: Service) -> list[NotifyFormat]:
    known = plugin_class(service).notify_format
    return list(known) if isinstance(known, tuple) else [known]


def format_of(service: Service) -> NotifyFormat:
    """Return how a service is written to: plainly where it takes that, since then no mark counts.

    HTML is made of plain text; what takes Markdown alone is given the text as it is.
    """
    known = formats_of(service)
    wanted = (NotifyFormat.TEXT, NotifyFormat.HTML, NotifyFormat.MARKDOWN)
    return next(each for each in wanted if each in known)


def server_of(plugin: Any) -> tuple[str, int]:
    return str(plugin.host or ""), plugin.port or (443 if plugin.secure else 80)


def plain_check(plugin: Any, service: Service) -> None:
    """Refuse what goes over HTTP, but to servers named in ALERT_TARGETS_ALLOWED."""
    host, port = server_of(plugin)
    if not is_named(host, port, settings.ALERT_TARGETS_ALLOWED):
        raise ChatRefusedError(f"Use {service.schemes[0]}://, which is encrypted.")


def chat_check(url: str) -> str:
    """Return what the console may show of an address. Raises ChatRefusedError.

    That is the service, and the server where the address names one: the rest of it is a secret.
    """
    service, plugin = plugin_of(url)
    host, port = server_of(plugin)
    if not service.names_server or not host:
        return service.name
    try:
        host_check(host, port)
    except AddressRefusedError as error:
        raise ChatRefusedError(str(error)) from error
    return f"{service.name} at {urlsplit(f'//{host}').hostname}"
