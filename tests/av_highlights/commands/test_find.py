"""`python -m av_highlights find`: what it prints and writes."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import opentimelineio as otio
import webvtt

from av_highlights.answers import NEUTRAL_QUERY
from formats.bundle import DEMO_WARNING
from tests.av_highlights.commands.conftest import Find, rows
from tests.av_highlights.conftest import write_video
from tests.feature_extractors.made_media import write_media


def test_moments_of_one_video(find: Find, videos: Path, tmp_path: Path) -> None:
    status, printed, log = find(videos / "street.mp4", "--query", "a siren is heard", "--query", "a dog", "--top", "2")
    assert status == 0 and log[-1].startswith(f"{tmp_path / 'out'}: tables")
    heads = printed.splitlines()
    assert heads[0] == "a siren is heard" and "a dog" in heads
    assert heads[1].split() == ["rank", "file", "best", "moments", "score", "mean", "gate"]
    assert "WARNING" not in printed and "compare" not in printed
    table = rows(tmp_path / "out/moments.tsv")
    assert [row["rank"] for row in table] == ["1", "2", "1", "2"]
    first = table[0]
    assert (
        first["start"] == f"0:00:{float(first['start_s']):04.1f}" and f"{first['start']} - {first['end']}" in heads[2]
    )
    assert first["warning"] == "" and float(first["mean_gate"]) > 0
    answers = [json.loads(line) for line in (tmp_path / "out/answers.jsonl").read_text().splitlines()]
    assert [answer["query"] for answer in answers] == ["a siren is heard", "a dog"]
    assert answers[0]["moments"][0]["score"] == float(first["score"])
    summary = json.loads((tmp_path / "out/moments.json").read_text())
    assert summary["pictures"] == ["curves/01_street.png", "curves/02_street.png"]
    assert all((tmp_path / "out" / name).stat().st_size > 1000 for name in summary["pictures"])
    page = (tmp_path / "out/moments.md").read_text()
    assert "## a dog" in page and "](curves/02_street.png)" in page
    assert (tmp_path / "out/problems.tsv").read_text() == "vid\tfile\tstage\tcause\n"


def test_one_ranking_over_a_folder_and_broken_files_are_named(find: Find, videos: Path, tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    folder.mkdir()
    for name in ("street.mp4", "silent.mp4"):
        shutil.copy(videos / name, folder)
    (folder / "torn.mp4").write_bytes((videos / "street.mp4").read_bytes()[:300])
    (folder / "notes.txt").write_text("no video")  # which nobody takes for one
    status, printed, log = find(folder, "--query", "a dog", "--top", "99")
    assert status == 0 and "Scores of one query compare across the videos" in printed
    found = rows(tmp_path / "out/moments.tsv")
    assert {row["file"] for row in found} == {"street.mp4", "silent.mp4"}
    scores = [float(row["score"]) for row in found]
    assert scores == sorted(scores, reverse=True)
    assert {row["mean_gate"] for row in found if row["file"] == "silent.mp4"} == {""}
    (problem,) = rows(tmp_path / "out/problems.tsv")
    assert problem["file"] == str(folder / "torn.mp4") and problem["cause"].startswith("left out: ")
    assert any(line.startswith(f"{folder / 'torn.mp4'}: left out: ") for line in log)


def test_without_a_query_all_curves_are_drawn(find: Find, videos: Path, tmp_path: Path) -> None:
    status, printed, _ = find(videos / "street.mp4", videos / "silent.mp4", "--top", "1")
    assert status == 0 and printed.startswith(f'highlights (no query given: "{NEUTRAL_QUERY}" stands in)\n')
    assert "best clips" in printed
    assert sorted(file.name for file in (tmp_path / "out/curves").iterdir()) == ["01_silent.png", "01_street.png"]


def test_curves_of_an_earlier_search_go_and_other_files_stay(find: Find, videos: Path, tmp_path: Path) -> None:
    find(videos / "street.mp4", "--query", "a dog")
    curves = tmp_path / "out/curves"
    (curves / "my.png").write_bytes(b"mine")
    find(videos / "silent.mp4", "--query", "a dog")
    assert sorted(file.name for file in curves.iterdir()) == ["01_silent.png", "my.png"]


def test_a_file_of_queries(find: Find, videos: Path, tmp_path: Path) -> None:
    listed = tmp_path / "queries.txt"
    listed.write_text("a dog\nsilent.mp4\ta cat\nstreet,a bird sings\ncow\ta cow\n", encoding="utf-8")
    two = videos / "street.mp4", videos / "silent.mp4"
    status, _, log = find(*two, "--queries", listed, "--query", "a fish", "--top", "1")
    assert status == 0
    answers = [json.loads(line) for line in (tmp_path / "out/answers.jsonl").read_text().splitlines()]
    asked = [(Path(answer["video"]).stem, answer["query"]) for answer in answers]
    both = [("street", "a fish"), ("street", "a dog"), ("street", "street,a bird sings")]
    assert asked == [*both, ("silent", "a fish"), ("silent", "a dog"), ("silent", "a cat"), ("silent", both[-1][1])]
    assert sum("line 3: 'street,a bird sings' is a query about every video" in line for line in log) == 1
    (problem,) = rows(tmp_path / "out/problems.tsv")
    assert problem["cause"] == "line 4: video 'cow' is missing or cannot be read"


def test_the_demos_network_warns_everywhere(
    find: Find, make_bundle: Callable[..., Path], videos: Path, tmp_path: Path
) -> None:
    status, printed, _ = find(videos / "street.mp4", "--query", "a dog", "--bundle", make_bundle(demo=True))
    out = tmp_path / "out"
    assert status == 0 and f"WARNING: {DEMO_WARNING}" in printed
    assert all(row["warning"] == DEMO_WARNING for row in rows(out / "moments.tsv"))
    assert DEMO_WARNING in (out / "moments.md").read_text()
    assert json.loads((out / "moments.json").read_text())["warning"] == DEMO_WARNING


def test_names_that_several_files_have(find: Find, videos: Path, tmp_path: Path) -> None:
    """Paths tell them apart; the same file twice is one video."""
    (tmp_path / "other").mkdir()
    other = Path(shutil.copy(videos / "silent.mp4", tmp_path / "other/street.mp4"))
    street = videos / "street.mp4"
    again = videos / ".." / videos.name / "street.mp4"
    status, _, log = find(street, other, again, street, "--query", "a dog")
    assert status == 0
    told = [f"{again}: the same file as {street}: taken once", f"{street}: given twice: taken once"]
    assert [line for line in log if "taken once" in line] == told
    assert {row["file"] for row in rows(tmp_path / "out/moments.tsv")} == {str(street), str(other)}
    assert sorted(file.name for file in (tmp_path / "out/curves").iterdir()) == ["01_street.png", "01_street_2.png"]


def test_a_long_query_is_cut_and_a_short_video_has_one_score(find: Find, tmp_path: Path) -> None:
    video = write_video(tmp_path / "short.mp4", 1.0)
    status, _, log = find(video, "--query", " ".join(["dog"] * 500))
    assert status == 0
    (cut,) = (line for line in log if "is cut" in line)
    assert cut.endswith("is cut: the network reads its first 32 tokens (it has 500 words)")
    (problem,) = rows(tmp_path / "out/problems.tsv")
    assert problem["cause"] == "lasts 1.0 s, less than one clip: a single score for all of it"
    # Its one clip is longer than the video, but no moment is, nor a clip that is listed as one.
    for given in (["--query", "dog"], []):
        assert find(video, *given)[0] == 0
        found = rows(tmp_path / "out/moments.tsv")
        assert found and all(float(row["start_s"]) < float(row["end_s"]) <= 1.0 for row in found)


def test_moments_for_other_programs(find: Find, videos: Path, tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    (folder / "more").mkdir(parents=True)
    for name in ("a.mp4", "more/a.mp4"):  # two videos of one name, at a rate that time code counts
        write_video(folder / name, fps=25)
    times = np.concatenate([np.arange(30) / 5, 6.1 + np.arange(30) / 5])
    write_media(folder / "phone.mp4", times)
    given = ["--query", "a dog", "--query", "a siren", "--export", "vtt", "--export", "edl", "--top", "99"]
    status, _, log = find(folder, folder / "more/a.mp4", *given)
    assert status == 0 and log[-2] == f"{tmp_path}/out/exports: for other programs"
    (left_out,) = (line for line in log if line.startswith("left out: "))
    assert left_out.startswith("left out: --export edl: phone.mp4: variable frame rate: frame ")
    exported = {path.name for path in (tmp_path / "out/exports/vtt").iterdir()}
    assert exported == {"a.vtt", "more_a.vtt", "phone.vtt"}
    assert {path.name for path in (tmp_path / "out/exports/edl").iterdir()} == {"a.edl", "more_a.edl"}
    ranked = {(row["query"], row["start_s"]) for row in rows(tmp_path / "out/moments.tsv")}
    captions = webvtt.read(tmp_path / "out/exports/vtt/a.vtt")
    assert captions and {one.text.partition(" (")[0] for one in captions} <= {query for query, _ in ranked}
    text = (tmp_path / "out/exports/edl/a.edl").read_text()
    found = otio.adapters.read_from_string(text, "cmx_3600", rate=25)
    assert {clip.name for clip in found.find_clips()} == {"a.mp4"}
    starts = {clip.source_range.start_time.value / 25 for clip in found.tracks[0]}
    assert starts <= {float(start) for _, start in ranked}


def test_an_export_that_holds_nothing_is_one_line(find: Find, tmp_path: Path) -> None:
    write_media(tmp_path / "phone.mp4", np.concatenate([np.arange(30) / 5, 6.1 + np.arange(30) / 5]))
    status, _, log = find(tmp_path / "phone.mp4", "--query", "a dog", "--export", "otio")
    assert status == 1 and "error: --export otio: phone.mp4: variable frame rate" in log[-1]
    assert (tmp_path / "out/moments.md").is_file()
    # Another format after it is written all the same.
    status, _, log = find(tmp_path / "phone.mp4", "--query", "a dog", "--export", "otio", "--export", "csv")
    assert status == 1 and "error: --export otio: phone.mp4: variable frame rate" in log[-1]
    assert (tmp_path / "out/exports/csv/phone.csv").is_file()
    status, _, log = find(tmp_path / "phone.mp4", "--query", "a dog", "--export", "avi")
    assert status == 2 and len(log) == 1 and "invalid choice: 'avi'" in log[0]
