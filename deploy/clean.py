#!/usr/bin/env python3
"""Remove everything that was made in this checkout: environment, data, assets, caches.

Refuses while a process of ours still holds the embedded PostgreSQL.
"""

from __future__ import annotations

import fcntl
import shutil
import sys
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
# Where environment.py puts what a private folder can't hold.
ELSEWHERE = Path("/var/lib/synccenter")
MADE = (
    ".venv",
    ".data",
    "node_modules",
    "static/vendor",
    ".pytest_cache",
    ".mypy_cache",
    ".ruff_cache",
    ".import_linter_cache",
    ".hypothesis",
)


def main() -> None:
    if is_running(PROJECT / ".data" / "postgres.holders"):
        sys.exit("synccenter: something still runs here; stop `make demo` (Ctrl-C) and try again.")
    for name in MADE:
        remove(PROJECT / name)
    for folder in PROJECT.rglob("__pycache__"):
        remove(folder)


def is_running(holders: Path) -> bool:
    """Tell whether a process holds the embedded PostgreSQL."""
    if not holders.exists():
        return False
    with holders.open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def remove(path: Path) -> None:
    """Remove a folder; of a link, what it leads to as well, if that is a folder of ours."""
    if path.is_symlink():
        if ELSEWHERE in path.resolve().parents:
            shutil.rmtree(path.resolve(), ignore_errors=True)
        path.unlink()
    elif path.exists():
        shutil.rmtree(path)


if __name__ == "__main__":
    main()
