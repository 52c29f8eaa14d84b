"""Tables of labelled spans, those of LosslessCut too."""

from __future__ import annotations

from pathlib import Path

import pytest

from cli import UserError
from feature_extractors.annotations import span_tables
from feature_extractors.annotations.convert import convert
from tests.feature_extractors.annotations.labelled_files import labels_of

TABLE = "video,query,start,end,note\n{}"


def test_tables_of_lossless_cut_are_about_the_video_with_their_name(labelled_videos: Path, tmp_path: Path) -> None:
    for name, heads in (("a.csv", ""), ("é b.csv", "Start,End,Name\n")):
        (tmp_path / name).write_text(f'{heads}1.5,2.5,"x, y"\n,0:01,z\n9,,z\n', encoding="utf-8")
    convert("csv", [tmp_path / "a.csv", tmp_path / "é b.csv"], labelled_videos, tmp_path / "out", published=False)
    both = [("x, y", [[1.5, 2.5]]), ("z", [[0.0, 1.0], [9.0, 10.0]])]
    assert labels_of(tmp_path / "out") == [(vid, *one) for vid in ("a", "é b") for one in both]


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ("a,x,1", "line 2: has 3 columns, needs 4"),
        ("a,x,one,2,", "line 2: a time must be seconds, m:ss or h:mm:ss, got 'one'"),
        ("a,x,1:75,2,", "line 2: a time must be"),
        ("a,x,-1,2,", "line 2: a time must be"),
        ("a,x,nan,2,", "line 2: a time must be"),
        ("a,x,1e3,2,", "line 2: a time must be"),
        ("a,x,9999999,2,", "line 2: a time must be 0 to 86400 seconds"),
        ("a,x,1,٣,", "line 2: a time must be"),
        ("a,x,3,3,", "line 2: no moment from 3 s to 3 s in a video of 10 s"),
        ("a,x,12,15,", "line 2: no moment from 12 s to 15 s in a video of 10 s"),
        ("a,x,12,,", "line 2: no moment from 12 s to its end"),
        ("a, ,1,2,", "line 2: a span without a label"),
        ("c,x,1,2,", "line 2: no video 'c' in "),
        ('a,"x,1,2,', "line 2: not a table: unexpected end of data"),
        ("", "no labelled spans"),
    ],
)
def test_faults_of_tables_name_the_line(lines: str, message: str, labelled_videos: Path, tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text(TABLE.format(lines), encoding="utf-8")
    with pytest.raises(UserError, match=rf"t\.csv: {message}"):
        convert("csv", [path], labelled_videos, tmp_path / "out", published=False)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"\xff\xfe", "not UTF-8 text"),
        (b"video,start,end\na,1,2\n", "line 1: needs a column query"),
        (b"a,b\n", "line 1: needs a column query"),
        (b"1,2\n", "line 1: needs a column query"),
    ],
)
def test_what_is_no_table_of_spans_is_refused(content: bytes, message: str, tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes(content)
    with pytest.raises(UserError, match=rf"t\.csv: {message}"):
        list(span_tables.read_spans(path))
    with pytest.raises(UserError, match=r"none\.csv: no such file"):
        list(span_tables.read_spans(tmp_path / "none.csv"))
