"""A mail's HTML such that a page may show it under a strict content policy. Pure.

Mail programs need style attributes, and the policy refuses them; each becomes a class, and the
classes one style element with the response's nonce. A mail's own pictures are written into it, and
no other is loaded. Nothing else changes what is seen.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Sequence
from html import escape
from html.parser import HTMLParser

from monitoring.alerts.mails import Picture
from monitoring.alerts.showing import CUT

# What runs, loads or sends something; our templates have none of it.
DROPPED = frozenset({"script", "style", "iframe", "object", "form"})
DROPPED_EMPTY = frozenset({"link", "base", "embed"})
Attributes = list[tuple[str, str | None]]


def preview_of(html: str, nonce: str, pictures: Sequence[Picture] = ()) -> str:
    """Return the HTML of a mail to be shown in a frame of its own, with the mail's pictures."""
    preview = Preview(pictures)
    preview.feed(html)
    preview.close()
    return preview.page(nonce)


class Preview(HTMLParser):
    """Writes again what it reads, style attributes aside."""

    def __init__(self, pictures: Sequence[Picture] = ()) -> None:
        super().__init__(convert_charrefs=False)
        self.pictures = {f"cid:{each.cid}": each.png for each in pictures}
        self.parts: list[str] = []
        self.classes: dict[str, str] = {}
        self.dropping = ""

    def page(self, nonce: str) -> str:
        rules = "".join(f".{name}{{{style}}}" for style, name in self.classes.items())
        style = f'<style nonce="{escape(nonce)}">{rules}</style>'
        return "".join(self.parts).replace("</head>", f"{style}</head>", 1)

    def say(self, text: str) -> None:
        if not self.dropping:
            self.parts.append(text)

    def handle_starttag(self, tag: str, attrs: Attributes) -> None:
        if tag in DROPPED:
            self.dropping = self.dropping or tag
        elif tag not in DROPPED_EMPTY:
            self.say(f"<{tag}{''.join(map(written, self.attributes(tag, attrs)))}>")

    def handle_startendtag(self, tag: str, attrs: Attributes) -> None:
        if tag not in DROPPED:
            self.handle_starttag(tag, attrs)

    def handle_endtag(self, tag: str) -> None:
        if tag == self.dropping:
            self.dropping = ""
        elif tag not in DROPPED:
            self.say(f"</{tag}>")

    def handle_data(self, data: str) -> None:
        self.say(data)

    def handle_entityref(self, name: str) -> None:
        self.say(f"&{name};")

    def handle_charref(self, name: str) -> None:
        self.say(f"&#{name};")

    def handle_decl(self, decl: str) -> None:
        self.say(f"<!{decl}>")

    def attributes(self, tag: str, attrs: Attributes) -> Attributes:
        """Return the attributes to write; a link opens in a window of its own, if it may."""
        kept = [(name, value) for name, value in attrs if is_harmless(name, value)]
        png = self.pictures.get(dict(attrs).get("src") or "")
        if tag == "img" and png is not None:
            kept.append(("src", f"data:image/png;base64,{b64encode(png).decode()}"))
        style = dict(attrs).get("style")
        if style:
            kept.append(("class", self.class_of(style)))
        if tag == "a" and "href" in dict(kept):
            kept += [("target", "_blank"), ("rel", "noopener noreferrer")]
        return kept

    def class_of(self, style: str) -> str:
        # Nothing in it may end the rule or the element it is written to.
        clean = style.translate({ord(mark): None for mark in "<>{}"})
        return self.classes.setdefault(clean, f"s{len(self.classes)}")


def is_harmless(name: str, value: str | None) -> bool:
    if name == "href":
        return (value or "").startswith(("https://", "http://")) and CUT not in (value or "")
    return name not in {"style", "class", "src", "action", "formaction"} and name[:2] != "on"


def written(attribute: tuple[str, str | None]) -> str:
    name, value = attribute
    return f" {name}" if value is None else f' {name}="{escape(value)}"'
