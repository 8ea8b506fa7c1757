"""What the console says of alerts. Pure."""

from __future__ import annotations

from monitoring.console.moments import counted


def sentence(open_ones: int, waiting: int) -> str:
    """Return the first sentence of the list: how many are open, and who has them in hand."""
    if not open_ones:
        return "No alert is open"
    said = f"{counted(open_ones, 'alert')} {'is' if open_ones == 1 else 'are'} open"
    if not waiting:
        return f"{said}, none waits for anybody"
    return f"{said}, {waiting:,} nobody has acknowledged"
