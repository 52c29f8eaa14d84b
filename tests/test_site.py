"""The documentation as a site: it builds from the repository alone, and its pages load nothing from other hosts.

`--strict` makes a warning an error: a broken link or anchor, a page that the navigation lacks, a name of the API that
the code lacks.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from tests.test_architecture import ROOT

NOWHERE = "http://127.0.0.1:9"  # the port of `discard`, where nothing listens
LOADED = {"script": "src", "link": "href", "img": "src", "source": "src", "iframe": "src"}
"""Attributes that a browser fetches when it shows a page. A link (`a`) is followed only by the reader."""


class Page(HTMLParser):
    """What a page loads, where it links to, its anchors, and the text of its paragraphs."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.loads: list[str] = []
        self.links: list[str] = []
        self.anchors: set[str] = set()
        self.paragraphs: list[str] = []
        self._in_paragraph = False
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        if values.get(LOADED.get(tag, "")):
            self.loads.append(values[LOADED[tag]])
        if tag == "a" and "href" in values:
            self.links.append(values["href"])
        if "id" in values:
            self.anchors.add(values["id"])
        if tag == "p":
            self._in_paragraph = True
            self.paragraphs.append("")

    def handle_endtag(self, tag: str) -> None:
        self._in_paragraph = self._in_paragraph and tag != "p"

    def handle_data(self, data: str) -> None:
        if self._in_paragraph:
            self.paragraphs[-1] += data


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site, built without a network and outside the checkout."""
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)]
    proxies = {f"{scheme}_proxy": NOWHERE for scheme in ("http", "https")}
    environment = {**os.environ, **proxies, "NO_MKDOCS_2_WARNING": "1"}
    done = subprocess.run(
        [*command, "--config-file", str(ROOT / "mkdocs.yml")],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


@pytest.fixture(scope="module")
def pages(site: Path) -> dict[Path, Page]:
    return {file: Page(file.read_text(encoding="utf-8")) for file in site.rglob("*.html")}


def test_every_page_of_docs_is_built(site: Path, pages: dict[Path, Page]) -> None:
    written = {file.relative_to(ROOT / "docs").with_suffix(".html") for file in (ROOT / "docs").rglob("*.md")}
    assert {file.relative_to(site) for file in pages} == {*written, Path("404.html")}


def test_nothing_is_loaded_from_another_host(site: Path, pages: dict[Path, Page]) -> None:
    loads = [address for page in pages.values() for address in page.loads]
    assert any(address.endswith(".js") for address in loads) and any(address.endswith(".css") for address in loads)
    assert [address for address in loads if urlsplit(address).netloc] == []
    for sheet in site.rglob("*.css"):
        imported = re.findall(
            r"(?:url\(|@import)\s*[\"']?((?:https?:)?//[^\"')\s]+)", sheet.read_text(encoding="utf-8")
        )
        assert imported == [], sheet


def test_local_addresses_lead_to_files(site: Path, pages: dict[Path, Page]) -> None:
    for file, page in pages.items():
        for address in (*page.loads, *page.links):
            parts = urlsplit(address)
            if parts.scheme or parts.netloc or file.name == "404.html":  # the latter's are those of a site's root
                continue
            target = (file.parent / unquote(parts.path)).resolve() if parts.path else file
            target = target / "index.html" if target.is_dir() else target
            assert target.is_file(), (file.relative_to(site), address)
            if parts.fragment and target in pages:
                assert unquote(parts.fragment) in pages[target].anchors, (file.relative_to(site), address)


def test_markdown_that_github_shows_is_shown_here_too(site: Path, pages: dict[Path, Page]) -> None:
    """GitHub needs no blank line before a list, a table or a fence; Python's Markdown makes one paragraph of them."""
    for file, page in pages.items():
        for text in page.paragraphs:
            assert not re.search(r"^(?:[-*] |\d+\. |\||```)", text, re.MULTILINE), (file.relative_to(site), text)
