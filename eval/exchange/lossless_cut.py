"""Files of LosslessCut: its CSV of segments in seconds, and its project file (.llc), which is JSON5."""

from __future__ import annotations

import csv as csv_format
import io
import json

from eval.exchange.cuts import Cut, Timeline
from eval.exchange.names import one_line

STEP_S = 0.001
"""Of times in tables: LosslessCut reads three decimals."""
VERSION = 1
"""Of the project file: the one that all releases of LosslessCut read."""


def write_csv(timeline: Timeline) -> str:
    """Write one line per cut: start and end in seconds, label. No heads, as LosslessCut reads it.

    A cut lasts at least as long as LosslessCut can tell.
    """
    text = io.StringIO()
    lines = csv_format.writer(text, lineterminator="\n")
    for cut in timeline.cuts:
        lines.writerow([_seconds(cut.start), _seconds(max(cut.end, cut.start + STEP_S)), one_line(cut.label)])
    return text.getvalue()


def write_project(timeline: Timeline) -> str:
    """Write the project of a video; it is opened from beside the video, whose name it gives."""
    (source,) = timeline.sources()
    segments = [
        {"start": round(cut.start, 6), "end": round(cut.end, 6), "name": one_line(cut.label), **_tags(cut)}
        for cut in timeline.cuts
    ]
    name = source.file.rpartition("/")[2]
    project = {"version": VERSION, "mediaFileName": name, "cutSegments": segments}
    return json.dumps(project, ensure_ascii=False, indent=2) + "\n"


def _tags(cut: Cut) -> dict[str, dict[str, str]]:
    return {} if cut.score is None else {"tags": {"score": f"{cut.score:.4f}"}}


def _seconds(value: float) -> str:
    return f"{value:.6f}".rstrip("0").rstrip(".")
