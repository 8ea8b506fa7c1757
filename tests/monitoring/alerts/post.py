"""A real mail server on loopback, which takes what it is sent or answers as it is told."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from synccenter.demo.processes import free_port

TAKEN = "250 Taken"
# An answer that cuts the line instead.
HANG_UP = "hang up"
# No answer, for longer than anybody waits.
SILENCE = "silence"


class Post:
    """What arrived, in order. `answers`: by recipient, what comes of RCPT and of DATA."""

    def __init__(self) -> None:
        self.taken: list[Envelope] = []
        self.sessions: set[Any] = set()
        # Of MAIL FROM: what comes of every mail of ours.
        self.to_sender = TAKEN
        self.to_recipient: dict[str, str] = {}
        self.to_data: defaultdict[str, list[str]] = defaultdict(list)
        self.at_data: Callable[[], None] = lambda: None

    async def handle_MAIL(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if self.to_sender.startswith("2"):
            envelope.mail_from = address
            envelope.mail_options.extend(options)
        return self.to_sender

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        answer = self.to_recipient.get(address, TAKEN)
        if answer.startswith("2"):
            envelope.rcpt_tos.append(address)
        return answer

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        self.sessions.add(session.peer)
        self.at_data()
        answers = self.to_data[envelope.rcpt_tos[0]]
        answer = answers.pop(0) if answers else TAKEN
        if answer == SILENCE:
            await asyncio.sleep(60)
        if answer == HANG_UP:
            server.transport.abort()
        elif answer.startswith("2"):
            self.taken.append(envelope)
        return answer

    @property
    def mails(self) -> list[EmailMessage]:
        """What arrived, as a mail program reads it."""
        return [read(envelope.content or b"") for envelope in self.taken]

    @property
    def recipients(self) -> list[str]:
        return [address for envelope in self.taken for address in envelope.rcpt_tos]


def read(content: bytes | str) -> EmailMessage:
    raw = content.encode() if isinstance(content, str) else content
    return message_from_bytes(raw, policy=policy.default)


@contextmanager
def post_office(post: Post) -> Iterator[int]:
    """Run the server, and give its port."""
    port = free_port()
    server = Controller(post, hostname="127.0.0.1", port=port, server_hostname="post.test")
    server.start()
    try:
        yield port
    finally:
        server.stop()
