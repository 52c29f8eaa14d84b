"""The overview sheet of the gates."""

from __future__ import annotations

import pytest

from cli import UserError
from eval.plots.gates.sheet import plot_gate_sheet
from formats.gate_log import read_gate_log
from tests.eval.gate_logs import make_gate_rows


def test_sheet_is_png_or_svg(tmp_path, write, png_size):
    log = read_gate_log(write("log.jsonl", make_gate_rows(6)))
    plot_gate_sheet(log, [tmp_path / "gates.png", tmp_path / "gates.svg"])
    assert png_size(tmp_path / "gates.png")[0] == 1950  # 13 inches at 150 dpi
    assert (tmp_path / "gates.svg").read_text().startswith("<?xml")
    with pytest.raises(UserError, match=r"gates\.pdf: pictures must end in \.png or \.svg"):
        plot_gate_sheet(log, [tmp_path / "gates.pdf"])
