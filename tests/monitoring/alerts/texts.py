"""Any text from outside, often with what a mail program would decode."""

from __future__ import annotations

from base64 import b64encode
from email.quoprimime import header_encode

from hypothesis import strategies as st

# Encoded words (RFC 2047): whole ones, also of line breaks and addresses, and their halves.
HIDDEN = [
    "Ada\nBcc: eve@evil.example",
    "\r\n",
    "Ada Lovelace",
    "<eve@evil.example>",
    "\N{PILE OF POO}",
]
Q_WORDS = [f"=?utf-8?q?{header_encode(text.encode(), charset='utf-8')[10:-2]}?=" for text in HIDDEN]
B_WORDS = [f"=?utf-8?B?{b64encode(text.encode()).decode()}?=" for text in HIDDEN]
HALVES = [
    "=?",
    "?=",
    "=?utf-8?q?",
    "=?x-none?b?!!?=",
    "=?us-ascii*en?q?a?=",
    "=",
    "?",
    '"',
    "\\",
    ",",
]
ENCODED = st.sampled_from([*Q_WORDS, *B_WORDS, *HALVES])
TEXT = st.lists(
    ENCODED | st.text(max_size=20) | st.sampled_from([" ", "\t", "\n"]), max_size=8
).map("".join)
