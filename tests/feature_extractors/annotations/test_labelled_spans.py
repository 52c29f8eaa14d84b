"""Labels that people made in other programs become rows that networks train on."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pympi
import pytest

from cli import UserError
from feature_extractors.annotations import elan, label_studio, span_tables, spans, via
from feature_extractors.annotations.convert import convert
from feature_extractors.annotations.spans import Span
from model.training.labels import check_rows
from tests.feature_extractors.made_media import Coding, steady, write_media


@pytest.fixture(scope="module")
def videos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two videos of 10 s at 5 frames per second; one lies in a folder of its own and has an accent and a blank."""
    folder = tmp_path_factory.mktemp("videos")
    (folder / "part").mkdir()
    small = Coding(rate=Fraction(5), clock=Fraction(1, 5), options={"bf": "0", "preset": "ultrafast"})
    write_media(folder / "a.mp4", steady(10, 5), coding=small)
    write_media(folder / "part/é b.mkv", steady(10, 5), coding=small)
    return folder


def rows_of(out: Path) -> list[dict[str, Any]]:
    rows = [json.loads(line) for line in (out / "moments.jsonl").read_text(encoding="utf-8").splitlines()]
    check_rows(rows, "moments", "rows")  # what training asks for
    return rows


def labels_of(out: Path) -> list[tuple[str, str, list[list[float]]]]:
    return [(row["vid"], row["query"], row["relevant_windows"]) for row in rows_of(out)]


TABLE = "video,query,start,end,note\n{}"
EXPECTED = [("a", "a dog", [[1.0, 4.5]]), ("a", "a siren", [[0.0, 2.0], [6.0, 10.0]]), ("é b", "a dog", [[3.0, 5.0]])]


def write_table(path: Path) -> Path:
    path.write_text(
        "\ufeffVideo;Label;Start;End;Note\n"
        "a.mp4;a dog;1;3;\n"
        "a;a dog;0:02.5;00:00:04.5;x\n"
        "\n"
        'C:\\films\\a.mp4;"a  siren";6;99;\n'
        "a;a siren;;2;\n"
        "/data/é%20b.mkv;a dog;3;5;\n",
        encoding="utf-8",
    )
    return path


def write_via(path: Path) -> Path:
    segment, region = {"anchor_id": "FILE1_Z2_XY0"}, {"anchor_id": "FILE1_Z1_XY1", "type": 1, "options": {}}
    project = {
        "project": {"vid_list": ["1", "2"]},
        "config": {},
        "attribute": {
            "1": {**segment, "aname": "query", "type": 4, "options": {"7": "a dog", "8": "a siren"}},
            "2": {**segment, "aname": "also", "type": 2, "options": {"0": "a siren", "1": "a dog"}},
            "3": {**segment, "aname": "text", "type": 1, "options": {}},
            "4": region,
        },
        "file": {
            "1": {"fid": "1", "fname": "a.mp4", "type": 4, "loc": 1, "src": ""},
            "2": {"fid": 2, "fname": "é b.mkv", "type": 4, "loc": 1, "src": ""},
        },
        "view": {"1": {"fid_list": ["1"]}, "2": {"fid_list": [2]}},
        "metadata": {
            "1_a": {"vid": "1", "flg": 0, "z": [1, 3], "xy": [], "av": {"1": "7"}},
            "1_b": {"vid": "1", "flg": 0, "z": [2.5, 4.5], "xy": [], "av": {"1": "", "2": "1", "3": ""}},
            "1_c": {"vid": "1", "flg": 0, "z": [6, 99], "xy": [], "av": {"3": "a siren"}},
            "1_d": {"vid": "1", "flg": 0, "z": [0, 2], "xy": [], "av": {"2": "0,"}},
            "2_e": {"vid": "2", "flg": 0, "z": [3, 5], "xy": [], "av": {"1": "7"}},
            "2_f": {"vid": "2", "flg": 0, "z": [3], "xy": [2, 1, 1, 1, 1], "av": {"4": "a box"}},
        },
    }
    path.write_text(json.dumps(project))
    return path


def timeline(start: int, end: int, *labels: str) -> dict[str, Any]:
    value = {"ranges": [{"start": start, "end": end}], "timelinelabels": list(labels)}
    return {"type": "timelinelabels", "from_name": "x", "to_name": "video", "value": value}


