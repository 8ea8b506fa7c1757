"""Read the body of an error, whatever its form, into named values and text.

A provider answers with JSON, XML or a page; a client library prints any of these inside a
sentence of its own; a proxy or a log cuts it in half. Every form becomes the same `Reading`, so
that a rule need not know how an error travelled. Work is bounded: a body is read up to
`MAX_JSON` characters as JSON and up to `HEAD + TAIL` otherwise, and no pattern here backtracks.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from typing import Any

import msgspec

MAX_JSON = 262_144
HEAD, TAIL = 10_000, 6_000
MAX_PIECES = 200
MAX_VALUE = 4_000

# Keys under which providers and their clients put codes, and those under which they put sentences.
CODE_KEYS = ("errorcode", "exceptioncode", "statuscode", "faultcode", "code")
SENTENCE_KEYS = (
    "message",
    "error_description",
    "exceptionmessage",
    "errormessage",
    "faultstring",
    "description",
    "detail",
    "title",
)
NAMES = (*CODE_KEYS, *SENTENCE_KEYS, "error_subtype", "error", "reason", "status", "retrydelay")
KEYS = frozenset(NAMES)

# What parts a key from its value is rarer than what may be a key, so that is what is looked for.
SIGN = re.compile(r"[:=]>?+\s{0,3}+[bu]?+[\"']")
LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_"
LONGEST_KEY = 26
VALUE = re.compile(
    r"\"([^\"\\]{0,4000}+(?:\\.[^\"\\]{0,4000}+){0,400}+)"
    r"|'([^'\\]{0,4000}+(?:\\.[^'\\]{0,4000}+){0,400}+)",
    re.DOTALL,
)
BRACKETED = re.compile(r"\b(reason|message)\[([^\]\n]{0,1000}+)", re.IGNORECASE)
ELEMENT = re.compile(
    rf"<(?:[\w.-]{{1,40}}+:)?+({'|'.join(NAMES)})(?=[\s>])[^<>]{{0,200}}+>([^<]{{0,4000}}+)",
    re.IGNORECASE,
)
LOOKS_LIKE_JSON = re.compile(r"\s*+(?:\{|\[\s*+[{\[\"\]])")
PAGE = re.compile(r"<(?:!doctype|(?:html|head|title|body|h1|center)\b)", re.IGNORECASE)
TITLE = re.compile(r"<title[^<>]{0,200}+>([^<]{0,300}+)", re.IGNORECASE)
LINK = re.compile(r"href=[\"']?(https?://[^\"'\s<>]{1,300}+)", re.IGNORECASE)
ENTITY = re.compile(r"&(?:#\w{1,7}|\w{2,10});")
# Programs put their own words in angle brackets too: a tag has a name alone, or attributes.
TAG = re.compile(
    r"<(?:[!/?][a-z][^<>]{0,2000}+"
    r"|(?!httperror)[a-z][\w:.-]{0,40}+"
    r"(?:(?:\s++[\w:.@-]{1,40}+){1,3}+\s*+=[^<>]{0,2000}+|(?:\s++[\w:-]{1,40}+)?+\s*+/?+))>"
)
FINE_QUOTES = (("\u2018", "'"), ("\u2019", "'"), ("\u201c", '"'), ("\u201d", '"'))


class Reading(msgspec.Struct, frozen=True):
    """What a body says: lower-case key and value in order, its text, and if the end was seen.

    `page` tells that it is a web page, or holds one.
    """

    pairs: tuple[tuple[str, str], ...]
    text: str
    whole: bool
    page: bool = False


def read_body(body: str) -> Reading:
    """Return what `body` says. Total: any text gives a Reading, an empty one an empty Reading."""
    if LOOKS_LIKE_JSON.match(body):
        value = decoded(body)
        if value is not None:
            pairs = tuple(json_pairs(value))
            return Reading(pairs, " ".join([value for _, value in pairs]), whole=True)
    return read_text(shortened(body))


def decoded(body: str) -> Any:
    """Return the JSON value, or None where it is cut, malformed or beyond the bounds."""
    if len(body) > MAX_JSON:
        return None
    try:
        return msgspec.json.decode(body)
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return None


def json_pairs(value: Any) -> Iterator[tuple[str, str]]:
    """Yield the leaves of a JSON value in reading order; JSON inside a string is opened too."""
    stack: list[tuple[str, Any]] = [("", value)]
    for _ in range(MAX_PIECES):
        if not stack:
            return
        key, item = stack.pop()
        if isinstance(item, dict):
            for name, child in reversed(list(item.items())[:MAX_PIECES]):
                stack.append((str(name).lower(), child))
        elif isinstance(item, list):
            for child in reversed(item[:MAX_PIECES]):
                stack.append((key, child))
        elif isinstance(item, str) and item[:1] in {"{", "["} and (opened := decoded(item)):
            stack.append((key, opened))
        elif isinstance(item, str):
            yield key, item[:MAX_VALUE]
        elif isinstance(item, (int, float)) and not isinstance(item, bool):
            yield key, str(item)


def read_text(text: str) -> Reading:
    """Read XML, a page, or a sentence that may hold cut JSON or a printed dictionary."""
    text = without_quoting(text)
    if "<" in text:
        if "<![CDATA[" in text:
            text = text.replace("<![CDATA[", "").replace("]]>", "")
        elements = ELEMENT.findall(text)
        if elements and any(key.lower() != "title" for key, _ in elements):
            pairs = tuple((key.lower(), html.unescape(value.strip())) for key, value in elements)
            return Reading(pairs, text, whole=text.rstrip().endswith(">"))
        if PAGE.search(text):
            return read_page(text)
    quotes = "'" in text or '"' in text or "Reason[" in text
    return Reading(tuple(text_pairs(text)) if quotes else (), text, whole=is_balanced(text))


def read_page(text: str) -> Reading:
    """Read an HTML page: its title, its text, and where its first links lead."""
    title = TITLE.search(text)
    links = [match[1] for match, _ in zip(LINK.finditer(text), range(3), strict=False)]
    pairs = (("title", html.unescape(title[1].strip())),) if title else ()
    whole = "</html>" in text or "</html>" in text.lower()
    return Reading(pairs, " ".join([text, *links]), whole, page=True)


def text_pairs(text: str) -> Iterator[tuple[str, str]]:
    """Yield `key: "value"` pairs in any of the notations that languages print them in."""
    end = 0
    for sign, _ in zip(SIGN.finditer(text), range(MAX_PIECES), strict=False):
        start = sign.start()
        if start < end:
            continue
        name = last_word(text[max(0, start - LONGEST_KEY) : start])
        if name in KEYS and (value := VALUE.match(text, sign.end() - 1)):
            end = value.end()
            yield name, without_escapes(value[1] or value[2] or "")
    if "Reason[" in text:
        for match, _ in zip(BRACKETED.finditer(text), range(MAX_PIECES), strict=False):
            yield match[1].lower(), match[2]


def last_word(text: str) -> str:
    """Return the word at the end of a text, in lower case, without the quote after it."""
    text = text.rstrip()
    if text.endswith(("'", '"')):
        text = text[:-1]
    return text[len(text.rstrip(LETTERS)) :].lower()


def without_quoting(text: str) -> str:
    """Undo what putting JSON into a page or into another string does to its quotes."""
    if "&quot;" in text or "&#" in text:
        text = html.unescape(text)
    if '\\"' in text:
        text = text.replace('\\\\"', '"').replace('\\"', '"')
    return text


def without_escapes(value: str) -> str:
    """Undo the escapes that printing a string adds."""
    if "\\" not in value:
        return value
    return value.replace("\\n", "\n").replace("\\t", " ").replace("\\'", "'").replace("\\", "")


def is_balanced(text: str) -> bool:
    """Tell if every bracket that opens closes; a body cut in half leaves one open."""
    return (
        text.count("(") <= text.count(")")
        and text.count("[") <= text.count("]")
        and text.count("{") <= text.count("}")
        and ("<HttpError" not in text or text.rstrip().endswith(">"))
    )


def shortened(text: str) -> str:
    """Keep head and tail of a very long text: the cause of a long trace stands at its end."""
    if len(text) <= HEAD + TAIL:
        return text
    return f"{text[:HEAD]} {text[-TAIL:]}"


def normalized(text: str) -> str:
    """Return the text as rules compare it: lower case, no markup, plain quotes, single spaces."""
    text = text.lower()
    if "&" in text and ENTITY.search(text):
        text = html.unescape(text)
    if "<" in text:
        text = without_markup(text)
    if "%2" in text:
        text = text.replace("%20", " ").replace("%27", "'")
    if "\\n" in text:
        text = text.replace("\\n", " ")
    if "\x00" in text:
        text = text.replace("\x00", "")
    if "`" in text:
        text = text.replace("`", "'")
    if not text.isascii():
        for fine, plain in FINE_QUOTES:
            text = text.replace(fine, plain)
    return " ".join(text.split())


def without_markup(text: str) -> str:
    """Remove styles, scripts, comments and tags from lower-case text."""
    for opening, closing in (("<style", "</style>"), ("<script", "</script>"), ("<!--", "-->")):
        if opening in text:
            text = " ".join(outside(text, opening, closing))
    return TAG.sub(" ", text)


def outside(text: str, opening: str, closing: str) -> Iterator[str]:
    """Yield the parts of the text that lie between no opening and its closing."""
    while True:
        kept, found, rest = text.partition(opening)
        yield kept
        if not found:
            return
        _, found, text = rest.partition(closing)
