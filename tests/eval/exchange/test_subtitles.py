"""WebVTT and SRT, read by another parser."""

from __future__ import annotations

from io import StringIO

import pytest
import webvtt

from eval.exchange.cuts import Cut, Timeline
from eval.exchange.subtitles import write_srt, write_vtt
from tests.eval.exchange.timelines import HOSTILE, SPANS, make_footage, make_timeline


@pytest.mark.parametrize(("write", "form"), [(write_vtt, "vtt"), (write_srt, "srt")])
def test_another_parser_reads_the_times_to_the_millisecond(write: object, form: str) -> None:
    assert callable(write)
    captions = webvtt.from_buffer(StringIO(write(make_timeline())), format=form)
    found = [(one.start_in_seconds, one.end_in_seconds) for one in captions]
    times = [(one.start, one.end) for one in captions]
    assert [(int(start), int(end)) for start, end in SPANS] == found
    assert times[1:] == [("00:01:01.500", "00:01:04.250"), ("01:00:00.000", "01:00:50.500")]


def test_a_query_is_text_whatever_it_holds() -> None:
    text = write_vtt(make_timeline())
    assert 'a &lt;b&gt; &amp; "c" -&gt; |x| ; = # \\ é (0.50)' in text.splitlines()
    assert 'a <b> & "c" -> |x| ; = # \\ é (0.50)' in write_srt(make_timeline()).splitlines()
    for written in (text, write_srt(make_timeline())):
        assert written.count("-->") == len(SPANS) and "\n\n\n" not in written


def test_an_empty_query_is_no_empty_cue() -> None:
    cut = Cut(make_footage(), 0.0, 2.0, " \n", None)
    assert "demo_053" in write_vtt(Timeline("t", (cut,)))
    assert HOSTILE not in write_srt(Timeline("t", (cut,)))
