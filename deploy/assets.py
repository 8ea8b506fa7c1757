#!/usr/bin/env python
"""Copy what browsers need from node_modules into static/vendor/: `python deploy/assets.py`.

Standard library only, because it runs before anything is installed. The Lightning Design System is
67 MB unpacked; the pages need its style sheet, the pictures that names, and a few icons. Which
icons, package.json says under "synccenter"; they are taken symbol by symbol, unchanged. Charts need
plotly's basic bundle.
"""

from __future__ import annotations

import argparse
import gzip
import json
import re
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
PACKAGE = Path("@salesforce-ux/design-system")
CHART_PACKAGE = Path("plotly.js-basic-dist-min")
CHART_BUNDLE = "plotly-basic.min.js"
STYLE_SHEET = "salesforce-lightning-design-system.min.css"
LICENCES = ("icons/License-for-icons.txt", "images/License-for-images.txt")
SYMBOL = re.compile(r"<symbol\b[^>]*?\bid=\"(?P<name>[^\"]+)\".*?</symbol>", re.DOTALL)
REFERENCE = re.compile(r"url\([\"']?(?P<path>\.\./[^\"')?#]+)")
SOURCE_MAP = re.compile(r"/\*# sourceMappingURL=.*?\*/")


class AssetsError(Exception):
    """An asset is not where it should be; the message says which, and what to do."""


def copy_assets(package: Path, wanted: dict[str, list[str]], target: Path) -> list[Path]:
    """Fill `target` with style sheet, pictures, icons and licences; return the files written.

    `package` is the unpacked design system, `wanted` the names of icons by set. What was in
    `target` before is replaced as a whole, or not at all. Raises AssetsError for what is missing.
    """
    with replacing(target, package) as made:
        copy_style_sheet(package / "assets", made)
        for name, icons in wanted.items():
            sprite = package / "assets" / "icons" / f"{name}-sprite" / "svg" / "symbols.svg"
            write(made / "icons" / f"{name}.svg", sprite_of(read(sprite), icons, sprite))
        for licence in LICENCES:
            write(made / Path(licence).name, read(package / "assets" / licence))
    return files_in(target)


def copy_charts(package: Path, target: Path) -> list[Path]:
    """Fill `target` with the bundle that draws charts and its licence; return the files written.

    `package` is plotly's, unpacked. Replaces and raises as `copy_assets` does.
    """
    with replacing(target, package) as made:
        write_both(made / CHART_BUNDLE, read(package / CHART_BUNDLE))
        write(made / "LICENSE", read(package / "LICENSE"))
    return files_in(target)


@contextmanager
def replacing(target: Path, package: Path) -> Iterator[Path]:
    """Give an empty folder to fill from `package`; it becomes `target` unless an error comes."""
    if not package.is_dir():
        raise AssetsError(f"{package} is missing: run `npm ci` first")
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent) as scratch:
        made = Path(scratch) / "made"
        yield made
        shutil.rmtree(target, ignore_errors=True)
        made.rename(target)
    # The folder of a temporary directory is private; a web server runs as somebody else.
    target.chmod(0o755)


def files_in(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def copy_style_sheet(assets: Path, made: Path) -> None:
    """Copy the style sheet without source map, compressed too, and each picture it names."""
    text = SOURCE_MAP.sub("", read(assets / "styles" / STYLE_SHEET))
    write_both(made / "styles" / "slds.css", text)
    for path in {match["path"] for match in REFERENCE.finditer(text)}:
        source, copy = assets / "styles" / path, made / "styles" / path
        if not source.is_file():
            raise AssetsError(f"{source} is named by {STYLE_SHEET} but missing")
        copy.resolve().parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, copy.resolve())


def sprite_of(sprite: str, icons: list[str], source: Path) -> str:
    """Return a sprite of just these icons of `sprite`."""
    symbols = {match["name"]: match[0] for match in SYMBOL.finditer(sprite)}
    if missing := [name for name in icons if name not in symbols]:
        raise AssetsError(f"{source} has no icon {', '.join(missing)}")
    body = "\n".join(symbols[name] for name in sorted(icons))
    return f'<svg xmlns="http://www.w3.org/2000/svg">\n{body}\n</svg>\n'


def read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise AssetsError(f"{path} is missing: has the package changed its layout?") from None


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def write_both(path: Path, text: str) -> None:
    """Write the text as it is, and compressed beside it."""
    write(path, text)
    packed = gzip.compress(text.encode(), compresslevel=9, mtime=0)
    path.with_name(f"{path.name}.gz").write_bytes(packed)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--node-modules", type=Path, default=PROJECT / "node_modules")
    parser.add_argument("--target", type=Path, default=PROJECT / "static" / "vendor")
    options = parser.parse_args()
    wanted = json.loads((PROJECT / "package.json").read_text())["synccenter"]["icons"]
    try:
        files = [
            *copy_assets(options.node_modules / PACKAGE, wanted, options.target / "slds"),
            *copy_charts(options.node_modules / CHART_PACKAGE, options.target / "plotly"),
        ]
    except AssetsError as error:
        sys.exit(f"assets: {error}")
    size = sum(path.stat().st_size for path in files)
    sys.stdout.write(f"assets: {len(files)} files, {size // 1024} kB, in {options.target}\n")


if __name__ == "__main__":
    main()
