"""A mail backend that delivers nowhere: mails stay in the outbox, where the console shows them.

For a demo, and for a service that has no mail server yet (EMAIL_URL).
"""

from __future__ import annotations

from collections.abc import Sequence

from django.core.mail import EmailMessage
from django.core.mail.backends import console

from monitoring.alerts.delivery import KEPT_HERE
from monitoring.alerts.outgoing import OutboxMail


class EmailBackend(console.EmailBackend):
    """Takes every mail. One that has no row in the outbox is printed: it would be lost."""

    answer = KEPT_HERE

    def send_messages(self, email_messages: Sequence[EmailMessage]) -> int:
        others = [mail for mail in email_messages if not isinstance(mail, OutboxMail)]
        super().send_messages(others)
        return len(email_messages)