def write_label_studio(path: Path) -> Path:
    heard = {"type": "labels", "value": {"start": 6.0, "end": 99.0, "labels": ["a siren"], "channel": 0}}
    other = {"type": "choices", "value": {"choices": ["good"]}}
    tasks = [
        {
            "id": 1,
            "data": {"video": "/data/upload/3/0a1b2c3d-a.mp4", "fps": 10},
            "annotations": [
                {"result": [timeline(11, 30, "a dog"), timeline(26, 45, "a dog"), heard, other]},
                {"result": [timeline(1, 20, "a siren")]},
                {"result": [timeline(1, 90, "a cat")], "was_cancelled": True},
            ],
            "predictions": [{"result": [timeline(1, 90, "a cat")]}],
        },
        # Without fps, the rate is that of the file: 5.
        {"id": 2, "data": {"film": "é b.mkv"}, "annotations": [{"result": [timeline(16, 25, "a dog")]}]},
    ]
    path.write_text(json.dumps(tasks))
    return path


def write_elan(folder: Path) -> list[Path]:
    """Two documents, written by the library that linguists use."""
    one = pympi.Elan.Eaf(author="")
    one.add_linked_file("file:///C:/films/a.mp4", relpath="./a.mp4", mimetype="video/mp4")
    one.add_tier("a dog")
    one.add_annotation("a dog", 1000, 3000, "")
    one.add_annotation("a dog", 3000, 4500, " ")
    one.add_tier("sounds")
    one.add_annotation("sounds", 0, 2000, "a siren")
    one.add_annotation("sounds", 6000, 99000, "a  siren")
    one.to_file(str(folder / "one.eaf"))
    other = pympi.Elan.Eaf(author="")
    other.add_tier("t")
    other.add_annotation("t", 3000, 5000, "a dog")
    other.to_file(str(folder / "é b.eaf"))  # named as its video, which it does not link
    return [folder / "one.eaf", folder / "é b.eaf"]


@pytest.mark.parametrize("source", ["csv", "via", "label-studio", "elan"])
def test_each_program_gives_the_same_rows(source: str, videos: Path, tmp_path: Path) -> None:
    if source == "elan":
        files = write_elan(tmp_path)
    else:
        write = {"csv": write_table, "via": write_via, "label-studio": write_label_studio}[source]
        files = [write(tmp_path / "labels")]
    convert(source, files, videos, tmp_path / "out", published=False)
    assert labels_of(tmp_path / "out") == EXPECTED
    rows = rows_of(tmp_path / "out")
    assert {(row["duration"], row["duration_s"]) for row in rows} == {(10, 10.0)}
    assert len({row["qid"] for row in rows}) == 3
    convert(source, files, videos, tmp_path / "again", published=False)
    assert (tmp_path / "again/moments.jsonl").read_bytes() == (tmp_path / "out/moments.jsonl").read_bytes()


