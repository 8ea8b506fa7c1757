"""Reading EMAIL_URL: a mail server, a mail service, or nobody to send mails by. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

import dj_email_url

KEPT = "kept://"
KEEPING = "monitoring.alerts.keeping.EmailBackend"
LIKE = (
    "EMAIL_URL must be like submission://user:password@mail.example, or like postmark://token@ for"
    " a mail service; see docs/deployment.md."
)
USUAL_TIMEOUT = 10


@dataclass(frozen=True, slots=True)
class Service:
    """A mail service: its class in Anymail, and the settings its user, password and host are."""

    backend: str
    user: str
    password: str = ""
    host: str = ""


SERVICES: Mapping[str, Service] = {
    "brevo": Service("brevo", "BREVO_API_KEY"),
    "mailersend": Service("mailersend", "MAILERSEND_API_TOKEN"),
    "mailgun": Service("mailgun", "MAILGUN_API_KEY", host="MAILGUN_SENDER_DOMAIN"),
    "mailjet": Service("mailjet", "MAILJET_API_KEY", password="MAILJET_SECRET_KEY"),  # noqa: S106
    "postmark": Service("postmark", "POSTMARK_SERVER_TOKEN"),
    "resend": Service("resend", "RESEND_API_KEY"),
    "sendgrid": Service("sendgrid", "SENDGRID_API_KEY"),
    "sparkpost": Service("sparkpost", "SPARKPOST_API_KEY"),
}
# Its own client is large; by SMTP it takes the same mails.
ELSEWHERE = {
    "ses": "Amazon SES is reached by its SMTP address, like "
    "submission://user:password@email-smtp.eu-west-1.amazonaws.com.",
}


@dataclass(frozen=True, slots=True)
class MailSettings:
    """Django's settings for mail; `anymail` are those of a mail service."""

    backend: str
    host: str = ""
    port: int = 25
    user: str = ""
    password: str = ""
    use_tls: bool = False
    use_ssl: bool = False
    timeout: int = USUAL_TIMEOUT
    anymail: Mapping[str, Any] = field(default_factory=dict)


def mail_settings(url: str) -> MailSettings:
    """Return the settings that an EMAIL_URL stands for. Raises ValueError, without its secrets."""
    if url == KEPT:
        return MailSettings(KEEPING)
    scheme = url.partition(":")[0].lower()
    try:
        found = service_settings(urlsplit(url)) if scheme in SERVICES else server_settings(url)
    except (KeyError, ValueError):
        # What is wrong with it may hold its secrets.
        raise ValueError(ELSEWHERE.get(scheme, LIKE)) from None
    if not 1 <= found.timeout <= 30:
        raise ValueError("The timeout of EMAIL_URL must be from 1 to 30 seconds, like 10.")
    return found


def server_settings(url: str) -> MailSettings:
    """Raises KeyError for a scheme that is none of a mail server."""
    found = dj_email_url.parse(url)
    return MailSettings(
        backend=found["EMAIL_BACKEND"],
        host=found["EMAIL_HOST"] or "",
        port=found["EMAIL_PORT"] or 25,
        user=found["EMAIL_HOST_USER"] or "",
        password=found["EMAIL_HOST_PASSWORD"] or "",
        use_tls=found["EMAIL_USE_TLS"],
        use_ssl=found["EMAIL_USE_SSL"],
        timeout=found["EMAIL_TIMEOUT"] or USUAL_TIMEOUT,
    )


def service_settings(parts: SplitResult) -> MailSettings:
    """Raises ValueError for a service without its key, or with what it does not have."""
    service = SERVICES[parts.scheme]
    asked = dict(parse_qsl(parts.query, strict_parsing=bool(parts.query)))
    timeout, address = int(asked.pop("timeout", USUAL_TIMEOUT)), asked.pop("api_url", "")
    given = [
        (service.user, unquote(parts.username or "")),
        (service.password, unquote(parts.password or "")),
        (service.host, parts.hostname or ""),
    ]
    anymail: dict[str, Any] = {name: value for name, value in given if value}
    needed = {service.user, service.password} - {""}
    if asked or "" in anymail or not needed <= anymail.keys():
        raise ValueError(LIKE)
    if address:
        anymail[f"{parts.scheme.upper()}_API_URL"] = address
    # What a service can't do, as pictures in the text, is left out rather than the whole mail.
    anymail |= {"REQUESTS_TIMEOUT": timeout, "IGNORE_UNSUPPORTED_FEATURES": True}
    backend = f"anymail.backends.{service.backend}.EmailBackend"
    return MailSettings(backend, timeout=timeout, anymail=anymail)
