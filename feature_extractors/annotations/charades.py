"""Charades-STA: sentences with one moment each (`ID START END##SENTENCE.` lines), and lengths from Charades' table.

The dataset has no saliency, so rows have only `relevant_windows`: enough for inference and for scoring moments.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from pathlib import Path

from cli import UserError
from feature_extractors.annotations.qids import number
from formats.annotations import LONGEST
from formats.grid import CLIP_SECONDS, ClipGrid, whole_seconds
from formats.rows import Row

_LINE = re.compile(r"(?P<vid>\S+) (?P<start>\d+(?:\.\d+)?) (?P<end>\d+(?:\.\d+)?)##(?P<query>.+)")


def read_lengths(path: Path) -> dict[str, float]:
    """Read the seconds of every video from Charades_v1_train.csv or _test.csv (columns `id` and `length`)."""
    lengths = {}
    try:
        with path.open(encoding="utf-8-sig", newline="") as lines:
            for line, cells in enumerate(csv.DictReader(lines), start=2):
                try:
                    vid, seconds = cells["id"], float(cells["length"])
                except (KeyError, TypeError, ValueError):
                    raise UserError(f"{path}: line {line}: needs the columns id and length (seconds)") from None
                if not 0 < seconds <= LONGEST:
                    raise UserError(
                        f"{path}: line {line}: length must be a number of seconds above 0, at most a day, got {seconds}"
                    )
                lengths[vid] = seconds
    except FileNotFoundError:
        raise UserError(f"{path}: no such file") from None
    except (UnicodeDecodeError, csv.Error) as problem:
        raise UserError(f"{path}: not a table of UTF-8 text: {problem}") from None
    return lengths


def make_rows(sentences: Path, table: Path) -> list[Row]:
    """Make one row per sentence. Moments are cut at the video's end; a sentence that occurs twice keeps both rows.

    Raises:
        UserError: a malformed line, a moment that is empty within its video, or a video without a length.
    """
    lengths = read_lengths(table)
    clips = ClipGrid(seconds=CLIP_SECONDS)
    keys, rows = [], []
    for line, match in _read_lines(sentences):
        vid, query = match["vid"], match["query"].strip()
        if vid not in lengths:
            raise UserError(f"{sentences}: line {line}: {table} has no video {vid!r}")
        start, end = float(match["start"]), min(float(match["end"]), lengths[vid])
        if not start < end:
            raise UserError(
                f"{sentences}: line {line}: no moment between {start:g} and {end:g} s of a {lengths[vid]:g} s video"
            )
        # The line number separates moments of the same sentence in the same video.
        keys.append((vid, query, f"{start:g}", f"{end:g}", str(line)))
        rows.append(
            {
                "query": query,
                "vid": vid,
                "duration": whole_seconds(clips.count(lengths[vid])),
                "duration_s": lengths[vid],
                "relevant_windows": [[start, end]],
            }
        )
    if not rows:
        raise UserError(f"{sentences}: no sentences")
    return [{"qid": qid, **row} for qid, row in zip(number(keys, str(sentences)), rows, strict=True)]


def _read_lines(path: Path) -> Iterator[tuple[int, re.Match[str]]]:
    try:
        # str.splitlines would also split at U+2028 and the like, which occur within sentences.
        lines = path.read_text(encoding="utf-8-sig").split("\n")
    except FileNotFoundError:
        raise UserError(f"{path}: no such file") from None
    except UnicodeDecodeError:
        raise UserError(f"{path}: not UTF-8 text") from None
    for number_, line in enumerate(lines, start=1):
        if line.strip():
            match = _LINE.fullmatch(line.strip())
            if match is None:
                raise UserError(f"{path}: line {number_}: must have the form ID START END##SENTENCE")
            yield number_, match
