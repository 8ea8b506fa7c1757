"""The facts of an error: what the provider really said, taken from a raw response or exception."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from email.utils import parsedate_to_datetime

from monitoring.errors.reading import (
    CODE_KEYS,
    LETTERS,
    SENTENCE_KEYS,
    Reading,
    normalized,
    read_body,
    text_pairs,
    without_quoting,
)
from syncing.reports import RawError

__all__ = ["ErrorFacts", "RawError", "extract_facts"]

MAX_MESSAGE = 500
MAX_TEXT = 6_000
MAX_CODES = 20
MAX_NAMES = 2_000
MAX_NAME = 80
MAX_NUMBERS = 20
MAX_SENTENCES = 3
MAX_HEADER = 2_000
LONGEST_WAIT = 31 * 86_400

# Codes that say only that something went wrong elsewhere: a code beside them is the cause.
ECHOES = frozenset(
    {"UNKNOWN_EXCEPTION", "PROCESSING_HALTED", "ALL_OR_NONE_OPERATION_ROLLED_BACK", "API_ERROR"}
)

WORD = re.compile(r"[A-Za-z][\w.-]{1,79}")
UPPER = re.compile(r"[A-Z][A-Z0-9]*+(?:_[A-Z0-9]++)++")
LOWER = re.compile(r"[a-z]++(?:_[a-z]++)++")
NAME = re.compile(r"\w{1,120}+")
# A code stands where a cause stands: after a sign, a status or a word for it, and before a sign
# or the end. In a sentence under a key only the codes of Salesforce and those in parentheses
# name a cause.
AFTER_SIGN = re.compile(r"(?:\A|[^\w\s][ ]?)\Z")
AFTER_CAUSE = re.compile(
    r"(?:\A|[^\w\s][ ]?|\d{3}[ ]|\n|\b(?:code|error|exception|reason|fault)[ ])\Z", re.IGNORECASE
)
BEFORE_SIGN = re.compile(r"[ ]?[:,;)\]}\"'<|&]|[ ]-[ ]|\.[ ]|[.!]?[ ]?(?:\Z|\n)")
LOOK_BACK = 12
# Google's reasons look like any name in a program, so they count only where clients print them.
CAMEL = r"[a-z]{1,40}+(?:[A-Z][a-z]*+)++"
LOOSE_REASON = re.compile(rf"(?:^|\d{{3}}:?[ ]|[ ]-[ ])({CAMEL})(?=[ ]-[ ]|[.!]?[ ]?(?:\Z|\n))")
LAST_REASON = re.compile(r"[a-z]{2,40}+(?:[A-Z][a-z]*+)*+")
NUMBERED = re.compile(r"error:? [345]\d\d: ", re.IGNORECASE)
NUMBER = re.compile(r"[345](?<![\d.,-][345])\d\d(?![\d,])")
BEFORE_STATUS = re.compile(
    r"(?:\A\W{0,3}+|[\[(]"
    r"|(?:error|fehler|erreur|errore|erro|fout|hata|ошибка|エラー|错误|錯誤|오류|status|code|failed"
    r"|http/\d(?:\.\d)?)[\"']?\s?[:=]?\s?[(\[]?(?:code: )?)\Z"
)
OUTAGE_PAGE = re.compile(
    r"\b(?:maintenance|unavailable|overloaded|too many requests|server error|bad gateway|upstream"
    r"|gateway time-?out|be back (?:shortly|soon)|5\d\d (?:\(server|error)|error (?:code )?5\d\d)\b"
)
TRY_AGAIN = re.compile(r"(?:try again in|retry after|retry in) (\d{1,6}+)(?:\.\d{1,9}+)? ?s")
SECONDS = re.compile(r"(\d{1,19}+)(?:\.\d{1,9}+)?s?\Z")


@dataclass(frozen=True, slots=True)
class ErrorFacts:
    """What an error says, in one form whatever it came in.

    status       the HTTP status; where the client lost it, the one its text names
    code         the code of the innermost cause as the provider writes it, or ""
    subcode      a second code of the same level (an OAuth subtype, Google's ErrorInfo), or ""
    message      the provider's sentence, at most MAX_MESSAGE characters
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
    message: str
    retry_after: int | None
    operation: str
    causes: tuple[tuple[str, ...], ...]
    text: str
    whole: bool
    outage: bool


def extract_facts(raw: RawError) -> ErrorFacts:
    """Find code, subcode, sentence, status and wait in a raw error. Pure and total."""
    reading = read_body(raw.body)
    pairs = reading.pairs
    if raw.headers:
        pairs = (*pairs, *challenge_pairs(raw.headers))
    text = bounded(normalized(reading.text))
    causes = find_causes(pairs, reading.text)
    first = causes[0] if causes else ()
    status = raw.status if raw.status is not None else status_in(text)
    return ErrorFacts(
        provider=raw.provider,
        channel=raw.channel,
        status=status,
        code=first[0] if first else "",
        subcode=first[1] if len(first) > 1 else "",
        message=sentence_of(reading, pairs),
        retry_after=find_wait(raw.headers, pairs, text),
        operation=raw.operation,
        causes=causes,
        text=text,
        whole=reading.whole,
        outage=is_trouble(status) or (reading.page and OUTAGE_PAGE.search(text) is not None),
    )


def is_trouble(status: int | None) -> bool:
    """Tell if a status says that the answering side can't answer now, whatever was asked."""
    return status is not None and (status == 429 or 500 <= status <= 599)


def find_causes(pairs: tuple[tuple[str, str], ...], text: str) -> tuple[tuple[str, ...], ...]:
    """Return the codes of each level, innermost first.

    The structure gives the outermost level. A sentence in it may name a deeper one: a trigger's
    error holds the code of what stopped the trigger. Without structure all codes are in the text.
    """
    stated = stated_codes(pairs)
    sentences = [value for key, value in pairs if key in SENTENCE_KEYS][:MAX_SENTENCES]
    quoted = [codes for sentence in sentences if (codes := quoted_codes(sentence))]
    if stated:
        named = [code for sentence in sentences for code in nested_codes(sentence)]
        levels = [(code,) for code in reversed(named) if code not in stated] + [stated]
    else:
        levels = [(code,) for code in reversed(loose_codes(text))]
    if quoted:
        levels = [*reversed(quoted), *levels]
    unique = tuple(dict.fromkeys(levels))
    if len(unique) < 2:
        return unique
    return tuple(sorted(unique, key=lambda level: level[0] in ECHOES))


def stated_codes(pairs: tuple[tuple[str, str], ...]) -> tuple[str, ...]:
    """Return the codes that the structure states, most telling first, without repeats."""
    named: list[str] = []
    reasons: list[str] = []
    errors: list[str] = []
    subtypes: list[str] = []
    words: list[str] = []
    kinds = {"reason": reasons, "error": errors, "error_subtype": subtypes, "status": words}
    for key, value in pairs:
        kind = named if key in CODE_KEYS else kinds.get(key)
        if kind is not None and is_code(value) and (kind is not words or value.isupper()):
            kind.append(value.rpartition(":")[2])
    named.sort(key=ECHOES.__contains__)
    return tuple(dict.fromkeys((*named[:1], *reasons[:2], *errors[:1], *subtypes[:1], *words[:1])))


def is_code(value: str) -> bool:
    return WORD.fullmatch(value.removeprefix("sf:")) is not None


def quoted_codes(sentence: str) -> tuple[str, ...]:
    """Return the codes of another answer that a sentence quotes, as programs that relay one do."""
    if "{" not in sentence or '"' not in sentence:
        return ()
    return stated_codes(tuple(text_pairs(without_quoting(sentence))))


def nested_codes(sentence: str) -> list[str]:
    """Return the codes that a sentence names as a cause, in reading order."""
    return [
        name
        for name, before, end in joined_names(sentence)
        if (UPPER.fullmatch(name) and AFTER_SIGN.search(before) and BEFORE_SIGN.match(sentence, end))
        or (LOWER.fullmatch(name) and before.endswith("(") and sentence.startswith(")", end))
    ][:MAX_CODES]


def loose_codes(text: str) -> list[str]:
    """Return the codes in a text without structure, in reading order."""
    codes = [
        name
        for name, before, end in joined_names(text)
        if (UPPER.fullmatch(name) or LOWER.fullmatch(name))
        and AFTER_CAUSE.search(before)
        and BEFORE_SIGN.match(text, end)
    ]
    return codes[:MAX_CODES] or loose_reasons(text)


def joined_names(text: str) -> Iterator[tuple[str, str, int]]:
    """Yield each name that is joined by underscores, what stands before it, and where it ends."""
    found, end = text.find("_"), 0
    for _ in range(MAX_NAMES):
        if found < 0:
            return
        before = text[max(end, found - MAX_NAME) : found]
        start = found - len(before) + len(before.rstrip(LETTERS))
        name = NAME.match(text, start)
        end = name.end() if name else found + 1
        yield text[start:end], text[max(0, start - LOOK_BACK) : start], end
        found = text.find("_", end)


def loose_reasons(text: str) -> list[str]:
    """Return Google's reasons in a text, as GAM and the clients for Go and Apps Script print them."""
    if " - " in text or text.isalnum():
        found = zip(LOOSE_REASON.finditer(text), range(MAX_CODES), strict=False)
        if reasons := [match[1] for match, _ in found]:
            return reasons
    for sign in (", ", " - "):
        rest, _, word = text.rstrip().rpartition(sign)
        if LAST_REASON.fullmatch(word) and NUMBERED.search(rest):
            return [word]
    return []


def sentence_of(reading: Reading, pairs: tuple[tuple[str, str], ...]) -> str:
    """Return the provider's sentence: the first under a key for sentences, else the text."""
    sentences = (value for key, value in pairs if key in SENTENCE_KEYS and value.strip())
    sentence = next(sentences, reading.text)
    return " ".join(sentence[: 8 * MAX_MESSAGE].replace("\x00", "").split())[:MAX_MESSAGE]


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
        if BEFORE_STATUS.search(text[max(0, number.start() - 24) : number.start()]):
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


def bounded(text: str) -> str:
    """Keep both ends of the text that rules look at."""
    if len(text) <= MAX_TEXT:
        return text
    return f"{text[: MAX_TEXT // 2]} {text[-MAX_TEXT // 2 :]}"
