"""The footage table: what is written is read, and what cannot be is named."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path

import pytest

from cli import UserError
from formats.media.footage import Footage, read_footage, write_footage

ROW = {"vid": "a", "file": "a.mp4", "seconds": 10.0}


def test_what_is_written_is_read(tmp_path: Path) -> None:
    table = [
        Footage(vid="a", file="b/a.mp4", seconds=10.5, rate="30000/1001", frames=300, timecode="01:00:00;00"),
        Footage(vid="é", file="", seconds=0.0, problem="no video 'é'"),
    ]
    write_footage(tmp_path / "f.jsonl", table)
    assert read_footage(tmp_path / "f.jsonl") == {"a": table[0], "é": table[1]}
    assert table[0].exact_rate() == Fraction(30000, 1001) and table[1].exact_rate() is None


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"rate": "29.97"}, "row 2: rate must be a fraction such as 30000/1001, got '29.97'"),
        ({"rate": "0/1"}, "row 2: rate must be"),
        ({"rate": "1/0"}, "row 2: rate must be"),
        ({"rate": "30/1\n"}, "row 2: rate must be"),
        ({"timecode": "1:00"}, "row 2: timecode must be"),
        ({"seconds": -1.0}, "row 2: seconds, lead_s and frames must be 0 or more"),
        ({"frames": -1}, "row 2: seconds, lead_s and frames must be 0 or more"),
        ({"seconds": "10"}, "row 2: seconds: "),
        ({"fps": 25}, "row 2: unknown key 'fps'"),
        ({"vid": "z"}, "row 2: video 'z' occurs twice"),
    ],
)
def test_a_malformed_line_is_named(change: dict[str, object], message: str, tmp_path: Path) -> None:
    path = tmp_path / "f.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in ({**ROW, "vid": "z"}, {**ROW, **change})))
    with pytest.raises(UserError, match=message):
        read_footage(path)
