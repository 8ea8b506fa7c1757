"""The codes of an error, by the level at which they stand: the innermost is the cause."""

from __future__ import annotations

import re
from collections.abc import Iterator

from monitoring.errors.reading import (
    CODE_KEYS,
    LETTERS,
    SENTENCE_KEYS,
    text_pairs,
    without_quoting,
)

MAX_CODES = 20
MAX_NAMES = 2_000
MAX_NAME = 80
MAX_SENTENCES = 3
MAX_REASON = 60

# Codes that say only that something went wrong elsewhere: a code beside them is the cause.
ECHOES = frozenset(
    {"UNKNOWN_EXCEPTION", "PROCESSING_HALTED", "ALL_OR_NONE_OPERATION_ROLLED_BACK", "API_ERROR"}
)

# How telling a code is, by its key.
PLACES = dict.fromkeys(CODE_KEYS, 0) | {"reason": 1, "error": 2, "error_subtype": 3, "status": 4}
WORD = re.compile(r"[A-Za-z][\w.-]{1,79}")
UPPER = re.compile(r"[A-Z][A-Z0-9]*+(?:_[A-Z0-9]++)++")
LOWER = re.compile(r"[a-z]++(?:_[a-z]++)++")
NAME = re.compile(r"\w{1,120}+")
# A code stands where a cause stands: after a sign, a status or a word for it, and before a sign
# or the end. In a sentence under a key only the codes of Salesforce and those in parentheses
# name a cause.
CAUSE_WORDS = ("code", "error", "exception", "reason", "fault")
BEFORE_SIGN = re.compile(r"[ ]?[:,;)\]}\"'`<|&]|[ ]-[ ]|\.[ ]|[.!]?[ ]{0,3}(?:\Z|\n)")
LOOK_BACK = 12
# Google's reasons look like any name in a program, so they count only where clients print them.
CAMEL = r"[a-z]{1,40}+(?:[A-Z][a-z]*+)++"
LOOSE_REASON = re.compile(rf"(?:^|\d{{3}}:?[ ]|[ ]-[ ])({CAMEL})(?=[ ]-[ ]|[.!]?[ ]?(?:\Z|\n))")
LAST_REASON = re.compile(r"[a-z]{2,40}+(?:[A-Z][a-z]*+)*+")
NUMBERED = re.compile(r"error:? [345]\d\d: ", re.IGNORECASE)


def find_causes(pairs: tuple[tuple[str, str], ...], text: str) -> tuple[tuple[str, ...], ...]:
    """Return the codes of each level, innermost first.

    The structure gives the outermost level. A sentence in it may name a deeper one: a trigger's
    error holds the code of what stopped the trigger. Without structure all codes are in the text.
    """
    stated = stated_codes(pairs)
    levels: list[tuple[str, ...]]
    levels = [stated] if stated else [(code,) for code in loose_codes(text)]
    sentences = [value for key, value in pairs if key in SENTENCE_KEYS] if pairs else []
    for sentence in sentences[:MAX_SENTENCES] if stated else ():
        if "_" in sentence:
            levels.extend([(code,) for code in nested_codes(sentence) if code not in stated])
    for sentence in sentences[:MAX_SENTENCES]:
        if "{" in sentence and (quoted := quoted_codes(sentence)):
            levels.append(quoted)
    if len(levels) < 2:
        return tuple(levels)
    levels.reverse()
    return tuple(sorted(dict.fromkeys(levels), key=lambda level: level[0] in ECHOES))


def stated_codes(pairs: tuple[tuple[str, str], ...]) -> tuple[str, ...]:
    """Return the codes that the structure states, most telling first, without repeats."""
    if not pairs:
        return ()
    found: tuple[list[str], ...] = ([], [], [], [], [])
    for key, value in pairs:
        place = PLACES.get(key)
        if place is not None and is_code(value) and (key != "status" or value.isupper()):
            found[place].append(value.rpartition(":")[2])
    named, reasons, errors, subtypes, words = found
    if len(named) > 1:
        named.sort(key=ECHOES.__contains__)
    return tuple(dict.fromkeys((*named[:1], *reasons[:2], *errors[:1], *subtypes[:1], *words[:1])))


def is_code(value: str) -> bool:
    return WORD.fullmatch(value.removeprefix("sf:")) is not None


def quoted_codes(sentence: str) -> tuple[str, ...]:
    """Return the codes of another answer that a sentence quotes, as programs that relay one do."""
    return stated_codes(tuple(text_pairs(without_quoting(sentence))))


def nested_codes(sentence: str) -> list[str]:
    """Return the codes that a sentence names as a cause, in reading order."""
    codes = []
    for name, before, end in joined_names(sentence):
        if UPPER.fullmatch(name):
            if is_after_sign(before) and BEFORE_SIGN.match(sentence, end):
                codes.append(name)
        elif before.endswith("(") and sentence.startswith(")", end) and LOWER.fullmatch(name):
            codes.append(name)
    return codes[:MAX_CODES]


def loose_codes(text: str) -> list[str]:
    """Return the codes in a text without structure, in reading order."""
    codes = []
    for name, before, end in joined_names(text) if "_" in text else ():
        shape = UPPER if name.isupper() else LOWER
        if shape.fullmatch(name) and is_after_cause(before) and BEFORE_SIGN.match(text, end):
            codes.append(name)
    return codes[:MAX_CODES] or loose_reasons(text)


def is_after_sign(before: str) -> bool:
    """Tell if a text ends with a sign, at most one space behind it, or is empty."""
    if not before or not is_wordlike(before[-1]):
        return True
    return before[-1] == " " and len(before) > 1 and not is_wordlike(before[-2])


def is_wordlike(sign: str) -> bool:
    return sign.isalnum() or sign == "_" or sign.isspace()


def is_after_cause(before: str) -> bool:
    """Tell if a text ends as one does before a code: with a sign, a line, a status or a word."""
    if is_after_sign(before) or before[-1] == "\n":
        return True
    return before[-1] == " " and (
        before[-4:-1].isdigit() or before[:-1].lower().endswith(CAUSE_WORDS)
    )


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
    """Return Google's reasons in a text, as GAM and Google's client for Go print them."""
    if " - " in text or text.isalnum():
        found = zip(LOOSE_REASON.finditer(text), range(MAX_CODES), strict=False)
        if reasons := [match[1] for match, _ in found]:
            return reasons
    word = text[-MAX_REASON:].rstrip().rpartition(" ")[2]
    if LAST_REASON.fullmatch(word) and NUMBERED.search(text):
        rest = text.rstrip().removesuffix(word)
        return [word] if rest.endswith((", ", " - ")) else []
    return []
