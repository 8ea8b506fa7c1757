"""Signatures: short texts by which errors of one kind are grouped, with what is private masked."""

from __future__ import annotations

import re

from monitoring.errors.facts import ErrorFacts
from monitoring.errors.reading import normalized

MAX_SIGNATURE = 200
MAX_MASKED = 240

# Providers repeat the value they refuse, which may be the subject of somebody's event.
REPEATED_VALUE = re.compile(
    r"(value too large:|picklist field:|email address:|invalid value for:|invalid format:"
    r"|invalid date:|invalid datetime:|incorrect type:|value on record:"
    r"|\b(?:subject|title|summary)[:=](?! data value too large:)) ?.+"
)
# Quotes that open and close differently, whatever other quotes stand between them.
FINE_QUOTED = re.compile(
    r"«([^»]{0,300}+)»|\u2039([^\u203a]{0,300}+)\u203a|„([^“”]{0,300}+)[“”]|“([^”]{0,300}+)”"
    r"|\u2018((?:[^\u2019]|\u2019(?=\w)){0,300}+)\u2019"
)
ANY_QUOTE = re.compile(r"[\"'`«»\u2039\u203a„“”\u2018\u2019]")
# A quote between letters is an apostrophe, and one after a word may be, if another closes later.
QUOTED = re.compile(
    r"\"[^\"]*+\""
    r"|(?<!\w)'(?:[^']|(?<=\w)'(?=\w))*+'(?!\w)(?:[^'\"]*+(?<=\w)'(?![\w']))?+"
)
# What a text that was cut has no end of, and what is told of an event.
UNCLOSED = re.compile(r"(?:[\"«„\u2039]|(?<!\w)'(?=\S)).*+")
UNCLOSED_EVENT = re.compile(r"(?<=\bevent )[\"'«„\u2039].*+")
# In this order: a wider thing goes before what it is made of.
MASKS = (
    ("<url>", r"[a-z][a-z+.-]{1,20}+://[^\s\"'<>)\]]++"),
    ("<email>", r"[\w.+%-]{1,64}+@[\w-]{1,63}+(?:\.[\w-]{1,63}+)*+"),
    ("<id>", r"\b[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}\b"),
    ("<token>", r"(?<!\w)(?=[\w.~+/!=-]{0,60}?\d)[\w.~+/!=-]{25,}+"),
    (
        "<id>",
        r"\b(?=[a-z]{0,17}\d)[a-z0-9]{15,18}\b",
    ),
    ("<path>", r"(?<![\w<])/[\w.%-]++(?:/[\w.%-]++)++/?+(?:\?\S*+)?+"),
    (
        "<host>",
        r"\b(?:[a-z0-9-]{1,63}\.){1,9}(?:com|net|org|io|dev|local|internal|example|[a-z]{2})\b",
    ),
    ("<n>", r"\b0x[0-9a-f]++\b|[-+]?+\d[\d.,:]*+"),
)
MASK = re.compile("|".join(f"({pattern})" for _, pattern in MASKS))
PRIVATE = re.compile("|".join(f"({pattern})" for _, pattern in MASKS[:5]), re.IGNORECASE)
URL = re.compile(MASKS[0][1], re.IGNORECASE)
NAMES = tuple(name for name, _ in MASKS)
SIGNS = ".,:;!?()[]{}"
REPEATED = re.compile(r"(<[a-z]++>)(?:[ ,/:-]*+\1)++")


def signature(facts: ErrorFacts) -> str:
    """Return the group an error belongs to: provider, status, code and its masked sentence.

    At most MAX_SIGNATURE characters, in lower case, without e-mails, ids, tokens, hosts,
    quoted names or numbers. Equal for errors that differ only in these.
    """
    status = str(facts.status or "-")
    code = "/".join(part for part in (facts.code, facts.subcode) if part) or "-"
    sentence = masked(facts.message or facts.text).removeprefix(facts.code.lower()).lstrip(":,- ")
    group = f"{facts.provider[:12]} {status} {masked(code[:90])} {sentence}"
    return group[:MAX_SIGNATURE].rstrip().encode("utf-8", "replace").decode()


def masked(text: str) -> str:
    """Return the text in lower case with everything that names somebody or something masked."""
    if not text.isascii():
        text = FINE_QUOTED.sub(plainly_quoted, text)
    whole = normalized(text)
    text = REPEATED_VALUE.sub(r"\1 <value>", whole[:MAX_MASKED])
    if ANY_QUOTE.search(text):
        text = UNCLOSED_EVENT.sub("<name>", QUOTED.sub("<name>", text))
        if len(whole) > MAX_MASKED:
            text = UNCLOSED.sub("<name>", text)
    words = [
        word if word.strip(SIGNS).isalpha() else MASK.sub(mask_of, word) for word in text.split()
    ]
    text = " ".join(words)
    return REPEATED.sub(r"\1", text) if ">" in text else text


def masked_name(text: str) -> str:
    """Return the name of an operation or a code with addresses, ids and tokens in it masked."""
    parts = URL.sub("<url>", text).split("/")
    return "/".join(PRIVATE.sub(mask_of, part) for part in parts)


def plainly_quoted(match: re.Match[str]) -> str:
    """Return what was quoted in plain quotes, without those that stood between them."""
    inside = next((each for each in match.groups() if each), "")
    return f'"{ANY_QUOTE.sub("", inside)}"'


def mask_of(match: re.Match[str]) -> str:
    return NAMES[(match.lastindex or 1) - 1]
