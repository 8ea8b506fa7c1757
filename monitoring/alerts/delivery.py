"""What comes of a try to send a mail. Pure.

A mail server says "not now" (4xx, or nothing at all), and the mail is tried again, each time later,
up to MOST_TRIES times; or it says "never" (5xx), and the mail is given up at once. What it says of
us is held against no mail, whatever its code.
"""

from __future__ import annotations

import smtplib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

# About a day: 1, 2, 4 minutes and so on, then every six hours.
MOST_TRIES = 12
FIRST_WAIT, LONGEST_WAIT = timedelta(minutes=1), timedelta(hours=6)
# So much longer at most, so that what failed together does not come again together.
JITTER = 0.25
# "Say who you are first", at whatever step.
WHO_ARE_YOU = frozenset({530, 535})
# At the sender's address this is about the mail: its size is told there.
TOO_LARGE = 552
# Of one mail, the connection included: the line, a greeting, EHLO, STARTTLS and EHLO again, up to
# three of a sign-in, and MAIL, RCPT, DATA, its end, and QUIT.
WAITS_A_MAIL = 13
# Gone, and too large.
FOR_GOOD = frozenset({410, 413})
# Seconds that one message to a chat or a webhook may take, a little more than it is given.
LONGEST_CALL = 90.0
MAIL = "mail"
# At a time, by channel, so that syncing keeps its workers.
MOST_SENDERS = {MAIL: 2, "chat": 1, "webhook": 1}
# From so many seconds for a message a target is slow, and left alone for so many times as long.
SLOW, RESTS = 3.0, 10
# HTTP statuses of a mail service that are about our access to it, or about its time.
NOT_ABOUT_MAIL = frozenset({401, 402, 403, 404, 407, 408, 425, 429})
# What stands for an answer where there is no mail server (`monitoring.alerts.keeping`).
KEPT_HERE = "Kept here; no mail server is set."
# How what is said begins where there was no server to say anything.
NOT_REACHED = "The mail server could not be reached"
CUT_OFF = "Sending was cut off again and again before the mail server answered."


class Verdict(StrEnum):
    TAKEN = "taken"
    LATER = "later"
    NEVER = "never"


@dataclass(frozen=True, slots=True)
class Answer:
    """What the mail server made of a mail, and what it said.

    `wait`: the seconds for which it asked to be left alone.
    """

    verdict: Verdict
    said: str = ""
    wait: float = 0.0


class ServiceError(Exception):
    """What a mail service answered instead of taking a mail.

    `is_about_mail` is False where it takes no mail of ours now, or could not be reached.
    """

    def __init__(self, said: str, *, is_about_mail: bool) -> None:
        super().__init__(said)
        self.is_about_mail = is_about_mail


def wait_after(tries: int, dice: float) -> timedelta | None:
    """Return how long to wait after so many tries that failed; None when it is enough.

    `dice` is a random number from 0 to 1.
    """
    if tries >= MOST_TRIES:
        return None
    doubled = FIRST_WAIT * 2 ** (max(tries, 1) - 1)
    return min(doubled, LONGEST_WAIT) * (1 + JITTER * dice)


def rest_after(seconds: float) -> timedelta:
    """Return how long a chat or a webhook is left alone that took so long for a message.

    So one that is slow takes up its sender for a tenth of the time, and others have the rest.
    """
    return timedelta(seconds=RESTS * seconds) if seconds >= SLOW else timedelta(0)


def longest_mail(wait: float) -> float:
    """Return the seconds that sending one mail may take where each answer may take `wait`."""
    return WAITS_A_MAIL * wait + 30


def may_join(channel: str, at_work: Mapping[str, int], workers: int) -> bool:
    """Tell whether one more may begin to send a channel's messages, so many being at it.

    A mail server may have two. A chat or a webhook may take its time, so each has one; mails can
    always go out beside them. Otherwise a worker of those on a host is left to other work.
    """
    mine, all_of_them = at_work.get(channel, 0), sum(at_work.values())
    if channel == MAIL and not mine:
        return True
    return mine < MOST_SENDERS[channel] and all_of_them < max(1, workers - 1)


def refuses_us(error: Exception) -> bool:
    """Tell whether an error in the middle of a mail is about the sender, and so about all mails."""
    match error:
        case smtplib.SMTPSenderRefused():
            return error.smtp_code != TOO_LARGE
        case smtplib.SMTPRecipientsRefused():
            return refusal_in(error)[0] in WHO_ARE_YOU
        case smtplib.SMTPResponseException():
            return error.smtp_code in WHO_ARE_YOU
        case ServiceError():
            return not error.is_about_mail
    return False


def is_about_mail(status: int | None) -> bool:
    """Tell whether an HTTP status of a mail service, None for no answer, is about the mail."""
    return status is not None and 400 <= status < 500 and status not in NOT_ABOUT_MAIL


def is_silent(error: Exception) -> bool:
    """Tell whether a server that was there gave no answer in time."""
    # smtplib makes a disconnection of it.
    return isinstance(error, TimeoutError) or isinstance(error.__context__, TimeoutError)


def refusal_in(error: smtplib.SMTPRecipientsRefused) -> tuple[int, bytes]:
    return next(iter(error.recipients.values()), (0, b""))


def answer_to_mail(error: Exception) -> Answer:
    """Return what an error means that sending one mail came to, the server being there."""
    if refuses_us(error):
        return answer_to_call(error)
    match error:
        case smtplib.SMTPRecipientsRefused():
            code, said = refusal_in(error)
            return Answer(verdict_of(code), reply(code, said))
        case smtplib.SMTPSenderRefused() | smtplib.SMTPDataError():
            return Answer(verdict_of(error.smtp_code), reply(error.smtp_code, error.smtp_error))
        case smtplib.SMTPNotSupportedError() | ValueError() | ServiceError():
            # The server cannot take such an address, or none could be made of it.
            return Answer(Verdict.NEVER, told(error))
    return Answer(Verdict.LATER, told(error))


def answer_to_call(error: Exception) -> Answer:
    """Return what an error means that kept the server from taking any mail of ours.

    It says nothing about the mail, whatever its code: mail and address may be all right.
    """
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        return Answer(Verdict.LATER, reply(*refusal_in(error)))
    if isinstance(error, smtplib.SMTPResponseException):
        return Answer(Verdict.LATER, reply(error.smtp_code, error.smtp_error))
    if isinstance(error, ServiceError):
        return Answer(Verdict.LATER, told(error))
    return Answer(Verdict.LATER, f"{NOT_REACHED}: {told(error)}")


def answer_to_request(status: int | None, body: str, error: str, retry_after: float) -> Answer:
    """Return what a web server made of a message: its status, or an error instead of one.

    410 says that nobody will ever be there again, 413 that the message is too large. All else may
    be put right meanwhile, even a wrong address or a lapsed permission, so it is tried again.
    """
    if status is None:
        return Answer(Verdict.LATER, error)
    said = f"{status} {body}".strip()
    if 200 <= status < 300:
        return Answer(Verdict.TAKEN, said)
    if 300 <= status < 400:
        return Answer(Verdict.LATER, f"{status}: it sends us elsewhere, where we do not follow.")
    return Answer(Verdict.NEVER if status in FOR_GOOD else Verdict.LATER, said, retry_after)


def verdict_of(code: int) -> Verdict:
    return Verdict.NEVER if 500 <= code < 600 else Verdict.LATER


def reply(code: int, said: bytes | str) -> str:
    text = said.decode(errors="replace") if isinstance(said, bytes) else said
    return f"{code} {text}".strip()


def told(error: Exception) -> str:
    return str(error) or type(error).__name__
