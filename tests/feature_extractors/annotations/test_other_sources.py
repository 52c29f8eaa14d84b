"""Charades-STA, TimeLens-Bench and YouTube Highlights, on made-up files in their published forms."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cli import UserError
from feature_extractors.annotations import charades, timelens, youtube
from feature_extractors.annotations.convert import convert


def write_charades(folder: Path, sentences: str) -> tuple[Path, Path]:
    text, table = folder / "charades_sta_val.txt", folder / "Charades_v1.csv"
    text.write_text(sentences)
    table.write_text('id,subject,length\nABCDE,X,30.50\nFGHIJ,"Y, Z",9.0\n')
    return text, table


def test_charades_sentences_become_moments(tmp_path: Path) -> None:
    door = "ABCDE 24.3 30.9##someone opens a door.\n"
    files = write_charades(tmp_path, f"{door}FGHIJ 0.0 4##a lamp goes on.\n{door}")
    convert("charades", list(files), None, tmp_path, published=False)
    rows = [json.loads(line) for line in (tmp_path / "charades_sta_val.jsonl").read_text().splitlines()]
    assert [row["relevant_windows"] for row in rows] == [[[24.3, 30.5]], [[0.0, 4.0]], [[24.3, 30.5]]]
    assert [(row["duration"], row["duration_s"]) for row in rows] == [(30, 30.5), (8, 9.0), (30, 30.5)]
    assert len({row["qid"] for row in rows}) == 3
    assert rows[0]["query"] == "someone opens a door."


def test_an_input_is_not_overwritten(tmp_path: Path) -> None:
    # Another source's ending would do as well: only the stem is kept.
    text, table = write_charades(tmp_path, "FGHIJ 0.0 4##a lamp goes on.\n")
    named = text.rename(tmp_path / "sentences.jsonl")
    before = named.read_bytes()
    with pytest.raises(UserError, match=r"sentences\.jsonl: would overwrite the input"):
        convert("charades", [named, table], None, tmp_path, published=False)
    assert named.read_bytes() == before
    convert("charades", [named, table], None, tmp_path / "out", published=False)
    assert (tmp_path / "out/sentences.jsonl").is_file()


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("ABCDE 1 2 a door", "line 1: must have the form"),
        ("KLMNO 1.0 2.0##a door", r"line 1: .*has no video 'KLMNO'"),
        ("FGHIJ 9.0 12.0##a door", "line 1: no moment between 9 and 9 s"),
    ],
)
def test_charades_faults_name_the_line(line: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=message):
        charades.make_rows(*write_charades(tmp_path, line + "\n"))


@pytest.mark.parametrize("length", ["nan", "inf", "-3", "0", "1e300", ""])
def test_charades_lengths_are_seconds(length: str, tmp_path: Path) -> None:
    text, table = write_charades(tmp_path, "ABCDE 1.0 2.0##a door\n")
    table.write_bytes(b"\xef\xbb\xbf" + f"id,subject,length\nABCDE,X,{length}\n".encode())
    with pytest.raises(UserError, match=r"Charades_v1\.csv: line 2: .*seconds"):
        charades.make_rows(text, table)


def test_youtube_clips_take_the_nearest_window(tmp_path: Path) -> None:
    # Windows of 100 frames that overlap by half, at 25 frames per second: their middles lie at 2, 4, 6 and 8 s. Clips
    # are centred at 1, 3, 5, 7 and 9 s; one between two middles takes the earlier.
    entry = {"clip": [[0, 100], [50, 150], [100, 200], [150, 250]], "match": [-1, 1, 0, 1], "fps": 25, "frames": 250}
    path = tmp_path / "surfing.json"
    path.write_text(json.dumps({"ab": entry}))
    convert("youtube", [path], None, tmp_path, published=False)
    [row] = [json.loads(line) for line in (tmp_path / "surfing.jsonl").read_text().splitlines()]
    assert row["label"] == [[0.0], [0.0], [1.0], [0.0], [1.0]]
    assert (row["domain"], row["query"], row["duration"], row["duration_s"]) == ("surfing", "surfing", 10, 10.0)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"match": [1]}, "4 windows, but 1 matches"),
        ({"match": [1, 2, 0, 0]}, "1, 0 or -1"),
        ({"match": [1, 0.5, 0, 0]}, "1, 0 or -1"),
        ({"match": [[1], [0], [0], [1]]}, "1, 0 or -1"),
        ({"match": 1}, "1, 0 or -1"),
        ({"fps": 0}, "fps must be"),
        ({"fps": "25"}, "fps must be"),
        ({"fps": float("nan")}, "fps must be"),
        ({"frames": 10**400}, "frames must be"),
        ({"frames": 250.5}, "frames must be"),
        ({"frames": -250}, "frames must be"),
        ({"frames": 10**9}, "over a day"),
        ({"frames": 25}, "shorter than a clip"),
        ({"clip": [[0, 100], [50, 150], [100, 200], [-150, 250]]}, "clip must hold"),
        ({"clip": [[0, 100], [150, 50], [100, 200], [150, 250]]}, "clip must hold"),
        ({"clip": [[0, 100.5], [50, 150], [100, 200], [150, 250]]}, "clip must hold"),
        ({"clip": [[0, 100], [50, 150], [100, 200], [300, 400]]}, "clip must hold"),
        ({"clip": [0, 100]}, "clip must hold"),
        ({"clip": []}, "clip must be"),
    ],
)
def test_youtube_faults_name_the_video(change: dict[str, object], message: str, tmp_path: Path) -> None:
    entry = {"clip": [[0, 100], [50, 150], [100, 200], [150, 250]], "match": [-1, 1, 0, 1], "fps": 25, "frames": 250}
    path = tmp_path / "surfing.json"
    path.write_text(json.dumps({"ab": {**entry, **change}}))
    with pytest.raises(UserError, match=f"video 'ab': .*{message}"):
        youtube.make_rows(path, "surfing")


def test_published_form_is_tvsums_alone(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="--published"):
        convert("charades", [tmp_path, tmp_path], None, tmp_path, published=True)
    with pytest.raises(UserError, match="takes --files"):
        convert("tvsum-mat", [tmp_path, tmp_path], None, tmp_path, published=False)


BENCH = {
    "ab_0.0_30.0": {"duration": 30.5, "queries": ["A dog  barks.", "a lamp goes on"], "spans": [[2, 8], [20, 31.0]]},
    "cd": {"duration": 9, "queries": ["a dog barks"], "spans": [[0.5, 4.25]]},
}


def write_bench(folder: Path, content: object = BENCH) -> Path:
    path = folder / "qvhighlights-timelens.json"
    path.write_text(json.dumps(content))
    return path


def test_timelens_rows(tmp_path: Path) -> None:
    convert("timelens", [write_bench(tmp_path)], None, tmp_path, published=False)
    rows = [json.loads(line) for line in (tmp_path / "qvhighlights-timelens.jsonl").read_text().splitlines()]
    assert [(row["vid"], row["query"]) for row in rows] == [
        ("ab_0.0_30.0", "A dog barks"),
        ("ab_0.0_30.0", "a lamp goes on"),
        ("cd", "a dog barks"),
    ]
    assert [row["relevant_windows"] for row in rows] == [[[2.0, 8.0]], [[20.0, 30.5]], [[0.5, 4.25]]]
    assert [(row["duration"], row["duration_s"]) for row in rows] == [(30, 30.5), (30, 30.5), (8, 9.0)]
    assert len({row["qid"] for row in rows}) == 3


def test_an_unchanged_query_keeps_its_id(tmp_path: Path) -> None:
    val = tmp_path / "val.jsonl"
    first = [("ab_0.0_30.0", "A dog barks.", 7), ("ab_0.0_30.0", "a lamp is lit", 8), ("ef", "a dog barks", 9)]
    val.write_text("".join(json.dumps({"qid": q, "vid": v, "query": text}) + "\n" for v, text, q in first))
    plain = [row["qid"] for row in timelens.make_rows(write_bench(tmp_path))]
    assert [row["qid"] for row in timelens.make_rows(write_bench(tmp_path), [val])] == [7, *plain[1:]]


def test_timelens_keeps_a_query_that_occurs_twice(tmp_path: Path) -> None:
    path = write_bench(tmp_path, {"ab": {"duration": 20, "queries": ["a dog"] * 2, "spans": [[2, 8]] * 2}})
    assert len({row["qid"] for row in timelens.make_rows(path)}) == 2


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"spans": [[2, 8]]}, "2 queries, but 1 spans"),
        ({"spans": [[2, 8], [9, 9]]}, "no moment between 9 and 9 s of a 30.5 s video"),
        ({"spans": [[2, 8], [31, 40]]}, "no moment between 31 and 40 s"),
        ({"spans": [[2, 8], [-1, 4]]}, "no moment between -1 and 4 s"),
        ({"spans": [[2, 8], ["1", 4]]}, "spans: must be n x 2 numbers"),
        ({"duration": "30"}, "duration must be 2 to 86400 seconds"),
        ({"duration": True}, "duration must be"),
        ({"queries": ["a dog", " . "]}, "queries must be a list of sentences"),
        ({"queries": None}, "queries must be"),
    ],
)
def test_timelens_faults_name_the_video(change: dict[str, object], message: str, tmp_path: Path) -> None:
    path = write_bench(tmp_path, {"ab": {**BENCH["ab_0.0_30.0"], **change}})
    with pytest.raises(UserError, match=rf"qvhighlights-timelens\.json: video 'ab': .*{message}"):
        timelens.make_rows(path)
    with pytest.raises(UserError, match="video 'ab': needs spans"):
        timelens.make_rows(write_bench(tmp_path, {"ab": {"duration": 3, "queries": []}}))
