"""Google descriptions may hold HTML, Salesforce descriptions are plain text."""

from __future__ import annotations

import html
import re
from html.parser import HTMLParser

MARKUP = re.compile(r"<[/!a-zA-Z]|&[#a-zA-Z]")
LINE_BREAKS = frozenset({"br", "p", "div", "li", "tr", "ul", "ol", "h1", "h2", "h3", "h4"})
UNSEEN = frozenset({"script", "style", "head", "title"})
MANY_BLANK_LINES = re.compile(r"\n{3,}")


class _TextReader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []
        self.link = ""
        self.link_start = 0
        self.unseen = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.unseen += tag in UNSEEN
        if tag in LINE_BREAKS:
            self.parts.append("\n")
        if tag == "li":
            self.parts.append("- ")
        if tag == "a":
            self.link, self.link_start = dict(attrs).get("href") or "", len(self.parts)

    def handle_endtag(self, tag: str) -> None:
        self.unseen -= tag in UNSEEN and self.unseen > 0
        if tag in {"p", "div", "ul", "ol"}:
            self.parts.append("\n")
        if tag == "a" and self.link:
            shown = "".join(self.parts[self.link_start :])
            if self.link.removeprefix("mailto:") not in shown:
                self.parts.append(f" ({self.link})")
            self.link = ""

    def handle_data(self, data: str) -> None:
        if not self.unseen:
            self.parts.append(data)


def has_markup(text: str) -> bool:
    """Whether a browser would read a tag or a character reference in it."""
    return MARKUP.search(text) is not None


def as_plain_text(text: str) -> str:
    """Return what a reader of the HTML sees, links spelled out; text without markup as it is."""
    if not has_markup(text):
        return text
    reader = _TextReader()
    reader.feed(text)
    reader.close()
    # A text without tags was escaped by as_markup: nothing in it may be tidied up.
    joined = "".join(reader.parts)
    return joined if "<" not in text else MANY_BLANK_LINES.sub("\n\n", joined).strip()


def as_markup(text: str) -> str:
    """Return plain text so that Google shows just that; the opposite of `as_plain_text`."""
    return html.escape(text, quote=False) if has_markup(text) else text
