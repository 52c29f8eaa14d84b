"""Final Cut Pro's XML, version 1.9, which DaVinci Resolve reads as well."""

from __future__ import annotations

from fractions import Fraction
from xml.etree import ElementTree
from xml.etree.ElementTree import Element, SubElement

from eval.exchange.cuts import Timeline, first_timecode
from eval.exchange.names import file_url, one_line
from eval.exchange.timecode import begin_frame
from formats.media.footage import Footage

VERSION = "1.9"
_HERTZ = {32000: "32k", 44100: "44.1k", 48000: "48k", 88200: "88.2k", 96000: "96k", 176400: "176.4k", 192000: "192k"}


def write_fcpxml(timeline: Timeline) -> str:
    """Write a project: the cuts one after another, each with a marker that holds its query.

    Times are whole frames as fractions of a second, which the format demands.

    Raises:
        UserError: no constant frame rate, or one that time code cannot count.
    """
    rate, drop = timeline.counted_rate(), timeline.drops()
    sources = timeline.sources()
    root = Element("fcpxml", version=VERSION)
    resources = SubElement(root, "resources")
    formats: dict[tuple[int, int, str], str] = {}
    for source in sources:
        size = _size_of(source)
        if size not in formats:
            formats[size] = f"r{len(formats) + 1}"
            shape = {"width": str(source.width), "height": str(source.height)}
            if source.pixel_aspect:
                shape |= zip(("paspH", "paspV"), source.pixel_aspect.split("/"), strict=True)
            about = {"id": formats[size], "frameDuration": _time(1, rate), **shape}
            SubElement(resources, "format", about)
    assets = {source.vid: f"r{len(formats) + number}" for number, source in enumerate(sources, start=1)}
    for source in sources:
        _describe_asset(resources, assets[source.vid], formats[_size_of(source)], timeline, source, rate)
    lengths = [stop - first for first, stop in (cut.frames() for cut in timeline.cuts)]
    title = one_line(timeline.title)
    event = SubElement(SubElement(root, "library"), "event", name=title)
    about = {
        "format": formats[_size_of(sources[0])],
        "duration": _time(sum(lengths), rate),
        "tcStart": _time(begin_frame(rate, drop), rate),
        "tcFormat": _kind(drop),
        **_sound_of(sources[0]),
    }
    sequence = SubElement(SubElement(event, "project", name=title), "sequence", about)
    spine = SubElement(sequence, "spine")
    at = 0
    for cut, length in zip(timeline.cuts, lengths, strict=True):
        source = cut.footage
        start = _time(first_timecode(source) + cut.frames()[0], rate)
        label = one_line(cut.label) or one_line(source.vid)
        clip = SubElement(
            spine,
            "asset-clip",
            ref=assets[source.vid],
            name=label,
            offset=_time(at, rate),
            start=start,
            duration=_time(length, rate),
            tcFormat=_kind(timeline.drops_in(source)),
        )
        score = {} if cut.score is None else {"note": f"score {cut.score:.4f}"}
        SubElement(clip, "marker", {"start": start, "duration": _time(1, rate), "value": label, **score})
        at += length
    ElementTree.indent(root)
    text = ElementTree.tostring(root, encoding="unicode")
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<!DOCTYPE fcpxml>\n{text}\n'


def _describe_asset(
    resources: Element, name: str, shape: str, timeline: Timeline, source: Footage, rate: Fraction
) -> None:
    sound = {}
    if source.channels:
        sound = {"hasAudio": "1", "audioSources": "1", "audioChannels": str(source.channels)}
        sound["audioRate"] = str(source.sound_rate)
    about = {
        "id": name,
        "name": one_line(source.vid),
        "start": _time(first_timecode(source), rate),
        "duration": _time(source.frames, rate),
        "hasVideo": "1",
        "format": shape,
        **sound,
    }
    asset = SubElement(resources, "asset", about)
    SubElement(asset, "media-rep", kind="original-media", src=file_url(timeline.folder, source.file))


def _size_of(source: Footage) -> tuple[int, int, str]:
    return source.width, source.height, source.pixel_aspect


def _sound_of(source: Footage) -> dict[str, str]:
    layout = {1: "mono", 2: "stereo"}.get(source.channels, "surround")
    return {"audioLayout": layout, "audioRate": _HERTZ.get(source.sound_rate, "48k")} if source.channels else {}


def _time(frames: int, rate: Fraction) -> str:
    """A number of frames as seconds: 250 at 30000/1001 are 250250/30000s. Never shortened: some readers want a bar."""
    return f"{frames * rate.denominator}/{rate.numerator}s"


def _kind(drop: bool) -> str:
    return "DF" if drop else "NDF"
