"""What a page holds: its words, its links, and whatever a strict content policy would refuse."""

from __future__ import annotations

import re
from html.parser import HTMLParser

from django.http import HttpResponse

VOID = {"area", "base", "br", "col", "hr", "img", "input", "link", "meta", "use", "path", "circle"}


class Markup(HTMLParser):
    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.violations: list[str] = []
        self.links: list[str] = []
        self.ids: list[str] = []
        self._texts: list[str] = []
        self._open: list[tuple[str, dict[str, str | None]]] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        named = dict(attributes)
        for name in named:
            if name == "style" or name.startswith(("on", "hx-on")):
                self.violations.append(f"<{tag} {name}>")
        if (tag == "style" and not named.get("nonce")) or (
            tag == "script" and "src" not in named and not data(named)
        ):
            self.violations.append(f"inline <{tag}>")
        if "id" in named:
            self.ids.append(named["id"] or "")
        if tag == "a" and named.get("href"):
            self.links.append(named["href"] or "")
        if tag not in VOID:
            self._open.append((tag, named))

    def handle_endtag(self, tag: str) -> None:
        while self._open and self._open.pop()[0] != tag:
            pass

    def handle_data(self, text: str) -> None:
        self._texts.append(text)

    @property
    def text(self) -> str:
        """All words, one space between them."""
        return re.sub(r"\s+", " ", " ".join(self._texts)).strip()


def data(attributes: dict[str, str | None]) -> bool:
    return attributes.get("type") == "application/json"


def markup(response: HttpResponse) -> Markup:
    return Markup(response.content.decode())


def title(response: HttpResponse) -> str:
    """Return the title of a page or, of a part, the one that htmx gives the page."""
    (found,) = re.findall(r"(?:^|<head>.*)\s*<title>(.*?)</title>", response.content.decode(), re.S)
    return str(found)


def text(response: HttpResponse) -> str:
    return markup(response).text
