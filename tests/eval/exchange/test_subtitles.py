"""WebVTT and SRT, read by other parsers."""

from __future__ import annotations

from collections.abc import Callable
from io import StringIO

import pysubs2
import pytest
import webvtt

from eval.exchange.cuts import Cut, Timeline
from eval.exchange.subtitles import write_srt, write_vtt
from tests.eval.exchange.timelines import (
    EDGES,
    HOSTILE,
    RATES,
    SPANS,
    make_footage,
    make_frame_timeline,
    make_timeline,
    nearest_frames,
)

WRITERS = [(write_vtt, "vtt"), (write_srt, "srt")]
Write = Callable[[Timeline], str]


@pytest.mark.parametrize(("write", "form"), WRITERS)
def test_another_parser_reads_the_times_to_the_millisecond(write: Write, form: str) -> None:
    captions = webvtt.from_buffer(StringIO(write(make_timeline())), format=form)
    found = [(one.start_in_seconds, one.end_in_seconds) for one in captions]
    times = [(one.start, one.end) for one in captions]
    assert [(int(start), int(end)) for start, end in SPANS] == found
    assert times[1:] == [("00:01:01.500", "00:01:04.250"), ("01:00:00.000", "01:00:50.500")]


@pytest.mark.parametrize(("rate", "drop"), RATES)
@pytest.mark.parametrize(("write", "form"), WRITERS)
def test_times_lead_to_the_frames_that_they_are_of(write: Write, form: str, rate: str, drop: bool | None) -> None:
    captions = pysubs2.SSAFile.from_string(write(make_frame_timeline(rate, drop)), format_=form)
    assert nearest_frames([(one.start / 1000, one.end / 1000) for one in captions], rate) == EDGES


def test_another_program_shows_the_query_as_it_is() -> None:
    captions = pysubs2.SSAFile.from_string(write_srt(make_timeline()), format_="srt", keep_html_tags=True)
    assert [one.text for one in captions] == ['a <b> & "c" -> |x| ; = # \\ é (0.50)', "x (0.50)", "y (0.50)"]


def test_a_query_is_text_whatever_it_holds() -> None:
    text = write_vtt(make_timeline())
    assert 'a &lt;b&gt; &amp; "c" -&gt; |x| ; = # \\ é (0.50)' in text.splitlines()
    assert 'a <b> & "c" -> |x| ; = # \\ é (0.50)' in write_srt(make_timeline()).splitlines()
    for written in (text, write_srt(make_timeline())):
        assert written.count("-->") == len(SPANS) and "\n\n\n" not in written


@pytest.mark.parametrize(("write", "form"), WRITERS)
def test_what_the_end_of_a_video_leaves_of_a_moment_is_shown(write: Write, form: str) -> None:
    text = write(Timeline("t", (Cut(make_footage(seconds=150.0004), 150.0, 150.0004, "x", None),)))
    (caption,) = pysubs2.SSAFile.from_string(text, format_=form)
    assert (caption.start, caption.end) == (150_000, 150_001)


def test_an_empty_query_is_no_empty_cue() -> None:
    cut = Cut(make_footage(), 0.0, 2.0, " \n", None)
    assert "demo_053" in write_vtt(Timeline("t", (cut,)))
    assert HOSTILE not in write_srt(Timeline("t", (cut,)))
