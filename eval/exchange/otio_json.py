"""OpenTimelineIO's JSON (.otio)."""

from __future__ import annotations

import json
from fractions import Fraction
from typing import Any

from eval.exchange.cuts import Cut, Timeline, constant_rate, first_timecode
from eval.exchange.names import file_url, one_line
from eval.exchange.timecode import begin_frame

METADATA = "av_highlights"
"""Key of our own values, as the format wants it."""


def write_otio(timeline: Timeline) -> str:
    """Write a timeline: the cuts one after another on a track of pictures, and on one of sound if all have sound.

    Files may have different frame rates.

    Raises:
        UserError: a frame rate is variable.
    """
    title = one_line(timeline.title)
    kinds = ["Video", "Audio"] if all(source.channels for source in timeline.sources()) else ["Video"]
    tracks = [
        {
            **_item("Track.1", kind),
            "kind": kind,
            "source_range": None,
            "children": [_clip(cut, timeline) for cut in timeline.cuts],
        }
        for kind in kinds
    ]
    stack = {**_item("Stack.1", "tracks"), "source_range": None, "children": tracks}
    content = {"OTIO_SCHEMA": "Timeline.1", "name": title, "metadata": {}, "global_start_time": _begin(timeline)}
    return json.dumps({**content, "tracks": stack}, ensure_ascii=False, indent=2) + "\n"


def _clip(cut: Cut, timeline: Timeline) -> dict[str, Any]:
    source, rate = cut.footage, constant_rate(cut.footage)
    first, stop = cut.frames()
    begin = first_timecode(source)
    media = {
        "OTIO_SCHEMA": "ExternalReference.1",
        "name": one_line(source.file.rpartition("/")[2]),
        "metadata": {},
        "available_range": _range(begin, source.frames, rate),
        "available_image_bounds": None,
        "target_url": file_url(timeline.folder, source.file),
    }
    query = {"query": one_line(cut.label), "vid": one_line(source.vid)}
    score = {} if cut.score is None else {"score": cut.score}
    return {
        **_item("Clip.2", query["query"] or query["vid"]),
        "metadata": {METADATA: {**query, **score}},
        "source_range": _range(begin + first, stop - first, rate),
        "media_references": {"DEFAULT_MEDIA": media},
        "active_media_reference_key": "DEFAULT_MEDIA",
    }


def _begin(timeline: Timeline) -> dict[str, Any]:
    rate = constant_rate(timeline.sources()[0])
    try:
        return _time(begin_frame(rate, timeline.drops()), rate)
    except ValueError:  # a rate without time code
        return _time(0, rate)


def _item(schema: str, name: str) -> dict[str, Any]:
    more = {"effects": [], "markers": [], "enabled": True}
    return {"OTIO_SCHEMA": schema, "name": name, "metadata": {}, **more}


def _range(start: int, length: int, rate: Fraction) -> dict[str, Any]:
    return {"OTIO_SCHEMA": "TimeRange.1", "start_time": _time(start, rate), "duration": _time(length, rate)}


def _time(frames: int, rate: Fraction) -> dict[str, Any]:
    return {"OTIO_SCHEMA": "RationalTime.1", "rate": float(rate), "value": float(frames)}
