"""Figures do not depend on installed fonts, and characters that cannot be drawn are reported once."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import matplotlib
import pytest
from fontTools.ttLib import TTFont
from matplotlib import font_manager
from matplotlib.figure import Figure

from eval.plots.style import FONT, house_style, save_figure
from tests.eval.gate_logs import CHINESE_NAME, make_gate_rows

ROOT = Path(__file__).parents[3]
# A new process that runs several verbs, each as a command would.
VERBS = """
import json, sys
from eval.__main__ import build_command
for words in json.loads(sys.argv[1]):
    assert build_command().main(words) == 0
"""
CARRIED = Path(matplotlib.get_data_path(), "fonts", "ttf")


def install_font(path: Path, name: str) -> None:
    """Install a serif font under another name that has the characters of CHINESE_NAME."""
    with TTFont(CARRIED / "DejaVuSerif.ttf") as font:
        for table in font["cmap"].tables:
            if table.isUnicode():
                table.cmap |= {ord(letter): "A" for letter in CHINESE_NAME}
        for record in font["name"].names:
            if record.nameID in (1, 4, 16):
                record.string = name
        path.parent.mkdir(parents=True, exist_ok=True)
        font.save(path)


def test_pictures_are_the_same_with_and_without_fonts_of_the_machine(tmp_path, write):
    log = write("gate_logs_val_Nall.jsonl", make_gate_rows(6, "clipwise", names=(CHINESE_NAME,)))
    queries = write("queries.jsonl", [{"qid": 1, "vid": CHINESE_NAME, "query": "一", "duration": 8}])
    prediction = {"qid": 1, "pred_relevant_windows": [[0, 4, 0.5]], "pred_saliency_scores": [0.5] * 4}
    predictions = write("predictions.jsonl", [prediction])
    made = {}
    for machine in ("bare", "furnished"):
        home = tmp_path / machine
        if machine == "furnished":
            install_font(home / "fonts/chinese.ttf", "Noto Sans CJK SC")
            install_font(home / "fonts/other.ttf", FONT)
        # Each has its own matplotlib font list.
        environment = {**os.environ, "MPLCONFIGDIR": str(home / "cache"), "XDG_DATA_HOME": str(home)}
        environment["MPL_IGNORE_SYSTEM_FONTS"] = "1" if machine == "bare" else ""
        verbs = [
            ["plot-gates", "--log", str(log), "--out", str(home / "gates.png"), str(home / "gates.svg")],
            ["plot-moments", "--predictions", str(predictions), "--queries", str(queries), "--out-dir", str(home)],
        ]
        command = [sys.executable, "-c", VERBS, json.dumps(verbs)]
        done = subprocess.run(command, cwd=ROOT, env=environment, check=True, capture_output=True, text=True)
        lines = [line for line in done.stderr.splitlines() if "cannot draw" in line]
        assert len(lines) == 2
        assert all("characters that matplotlib's font cannot draw, such as 一" in line for line in lines)
        listed = json.loads(next((home / "cache").glob("fontlist*.json")).read_text(encoding="utf-8"))
        assert ("Noto Sans CJK SC" in {font["name"] for font in listed["ttflist"]}) == (machine == "furnished")
        made[machine] = {path.name: path.read_bytes() for path in home.iterdir() if path.is_file()}
    assert len(made["bare"]) == 3
    assert made["bare"] == made["furnished"]


def test_the_file_that_matplotlib_carries_is_taken_before_one_of_the_same_name(monkeypatch, tmp_path):
    install_font(tmp_path / "other.ttf", FONT)
    manager = font_manager.fontManager
    entries = [replace(font, fname=str(tmp_path / "other.ttf")) for font in manager.ttflist if font.name == FONT]
    installed = [*entries, *manager.ttflist]
    monkeypatch.setattr(manager, "ttflist", installed)
    with house_style():
        for weight in ("normal", "bold"):
            found = font_manager.findfont(font_manager.FontProperties(weight=weight))
            assert Path(found).parent == CARRIED.resolve()
    assert manager.ttflist is installed


def test_letters_that_cannot_be_drawn_are_told_of_once(tmp_path, caplog):
    caplog.set_level(logging.INFO)
    with house_style():
        for name in ("名字", "一", "Ж"):
            with house_style():
                figure = Figure(figsize=(2, 1))
                figure.suptitle(f"of {name}")
                save_figure(figure, [tmp_path / f"{name}.png"])
        assert caplog.messages == []
    line = "2 texts have characters that matplotlib's font cannot draw, such as 名 字 in 'of 名字'"
    assert caplog.messages == [f"{line}: boxes in .png, text in .svg"]
    caplog.clear()
    with house_style():
        save_figure(Figure(), [tmp_path / "none.png"])
    assert caplog.messages == []


@pytest.mark.parametrize("weight", ["normal", "bold"])
def test_boxes_have_no_warning_and_the_same_bytes(tmp_path, weight):
    for number in range(2):
        with house_style():
            figure = Figure(figsize=(2, 1))
            figure.text(0.1, 0.5, "名字", weight=weight)
            save_figure(figure, [tmp_path / f"{number}.png"])
    assert (tmp_path / "0.png").read_bytes() == (tmp_path / "1.png").read_bytes()
