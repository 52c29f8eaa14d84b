"""The page at the end of a run is printed if the run made it."""

from __future__ import annotations

from pathlib import Path

import pytest

from workflow.terminal.page import Page


def test_a_page_is_printed_once_it_is_new(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "overview.txt"
    page = Page(file)
    page.print_if_new()
    assert capsys.readouterr().out == ""
    file.write_text("3 networks ± 1\n", encoding="utf-8")
    page.print_if_new()
    assert capsys.readouterr().out == "\n3 networks ± 1\n\n"
    later = Page(file)
    later.print_if_new()
    assert capsys.readouterr().out == ""  # the run was about something else
    (tmp_path / "new").write_text("4 networks\n", encoding="utf-8")
    (tmp_path / "new").replace(file)  # as commands write their outputs
    later.print_if_new()
    assert "4 networks" in capsys.readouterr().out
