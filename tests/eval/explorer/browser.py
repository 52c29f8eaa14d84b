"""Headless Chromium, Debian's package, through Playwright's client; tests are skipped where either is absent."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

# No sandbox, which root may not use, and nothing that would look for a network by itself.
OPTIONS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--autoplay-policy=no-user-gesture-required",
]


@contextmanager
def open_browser() -> Iterator[Any]:
    """Start the browser, with the fonts of the machine: it cannot start without any."""
    playwright = pytest.importorskip("playwright.sync_api", reason="needs the Python package playwright")
    program = shutil.which("chromium")
    if program is None:
        pytest.skip("needs Chromium, Debian's package")
    environment = {key: value for key, value in os.environ.items() if key != "FONTCONFIG_FILE"}
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=program, args=OPTIONS, env=environment)
        yield browser
        browser.close()


class Opened:
    """A page, with what it asked for and what went wrong."""

    def __init__(self, browser: Any, **options: Any) -> None:
        self.context = browser.new_context(**{"viewport": {"width": 1280, "height": 800}, **options})
        self.page = self.context.new_page()
        self.requests: list[str] = []
        self.problems: list[str] = []
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.on("pageerror", lambda problem: self.problems.append(str(problem)))
        self.page.on("console", lambda line: self.problems.append(line.text) if line.type == "error" else None)

    def open(self, index: Path, link: str = "") -> Any:
        """Open a file and wait until a query is shown."""
        self.page.goto("about:blank")
        self.page.goto(index.as_uri() + link)
        self.page.wait_for_selector("html[data-shown]", state="attached")
        return self.page


@contextmanager
def watch(browser: Any) -> Iterator[Opened]:
    """A page that must neither report an error nor ask for anything but files of the disk."""
    opened = Opened(browser)
    yield opened
    opened.context.close()
    assert opened.problems == []
    assert opened.requests and all(url.startswith(("file:", "about:")) for url in opened.requests)
