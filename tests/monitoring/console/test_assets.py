"""The script that copies what browsers need, and what the templates expect of it."""

from __future__ import annotations

import gzip
import importlib.util
import json
import re
from pathlib import Path
from types import ModuleType

import pytest

from monitoring.console.message_words import CHANNELS
from monitoring.console.rehearsal_marks import MARKS

PROJECT = Path(__file__).resolve().parents[3]
ICONS = json.loads((PROJECT / "package.json").read_text())["synccenter"]["icons"]


def load() -> ModuleType:
    spec = importlib.util.spec_from_file_location("assets", PROJECT / "deploy" / "assets.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


assets = load()


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """A design system with two icons, two pictures and one style sheet."""
    folder = tmp_path / "package"
    files = {
        f"styles/{assets.STYLE_SHEET}": (
            "a{background:url(../images/one.png)}b{background:url('../images/deep/two.png?v=2')}"
            "i{background:url(data:image/png;base64,x)}u{fill:url(#here)}"
            "/*# sourceMappingURL=sheet.css.map */"
        ),
        "images/one.png": "one",
        "images/deep/two.png": "two",
        "images/other.png": "not needed",
        "icons/utility-sprite/svg/symbols.svg": (
            '<svg><symbol viewBox="0 0 1 1" id="check"><path d="M0 0"/></symbol>'
            '<symbol id="check_all"><g><path/></g></symbol></svg>'
        ),
        "icons/License-for-icons.txt": "icons",
        "images/License-for-images.txt": "images",
    }
    for name, text in files.items():
        path = folder / "assets" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


def test_just_what_is_needed_is_copied(package: Path, tmp_path: Path) -> None:
    target = tmp_path / "static" / "slds"
    files = assets.copy_assets(package, {"utility": ["check"]}, target)
    assert [str(path.relative_to(target)) for path in files] == [
        "License-for-icons.txt",
        "License-for-images.txt",
        "icons/utility.svg",
        "images/deep/two.png",
        "images/one.png",
        "styles/slds.css",
        "styles/slds.css.gz",
    ]
    sprite = (target / "icons" / "utility.svg").read_text()
    assert '<symbol viewBox="0 0 1 1" id="check"><path d="M0 0"/></symbol>' in sprite
    assert "check_all" not in sprite
    sheet = (target / "styles" / "slds.css").read_text()
    assert "sourceMappingURL" not in sheet
    assert gzip.decompress((target / "styles" / "slds.css.gz").read_bytes()).decode() == sheet
    assert target.stat().st_mode & 0o055 == 0o055


def test_what_was_there_before_is_replaced(package: Path, tmp_path: Path) -> None:
    target = tmp_path / "slds"
    target.mkdir()
    (target / "old.css").write_text("old")
    assets.copy_assets(package, {"utility": ["check"]}, target)
    assert not (target / "old.css").exists()


@pytest.mark.parametrize(
    ("missing", "message"),
    [
        (f"assets/styles/{assets.STYLE_SHEET}", "is missing"),
        ("assets/images/one.png", "is named by"),
        ("assets/icons/utility-sprite/svg/symbols.svg", "is missing"),
        ("assets/icons/License-for-icons.txt", "is missing"),
    ],
)
def test_what_is_missing_is_named_and_nothing_is_replaced(
    package: Path, tmp_path: Path, missing: str, message: str
) -> None:
    (package / missing).unlink()
    target = tmp_path / "slds"
    target.mkdir()
    (target / "old.css").write_text("old")
    with pytest.raises(assets.AssetsError, match=message):
        assets.copy_assets(package, {"utility": ["check"]}, target)
    assert [path.name for path in target.iterdir()] == ["old.css"]


def test_an_icon_that_is_not_there_is_named(package: Path, tmp_path: Path) -> None:
    with pytest.raises(assets.AssetsError, match="has no icon nonsense"):
        assets.copy_assets(package, {"utility": ["check", "nonsense"]}, tmp_path / "slds")


def test_without_the_package_the_way_out_is_named(tmp_path: Path) -> None:
    with pytest.raises(assets.AssetsError, match="npm ci"):
        assets.copy_assets(tmp_path / "nothing", {}, tmp_path / "slds")


@pytest.fixture
def chart_package(tmp_path: Path) -> Path:
    """A package of the bundle that draws charts, with what the pages do not need."""
    folder = tmp_path / "charts"
    folder.mkdir()
    for name in (assets.CHART_BUNDLE, "LICENSE", "README.md"):
        (folder / name).write_text(f"{name} \N{EURO SIGN}", encoding="utf-8")
    return folder


def test_the_chart_bundle_is_copied_compressed_too_with_its_licence(
    chart_package: Path, tmp_path: Path
) -> None:
    target = tmp_path / "static" / "plotly"
    files = assets.copy_charts(chart_package, target)
    assert [path.name for path in files] == [
        "LICENSE",
        "plotly-basic.min.js",
        "plotly-basic.min.js.gz",
    ]
    bundle = (target / assets.CHART_BUNDLE).read_bytes()
    assert bundle == (chart_package / assets.CHART_BUNDLE).read_bytes()
    packed = (target / f"{assets.CHART_BUNDLE}.gz").read_bytes()
    assert gzip.decompress(packed) == bundle
    assert packed[4:8] == bytes(4), "the same bundle must always give the same file"
    assert target.stat().st_mode & 0o055 == 0o055


@pytest.mark.parametrize("missing", [assets.CHART_BUNDLE, "LICENSE"])
def test_a_chart_package_that_lacks_something_replaces_nothing(
    chart_package: Path, tmp_path: Path, missing: str
) -> None:
    (chart_package / missing).unlink()
    target = tmp_path / "plotly"
    target.mkdir()
    (target / "old.js").write_text("old")
    with pytest.raises(assets.AssetsError, match=f"{missing} is missing"):
        assets.copy_charts(chart_package, target)
    assert [path.name for path in target.iterdir()] == ["old.js"]


def test_without_the_chart_package_the_way_out_is_named(tmp_path: Path) -> None:
    with pytest.raises(assets.AssetsError, match="npm ci"):
        assets.copy_charts(tmp_path / "nothing", tmp_path / "plotly")


@pytest.mark.parametrize(("tag", "kind"), [("icon", "utility"), ("standard_icon", "standard")])
def test_every_icon_of_the_templates_is_taken_from_the_package_and_no_other(
    tag: str, kind: str
) -> None:
    templates = (PROJECT / "templates").rglob("*.html")
    pattern = re.compile(rf'{{% {tag} "(\w+)"')
    used = {name for path in templates for name in pattern.findall(path.read_text())}
    looks = [*CHANNELS.values(), *MARKS.values()] if kind == "utility" else []
    chosen = {look.icon for look in looks}
    assert used | chosen == set(ICONS[kind])


def test_the_lock_file_names_no_address() -> None:
    lock = json.loads((PROJECT / "package-lock.json").read_text())
    packages = [package for name, package in lock["packages"].items() if name]
    assert packages
    for package in packages:
        assert "resolved" not in package
        assert package["integrity"].startswith("sha512-")


def test_no_style_sheet_of_ours_is_too_long_to_be_read() -> None:
    sheets = sorted((PROJECT / "static" / "console").glob("*.css"))
    long = {path.name: len(path.read_text().splitlines()) for path in sheets}
    assert not {name: lines for name, lines in long.items() if lines > 500}
