"""The verb `find` in the tests' process."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path

import pytest

from av_highlights.__main__ import build_command

Find = Callable[..., tuple[int, str, list[str]]]
"""Arguments to exit status, what was printed, and the lines of the log."""
QUERY = ("--query", "a dog")


@pytest.fixture
def find(bundle: Path, cache: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Find:
    """Run the verb: its status, what it printed, and the lines of its log. The folder of results is `out`."""

    def run(*arguments: str | Path) -> tuple[int, str, list[str]]:
        given = list(map(str, arguments))
        usual = {"--bundle": bundle, "--cache": cache, "--out": tmp_path / "out", "--device": "cpu", "--threads": 1}
        # First, so that a query may be the last.
        first = [str(part) for option, value in usual.items() if option not in given for part in (option, value)]
        try:
            status = build_command().main(["find", *first, *given])
        except SystemExit as ended:  # wrong arguments
            status = int(ended.code or 0)
        printed = capsys.readouterr()
        return status, printed.out, printed.err.splitlines()

    return run


def rows(file: Path) -> list[dict[str, str]]:
    with file.open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines, delimiter="\t"))
