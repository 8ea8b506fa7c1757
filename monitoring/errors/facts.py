"""The facts of an error: what the provider really said, taken from a raw response or exception."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from email.utils import parsedate_to_datetime

import msgspec

from monitoring.errors.causes import find_causes
from monitoring.errors.reading import SENTENCE_KEYS, Reading, normalized, read_body, text_pairs
from syncing.reports import RawError

__all__ = ["ErrorFacts", "RawError", "extract_facts"]

MAX_MESSAGE = 500
MAX_TEXT = 6_000
MAX_NUMBERS = 20
MAX_HEADER = 2_000
LONGEST_WAIT = 31 * 86_400
GATEWAY = frozenset({"502", "503", "504"})

NUMBER = re.compile(r"[345](?<![\d.,-][345])\d\d(?![\d,])")
BEFORE_STATUS = re.compile(
    r"(?:\A\W{0,3}+|[\[(]"
    r"|(?:error|fehler|erreur|errore|erro|fout|hata|ошибка|エラー|错误|錯誤|오류|status|code|failed"
    r"|response|returned|http/\d(?:\.\d)?)[\"']?\s?[:=]?\s?[(\[\"']?(?:code: )?)\Z"
)
REASON_PHRASE = re.compile(
    r" (?:client error|server error|bad request|unauthorized|forbidden|not found|too many requests"
    r"|internal server error|bad gateway|service unavailable|service temporarily unavailable"
    r"|gateway time-?out)\b"
)
OUTAGE_WORDS = (
    "maintenance",
    "unavailable",
    "overloaded",
    "too many requests",
    "server error",
    "bad gateway",
    "gateway time",
    "upstream",
    "be back shortly",
    "be back soon",
)
TRY_AGAIN = re.compile(r"(?:try again in|retry after|retry in) (\d{1,6}+)(?:\.\d{1,9}+)? ?s")
SECONDS = re.compile(r"(\d{1,19}+)(?:\.\d{1,9}+)?s?\Z")


# Structs are made several times faster than dataclasses, and one is made for each error.
class ErrorFacts(msgspec.Struct, frozen=True):
    """What an error says, in one form whatever it came in.

    status       the HTTP status; where the client lost it, the one its text names
    code         the code of the innermost cause as the provider writes it, or ""
    subcode      a second code of the same level (an OAuth subtype, Google's ErrorInfo), or ""
    sentence     the provider's sentence as it came; `message` is how it is shown
    retry_after  seconds the provider asked us to wait, or None
    causes       the codes of each level, innermost first
    text         all that can be read, lower case and without markup: what rules look at
    whole        whether the end of the body was seen; a cut body may hide the innermost cause
    outage       whether whoever answered was in trouble: a status of 429 or of the 500s, or a
                 page that speaks of maintenance or overload
    """

    provider: str
    channel: str
    status: int | None
    code: str
    subcode: str
    sentence: str
    retry_after: int | None
    operation: str
    causes: tuple[tuple[str, ...], ...]
    text: str
    whole: bool
    outage: bool

    @property
    def message(self) -> str:
        """The provider's sentence on one line, at most MAX_MESSAGE characters."""
        sentence = self.sentence[: 4 * MAX_MESSAGE].replace("\x00", "")
        return " ".join(sentence.split())[:MAX_MESSAGE]


def extract_facts(raw: RawError) -> ErrorFacts:
    """Find code, subcode, sentence, status and wait in a raw error. Pure and total."""
    reading = read_body(raw.body)
    pairs = reading.pairs
    if raw.headers:
        pairs = (*pairs, *challenge_pairs(raw.headers))
    text = normalized(reading.text)
    if len(text) > MAX_TEXT:
        text = f"{text[: MAX_TEXT // 2]} {text[-MAX_TEXT // 2 :]}"
    status = raw.status if raw.status is not None else status_in(text)
    outage = is_trouble(status) or (reading.page and tells_of_trouble(text))
    # What looks like a code on the page of an outage is at best a quotation.
    causes = () if outage and reading.page else find_causes(pairs, reading.text)
    first = causes[0] if causes else ()
    return ErrorFacts(
        provider=raw.provider,
        channel=raw.channel,
        status=status,
        code=first[0] if first else "",
        subcode=first[1] if len(first) > 1 else "",
        sentence=sentence_of(reading, pairs),
        retry_after=find_wait(raw.headers, pairs, text),
        operation=raw.operation,
        causes=causes,
        text=text,
        whole=reading.whole,
        outage=outage,
    )


def is_trouble(status: int | None) -> bool:
    """Tell if a status says that the answering side can't answer now, whatever was asked."""
    return status is not None and (status == 429 or 500 <= status <= 599)


def tells_of_trouble(page: str) -> bool:
    """Tell if a page says that whoever shows it can't answer now."""
    return any(words in page for words in OUTAGE_WORDS) or is_trouble(status_in(page))


def sentence_of(reading: Reading, pairs: tuple[tuple[str, str], ...]) -> str:
    """Return the provider's sentence: the first under a key for sentences, else the text."""
    for key, value in pairs:
        if key in SENTENCE_KEYS and value.strip():
            return value
    return reading.text


def challenge_pairs(headers: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    """Read the error named by a WWW-Authenticate header (RFC 6750, section 3)."""
    challenge = header(headers, "www-authenticate")[:MAX_HEADER]
    return tuple(text_pairs(challenge))


def header(headers: Mapping[str, str], name: str) -> str:
    """Return a header whatever its case, "" where it is missing."""
    return next((str(value) for key, value in headers.items() if key.lower() == name), "")


def status_in(text: str) -> int | None:
    """Return the HTTP status that a text names, if it names one."""
    for number, _ in zip(NUMBER.finditer(text), range(MAX_NUMBERS), strict=False):
        before = text[max(0, number.start() - 24) : number.start()]
        if (
            BEFORE_STATUS.search(before)
            or REASON_PHRASE.match(text, number.end())
            or (number[0] in GATEWAY and before.endswith(": "))
        ):
            return int(number[0])
    return None


def find_wait(
    headers: Mapping[str, str], pairs: tuple[tuple[str, str], ...], text: str
) -> int | None:
    """Return the seconds the provider asked for: Retry-After, RetryInfo, or its sentence."""
    wait = header_wait(headers) if headers else None
    if wait is None:
        wait = body_wait(pairs, text)
    return None if wait is None else min(max(wait, 0), LONGEST_WAIT)


def body_wait(pairs: tuple[tuple[str, str], ...], text: str) -> int | None:
    """Read the wait that a body names: a RetryInfo of Google, or "try again in 30 seconds"."""
    for key, value in pairs:
        if key == "retrydelay" and (seconds := SECONDS.match(value)):
            return int(seconds[1])
    if ("again in" in text or "retry" in text) and (sentence := TRY_AGAIN.search(text)):
        return int(sentence[1])
    return None


def header_wait(headers: Mapping[str, str]) -> int | None:
    """Read Retry-After: seconds, or a date, which counts from the response's own Date."""
    value = header(headers, "retry-after").strip()
    if not value:
        return None
    if seconds := SECONDS.match(value):
        return int(seconds[1])
    until, since = http_date(value), http_date(header(headers, "date"))
    return int((until - since).total_seconds()) if until and since else None


def http_date(value: str) -> datetime | None:
    """Read a date of HTTP; None where it is none, or names no zone."""
    try:
        moment = parsedate_to_datetime(value[:60])
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return moment if moment.tzinfo else None
