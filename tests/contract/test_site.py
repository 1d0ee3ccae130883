"""The pages of docs/ as a site, and every link between pages of the project."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urldefrag, urlsplit

import pytest

ROOT = Path(__file__).parents[2]
ASSETS = {"script": "src", "img": "src", "iframe": "src", "source": "src", "link": "href"}
PAGES = [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), *(ROOT / "charts").rglob("*.md")]
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")


class Links(HTMLParser):
    """What a page refers to, what it loads, and the places in it."""

    def __init__(self, page: Path) -> None:
        super().__init__()
        self.targets: set[str] = set()
        self.loaded: set[str] = set()
        self.names: set[str] = set()
        self.feed(page.read_text())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value for name, value in attrs if value}
        self.names.update(value for name, value in found.items() if name in ("id", "name"))
        if tag == "a" and "href" in found:
            self.targets.add(found["href"])
        if tag in ASSETS and found.get("rel") != "canonical" and ASSETS[tag] in found:
            self.loaded.add(found[ASSETS[tag]])


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site, built as `make docs` does; a warning is an error."""
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--quiet", "--strict", "--site-dir", str(folder)]
    environment = {**os.environ, "NO_MKDOCS_2_WARNING": "1"}
    done = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=150
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


def _links(site: Path) -> dict[Path, Links]:
    return {page: Links(page) for page in sorted(site.rglob("*.html"))}


def test_every_link_of_the_site_leads_somewhere(site: Path) -> None:
    """Pages, files and the places in pages are there."""
    pages = _links(site)
    lost = [
        f"{page.name}: {target}"
        for page, links in pages.items()
        for target in links.targets | links.loaded
        if not _is_there(page, target, pages)
    ]

    assert len(pages) > 15
    assert lost == []


def _is_there(page: Path, target: str, pages: dict[Path, Links]) -> bool:
    if urlsplit(target).scheme or (page.name == "404.html" and target.startswith("/")):
        return True
    path, place = urldefrag(target)
    file = (page.parent / unquote(path)).resolve() if path else page
    file = file / "index.html" if file.is_dir() else file
    return file.exists() and (not place or file not in pages or unquote(place) in pages[file].names)


def test_the_site_loads_nothing_from_elsewhere(site: Path) -> None:
    """No fonts, scripts, pictures or styles of other servers, neither in pages nor in styles."""
    foreign = [
        f"{page.name}: {address}"
        for page, links in _links(site).items()
        for address in links.loaded
        if urlsplit(address).scheme or address.startswith("//")
    ]
    styles = [
        style
        for style in site.rglob("*.css")
        if re.search(r"(url\(|@import )['\"]?(https?:)?//", style.read_text())
    ]

    assert foreign == []
    assert styles == []


def test_every_strategy_is_shown(site: Path) -> None:
    """The page of strategies has a picture of each, with words for whoever does not see it."""
    page = (site / "strategies.html").read_text()
    for name in ("reload", "demultiplex", "dynamic", "fixed", "buckets"):
        assert re.search(rf'<img alt="[^"]{{30,}}" src="images/{name}.svg"', page), name


def _references() -> Iterator[tuple[Path, str]]:
    for page in PAGES:
        for target in LINK.findall(re.sub(r"```.*?```", "", page.read_text(), flags=re.DOTALL)):
            if not urlsplit(target).scheme:
                yield page, target


def test_every_link_between_pages_of_the_checkout_leads_somewhere() -> None:
    """As a reader of the files has them: the file is there, and so is the heading."""
    lost = [
        f"{page.relative_to(ROOT)}: {target}"
        for page, target in _references()
        if not _is_in_checkout(page, target)
    ]

    assert lost == []


def _is_in_checkout(page: Path, target: str) -> bool:
    path, place = urldefrag(target)
    file = (page.parent / path).resolve() if path else page
    return file.exists() and (not place or place in _headings(file))


def _headings(page: Path) -> set[str]:
    """Their names, as sites make them."""
    text = re.sub(r"```.*?```", "", page.read_text(), flags=re.DOTALL)
    titles = re.findall(r"^#+ (.*)$", text, flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}
