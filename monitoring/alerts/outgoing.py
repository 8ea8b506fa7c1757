"""From a row of the outbox to the mail that goes out, each letter of whose header is as it was.

A text such as "=?utf-8?q?Ada?=" is an encoded word (RFC 2047): whoever reads it in a header decodes
it, so that a name could say something else, or break the mail. Where we write the header it is
encoded itself, and read back as those letters. Services that take mails by HTTP write theirs, each
in a way of its own; they are given it with a blank in it, which none takes for an encoded word.
"""

from __future__ import annotations

from email.header import Header
from email.mime.image import MIMEImage
from email.utils import formataddr, quote
from typing import Any

from django.core.mail import EmailMultiAlternatives
from django.utils.encoding import punycode

from monitoring.alerts.mails import Mail, Picture
from monitoring.alerts.models import Message
from monitoring.alerts.outbox import mail_in

# Of every mail: who is on holiday need not answer it.
HEADERS = {"Auto-Submitted": "auto-generated", "X-Auto-Response-Suppress": "OOF, AutoReply"}
# How an encoded word begins.
ENCODED = "=?"


def header_text(name: str, text: str) -> str:
    """Return a line as it stands in the header of a name, to be read back as it is. Pure."""
    if text.isascii() and ENCODED not in text:
        return text
    return Header(text, "utf-8", header_name=name).encode()


def named(name: str, address: str) -> str:
    """Return an address with a name as they stand in a header. Pure.

    Raises ValueError for an address that needs more than ASCII.
    """
    return formataddr((header_text("To", name), address))


def plainly_named(name: str, address: str) -> str:
    """Return the same in any script, to be encoded by others. Pure."""
    return f'"{quote(name)}" <{address}>' if name else address


def undone(text: str) -> str:
    """Return a line in which nobody finds an encoded word, whoever encodes it. Pure."""
    return text.replace(ENCODED, "= ?")


class OutboxMail(EmailMultiAlternatives):
    """A mail that has a row in the outbox. Whatever is attached is a picture of its HTML.

    What `message()` writes goes to a mail server; a mail service is told `subject` and `to`.
    """

    mixed_subtype = "related"

    def __init__(self, content: Mail, name: str, address: str, message_id: str) -> None:
        """Raises ValueError for an address that can't be one."""
        box, _, domain = address.rpartition("@")
        self.address = f"{box}@{punycode(domain)}"
        self.written = {
            "Subject": header_text("Subject", content.subject),
            "To": named(name, self.address),
        }
        super().__init__(
            subject=undone(content.subject),
            body=content.text,
            to=[plainly_named(undone(name), self.address)],
            headers={**content.headers, **HEADERS, "Message-ID": message_id},
        )
        self.attach_alternative(content.html, "text/html")
        for picture in content.pictures:
            self.attach(inline(picture))

    def recipients(self) -> list[str]:
        """Return whom it goes to, without the name: Django would decode that."""
        return [self.address]

    def message(self, **options: Any) -> Any:
        mail = super().message(**options)
        for name, value in self.written.items():
            mail.replace_header(name, value)
        return mail


def mail_to_send(message: Message) -> OutboxMail:
    """Return the mail of a message.

    Raises CredentialUnreadableError, and ValueError for an address that can't be one.
    """
    return OutboxMail(
        mail_in(message), message.recipient_name, message.recipient, message.message_id
    )


def inline(picture: Picture) -> MIMEImage:
    image = MIMEImage(picture.png, "png")
    image.add_header("Content-ID", f"<{picture.cid}>")
    image.add_header("Content-Disposition", "inline", filename=f"{picture.cid}.png")
    return image
