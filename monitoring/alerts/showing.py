"""What the console may show of a mail: all of it but the links that open something."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

from django.conf import settings

from monitoring.alerts.mails import Mail
from monitoring.alerts.models import Message
from monitoring.alerts.outbox import mail_and_base

CUT = "\N{HORIZONTAL ELLIPSIS}"
CONSOLE = "(?:o|alerts|incidents)/"


def mail_shown(message: Message) -> Mail:
    """Return what a message says, for the eyes of the console.

    Links that open something to whoever has them are cut off, unless OUTBOX_SHOWS_LINKS is set.
    Raises CredentialUnreadableError.
    """
    mail, base = mail_and_base(message)
    if settings.OUTBOX_SHOWS_LINKS:
        return mail
    # The address that was ours then: its links may open something to this day.
    cut = secrets_cut_from(base)
    return replace(mail, subject=cut(mail.subject), text=cut(mail.text), html=cut(mail.html))


def secrets_cut_from(base: str) -> Callable[[str], str]:
    """Return what takes the secrets out of a text's links to the service at `base`. Pure.

    The pages of the console ask for a sign-in. Of any other address only the first part of the
    path is left, so that a new kind of link is hidden before anybody thinks of it.
    """
    link = re.compile(
        rf"({re.escape(base.rstrip('/'))}/(?!{CONSOLE}))([\w.-]{{0,12}}[/?\#])?[^\s\"'<>]+",
        re.IGNORECASE,
    )
    return lambda text: link.sub(lambda found: f"{found[1]}{found[2] or ''}{CUT}", text)
