from __future__ import annotations

import re
from importlib import import_module

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synccenter.mail_url import KEEPING, KEPT, LIKE, SERVICES, MailSettings, mail_settings

SMTP = "django.core.mail.backends.smtp.EmailBackend"


def test_without_a_server_mails_are_kept_here() -> None:
    assert mail_settings(KEPT) == MailSettings(KEEPING)


def test_a_mail_server_is_told_by_its_address() -> None:
    server = mail_settings("submission://ada%40acme.example:s%3Acret@mail.acme.example?timeout=20")
    assert server == MailSettings(
        SMTP, "mail.acme.example", 587, "ada@acme.example", "s:cret", use_tls=True, timeout=20
    )
    assert mail_settings("smtp://mail.acme.example") == MailSettings(SMTP, "mail.acme.example")
    assert mail_settings("smtp://mail.acme.example?ssl=true").use_ssl


def test_a_mail_service_is_told_by_its_key() -> None:
    service = mail_settings("postmark://t%2Foken@")
    assert service.backend == "anymail.backends.postmark.EmailBackend"
    assert service.anymail == {
        "POSTMARK_SERVER_TOKEN": "t/oken",
        "REQUESTS_TIMEOUT": 10,
        "IGNORE_UNSUPPORTED_FEATURES": True,
    }


def test_a_service_may_want_more_than_a_key() -> None:
    mailgun = mail_settings("mailgun://Key@mg.acme.example?api_url=https%3A//api.eu.example/v3")
    assert mailgun.anymail["MAILGUN_API_KEY"] == "Key"
    assert mailgun.anymail["MAILGUN_SENDER_DOMAIN"] == "mg.acme.example"
    assert mailgun.anymail["MAILGUN_API_URL"] == "https://api.eu.example/v3"
    mailjet = mail_settings("mailjet://key:secret@?timeout=5")
    assert mailjet.anymail["MAILJET_SECRET_KEY"] == "secret"
    assert (mailjet.timeout, mailjet.anymail["REQUESTS_TIMEOUT"]) == (5, 5)


@pytest.mark.parametrize("scheme", SERVICES)
def test_every_service_is_one_that_anymail_knows(scheme: str) -> None:
    service = SERVICES[scheme]
    found = mail_settings(f"{scheme}://key{':secret' if service.password else ''}@")
    module, _, name = found.backend.rpartition(".")
    assert getattr(import_module(module), name).esp_name.lower() == scheme


@pytest.mark.parametrize(
    "url",
    [
        "mail.acme.example",
        "",
        "telnet://mail.acme.example",
        "postmark://",
        "postmark://:secret@",
        "postmark://key:secret@",
        "postmark://key@mail.acme.example",
        "postmark://key@?region=eu",
        "postmark://key@?timeout=soon",
        "mailjet://key@",
        "smtp://[mail",
        "smtp://mail.acme.example:port",
    ],
)
def test_an_address_of_nothing_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(LIKE)}$"):
        mail_settings(url)


def test_of_ses_its_smtp_address_is_asked_for() -> None:
    with pytest.raises(ValueError, match=r"reached by its SMTP address"):
        mail_settings("ses://key:secret@eu-west-1")


@pytest.mark.parametrize("timeout", [-1, 31, 600])
def test_nobody_is_waited_for_longer_than_a_worker_can(timeout: int) -> None:
    for url in ("smtp://mail.acme.example", "postmark://key@"):
        with pytest.raises(ValueError, match=r"from 1 to 30 seconds"):
            mail_settings(f"{url}?timeout={timeout}")


@given(st.text(max_size=40))
def test_whatever_is_refused_is_not_told(rest: str) -> None:
    # Without what ends the key in the address there is none.
    with pytest.raises(ValueError, match=r"^EMAIL_URL must be like") as refused:
        mail_settings(f"postmark://{rest.replace('@', '')}secretword")
    assert "secretword" not in str(refused.value)
    assert refused.value.__cause__ is None
