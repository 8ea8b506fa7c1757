"""What is said to who wants something of alerts that can't be."""

from __future__ import annotations


class AlertRefusedError(Exception):
    """Something that can't be done so; the message is a sentence for who wanted it.

    `field` names the value at fault, "" if none is.
    """

    def __init__(self, sentence: str, field: str = "") -> None:
        super().__init__(sentence)
        self.field = field