def test_tables_of_lossless_cut_are_about_the_video_with_their_name(videos: Path, tmp_path: Path) -> None:
    for name, heads in (("a.csv", ""), ("é b.csv", "Start,End,Name\n")):
        (tmp_path / name).write_text(f'{heads}1.5,2.5,"x, y"\n,0:01,z\n9,,z\n', encoding="utf-8")
    convert("csv", [tmp_path / "a.csv", tmp_path / "é b.csv"], videos, tmp_path / "out", published=False)
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
def test_faults_of_tables_name_the_line(lines: str, message: str, videos: Path, tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text(TABLE.format(lines), encoding="utf-8")
    with pytest.raises(UserError, match=rf"t\.csv: {message}"):
        convert("csv", [path], videos, tmp_path / "out", published=False)
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


@pytest.mark.parametrize(
    ("place", "value", "message"),
    [
        (("metadata",), None, "not a project of VIA 3: needs attribute, file, view and metadata"),
        (("metadata", "1_a"), [], r"metadata '1_a': needs z"),
        (("metadata", "1_a", "z"), ["1", 3], r"metadata '1_a': a time must be 0 to 86400 seconds, got '1'"),
        (("metadata", "1_a", "z"), [float("nan"), 3], r"metadata '1_a': a time must be"),
        (("metadata", "1_a", "z"), [True, 3], r"metadata '1_a': a time must be"),
        (("metadata", "1_a", "av"), {}, r"metadata '1_a': the segment from 1 s has no label"),
        (("metadata", "1_a", "av"), {"1": "9"}, r"metadata '1_a': the attribute has no option '9'"),
        (("metadata", "1_a", "av"), {"1": 7}, r"metadata '1_a': a value must be text, got 7"),
        (("metadata", "1_a", "vid"), "3", r"metadata '1_a': its view '3' has no file"),
        (("view", "1", "fid_list"), [], r"metadata '1_a': its view '1' has no file"),
        (("file", "1"), {}, r"metadata '1_a': its view '1' has no file"),
    ],
)
def test_faults_of_via_name_the_entry(place: tuple[str, ...], value: object, message: str, tmp_path: Path) -> None:
    path = write_via(tmp_path / "p.json")
    project = json.loads(path.read_text())
    inner = project
    for key in place[:-1]:
        inner = inner[key]
    inner[place[-1]] = value
    path.write_text(json.dumps(project))
    with pytest.raises(UserError, match=rf"p\.json: {message}"):
        list(via.read_spans(path))


@pytest.mark.parametrize(
    ("task", "message"),
    [
        (3, "not a list of tasks: export from Label Studio as JSON"),
        ({"video": "a.mp4", "moments": []}, "task 1: needs data and annotations: .* not JSON-MIN"),
        ({"data": {"video": "a.mp4"}, "annotations": [3]}, "task 1: an annotation without a list of results"),
        ({"data": {"id": 3}, "annotations": [{"result": [timeline(1, 2, "x")]}]}, "task 1: its data name no video"),
        (
            {"data": {"video": "a.mp4", "fps": 0}, "annotations": [{"result": [timeline(1, 2, "x")]}]},
            "task 1: fps must be a number above 0, at most 1000, got 0",
        ),
        (
            {"data": {"video": "gone.mp4"}, "annotations": [{"result": [timeline(1, 2, "x")]}]},
            r"task 1: 'gone\.mp4' has no constant frame rate, so put fps into the task's data",
        ),
        (
            {"data": {"video": "a.mp4", "fps": 5}, "annotations": [{"result": [timeline(0, 2, "x")]}]},
            "task 1: start of a range must be a frame from 1, got 0",
        ),
        (
            {"data": {"video": "a.mp4"}, "annotations": [{"result": [{"type": "labels", "value": {"labels": "x"}}]}]},
            "task 1: labels must be a list of labels",
        ),
    ],
)
def test_faults_of_label_studio_name_the_task(task: object, message: str, tmp_path: Path) -> None:
    path = tmp_path / "t.json"
    path.write_text(json.dumps([task]))
    with pytest.raises(UserError, match=rf"t\.json: {message}"):
        list(label_studio.read_spans(path, lambda name: None))


BOMB = '<!ENTITY a "aaaaaaaaaa">' + "".join(
    f'<!ENTITY {b} "{f"&{a};" * 10}">' for a, b in zip("abcdefgh", "bcdefghi", strict=True)
)
EAF = (
    '<ANNOTATION_DOCUMENT><HEADER TIME_UNITS="milliseconds"/><TIME_ORDER><TIME_SLOT TIME_SLOT_ID="1" TIME_VALUE="{}"/>'
    '<TIME_SLOT TIME_SLOT_ID="2" TIME_VALUE="2000"/></TIME_ORDER><TIER TIER_ID="t"><ANNOTATION><ALIGNABLE_ANNOTATION'
    ' ANNOTATION_ID="a1" TIME_SLOT_REF1="1" TIME_SLOT_REF2="{}"><ANNOTATION_VALUE>x</ANNOTATION_VALUE>'
    "</ALIGNABLE_ANNOTATION></ANNOTATION></TIER></ANNOTATION_DOCUMENT>"
)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (f"<!DOCTYPE d [{BOMB}]><d>&i;</d>", "has a document type"),
        ('<!DOCTYPE d [<!ENTITY x SYSTEM "file:///etc/hostname">]><d>&x;</d>', "has a document type"),
        ('<!DOCTYPE d SYSTEM "http://example.org/d.dtd"><d/>', "has a document type"),
        ("<d>&x;</d>", "not XML: undefined entity"),
        ("<d>", "not XML: no element found"),
        ("", "not XML: no element found"),
        ("<d>\x00</d>", "not XML"),
        ('<?xml version="1.0" encoding="nonsense"?><d/>', "not XML: unknown encoding"),
        ("<html/>", "not an ELAN file: begins with <html>"),
        ('<ANNOTATION_DOCUMENT><HEADER TIME_UNITS="PAL-frames"/></ANNOTATION_DOCUMENT>', "times must be milliseconds"),
        (EAF.format("1.5", "2"), "tier 't': annotation a1: a time must be whole milliseconds, got '1.5'"),
        (EAF.format("-5", "2"), "tier 't': annotation a1: a time must be whole milliseconds, got '-5'"),
        (EAF.format("99999999999", "2"), "tier 't': annotation a1: a time must be 0 to 86400 seconds"),
        (EAF.format("0", "3"), "tier 't': annotation a1: there is no time slot '3'"),
    ],
)
def test_hostile_and_malformed_xml_is_refused(content: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "d.eaf"
    path.write_text(content)
    with pytest.raises(UserError, match=rf"d\.eaf: {message}") as told:
        list(elan.read_spans(path, lambda name: False))
    assert "\n" not in str(told.value)


def test_an_annotation_without_a_time_is_left_out_and_counted(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "d.eaf"
    path.write_text(EAF.format("0", "2").replace(' TIME_VALUE="0"', ""))
    assert list(elan.read_spans(path, lambda name: False)) == []
    assert "d.eaf: 1 annotations have no time of their own, left out" in caplog.text


def test_times_of_elan_count_from_the_origin_of_the_video(tmp_path: Path) -> None:
    path = tmp_path / "d.eaf"
    media = '<HEADER TIME_UNITS="milliseconds"><MEDIA_DESCRIPTOR MEDIA_URL="file:///x/s.wav"/>'
    media += '<MEDIA_DESCRIPTOR MEDIA_URL="file:///x/v.mp4" TIME_ORIGIN="1500"/></HEADER>'
    path.write_text(EAF.format("500", "2").replace('<HEADER TIME_UNITS="milliseconds"/>', media))
    (span,) = elan.read_spans(path, lambda name: name.endswith("v.mp4"))
    assert (span.video, span.query, span.start, span.end) == ("file:///x/v.mp4", "x", 2.0, 3.5)


@pytest.mark.parametrize(
    ("name", "vid"),
    [
        ("a", "a"),
        ("a.mp4", "a"),
        ("x/a.webm", "a"),
        ("C:\\x\\a.mp4", "a"),
        ("file:///x/a%2Eb.mp4", "a.b"),
        ("a.b.mp4", "a.b"),
        ("https://example.org/x/a.mp4?token=1", "a"),
        ("/data/upload/1/0123abcd-a.mp4", "a"),
        ("0123abcd-a", "a"),
        ("e\u0301.mp4", "é"),
        ("b.mp4", None),
        ("", None),
        ("../a/..", None),
    ],
)
def test_videos_are_found_by_their_names(name: str, vid: str | None) -> None:
    assert spans.find_video(name, ["a", "a.b", "é"]) == vid


def test_spans_of_many_labels_are_cut_and_merged(videos: Path) -> None:
    random = np.random.default_rng(0)
    starts = random.uniform(0, 9, size=200)
    given = [Span("a", "xyz"[i % 3], float(start), float(start) + 0.5, "w") for i, start in enumerate(starts)]
    for row in spans.make_rows(given, videos, "w"):
        windows = np.array(row["relevant_windows"])
        assert (windows[:, 1] > windows[:, 0]).all() and (windows[1:, 0] > windows[:-1, 1]).all()
        mine = [span for span in given if span.query == row["query"]]
        covered = np.arange(0.005, 10, 0.01)
        wanted = [any(span.start <= at <= (span.end or 0) for span in mine) for at in covered]
        found = [bool(((windows[:, 0] <= at) & (at <= windows[:, 1])).any()) for at in covered]
        assert np.mean(np.array(wanted) == found) > 0.99  # times are rounded to milliseconds
