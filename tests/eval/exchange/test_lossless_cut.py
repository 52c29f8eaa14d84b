"""Files of LosslessCut: its project read by a parser of JSON5, both by what its source accepts."""

from __future__ import annotations

import csv
import io
from dataclasses import replace
from fractions import Fraction
from math import floor

import json5
import pytest

from eval.exchange.lossless_cut import write_csv, write_project
from tests.eval.exchange.timelines import (
    EDGES,
    HOSTILE,
    RATES,
    SPANS,
    make_frame_timeline,
    make_timeline,
    nearest_frames,
)

LABELS = ['a <b> & "c" --> |x| ; = # \\ é', "x", "y"]


def test_a_table_has_start_end_and_label_in_seconds() -> None:
    # LosslessCut's parseCsv: three columns in every row, times as decimal seconds.
    rows = list(csv.reader(io.StringIO(write_csv(make_timeline()))))
    assert [(float(start), float(end)) for start, end, _ in rows] == SPANS
    assert [label for *_, label in rows] == LABELS


@pytest.mark.parametrize("label", [HOSTILE, "a,b", 'a"b', "=1+1", "", "a\r\nb"])
def test_any_label_stays_in_its_column(label: str) -> None:
    text = write_csv(make_timeline(labels=(label, "x", "y")))
    assert [len(row) for row in csv.reader(io.StringIO(text))] == [3, 3, 3]
    assert len(text.splitlines()) == 3


def test_a_time_is_not_written_with_an_exponent() -> None:
    timeline = make_timeline()
    short = replace(timeline, cuts=(replace(timeline.cuts[0], start=0.00001, end=86_000.5),))
    assert write_csv(short).startswith("0.00001,86000.5,")


def test_what_the_end_of_a_video_leaves_of_a_moment_is_not_empty() -> None:
    timeline = make_timeline()
    left = replace(timeline, cuts=(replace(timeline.cuts[0], start=150.0, end=150.0004),))
    assert write_csv(left).startswith("150,150.001,")


def test_a_project_follows_the_schema_of_version_1() -> None:
    # llcProjectV1Schema: version 1, mediaFileName, cutSegments of start, end, name and tags, which are texts.
    project = json5.loads(write_project(make_timeline()))
    assert project == {
        "version": 1,
        "mediaFileName": "demo 053 <&>.mp4",
        "cutSegments": [
            {"start": start, "end": end, "name": label, "tags": {"score": "0.5000"}}
            for (start, end), label in zip(SPANS, LABELS, strict=True)
        ],
    }


@pytest.mark.parametrize(("rate", "drop"), RATES)
def test_times_lead_to_the_frames_that_they_are_of(rate: str, drop: bool | None) -> None:
    timeline = make_frame_timeline(rate, drop)
    segments = json5.loads(write_project(timeline))["cutSegments"]
    assert nearest_frames([(one["start"], one["end"]) for one in segments], rate) == EDGES
    # Of a table's times LosslessCut reads three decimals and drops the others.
    rows = [row[:2] for row in csv.reader(io.StringIO(write_csv(timeline)))]
    cut_off = [tuple(floor(Fraction(time) * 1000) / 1000 for time in row) for row in rows]
    assert nearest_frames([(start, end) for start, end in cut_off], rate) == EDGES
