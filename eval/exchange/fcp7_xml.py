"""Final Cut Pro 7's XML (xmeml, version 5), which Premiere Pro and DaVinci Resolve read."""

from __future__ import annotations

from fractions import Fraction
from xml.etree import ElementTree
from xml.etree.ElementTree import Element, SubElement

from eval.exchange.cuts import Timeline, first_timecode
from eval.exchange.names import file_url, one_line
from eval.exchange.timecode import begin_frame, show_timecode, timebase
from formats.media.footage import Footage


def write_xml(timeline: Timeline) -> str:
    """Write a sequence: the cuts one after another, each with a linked clip of picture and of every channel of sound.

    Raises:
        UserError: no constant frame rate, or one that time code cannot count.
    """
    rate, drop = timeline.counted_rate(), timeline.drops()
    sources = timeline.sources()
    tracks = 1 + max(min(source.channels, 2) for source in sources)
    root = Element("xmeml", version="5")
    sequence = SubElement(root, "sequence", id="sequence-1")
    lengths = [stop - first for first, stop in (cut.frames() for cut in timeline.cuts)]
    _add(sequence, "name", one_line(timeline.title))
    _add(sequence, "duration", sum(lengths))
    _add_rate(sequence, rate)
    _add_timecode(sequence, begin_frame(rate, drop), rate, drop)
    media = SubElement(sequence, "media")
    video = SubElement(media, "video")
    shape = SubElement(SubElement(video, "format"), "samplecharacteristics")
    _add_rate(shape, rate)
    _add(shape, "width", max(source.width for source in sources))
    _add(shape, "height", max(source.height for source in sources))
    of_kind = [SubElement(video, "track")]
    if tracks > 1:
        audio = SubElement(media, "audio")
        _add(audio, "numOutputChannels", 2)
        of_kind += [SubElement(audio, "track") for _ in range(tracks - 1)]
    written: set[str] = set()
    at = 0
    for number, (cut, length) in enumerate(zip(timeline.cuts, lengths, strict=True), start=1):
        source = cut.footage
        clips = [f"clipitem-{number}-{track}" for track in range(1 + min(source.channels, 2))]
        for track, clip in enumerate(clips):
            item = SubElement(of_kind[track], "clipitem", id=clip)
            _add(item, "name", one_line(cut.label) or one_line(source.vid))
            _add(item, "enabled", "TRUE")
            _add(item, "duration", source.frames)
            _add_rate(item, rate)
            first = cut.frames()[0]
            for name, frame in (("start", at), ("end", at + length), ("in", first), ("out", first + length)):
                _add(item, name, frame)
            file_id = f"file-{sources.index(source) + 1}"
            file = SubElement(item, "file", id=file_id)
            if file_id not in written:  # later clips only name it
                _describe_file(file, source, timeline, rate)
                written.add(file_id)
            if track:
                where = SubElement(item, "sourcetrack")
                _add(where, "mediatype", "audio")
                _add(where, "trackindex", track)
            for other, linked in enumerate(clips) if len(clips) > 1 else ():
                link = SubElement(item, "link")
                _add(link, "linkclipref", linked)
                _add(link, "mediatype", "audio" if other else "video")
                _add(link, "trackindex", other or 1)
                _add(link, "clipindex", number)
            if cut.score is not None:
                _add(SubElement(item, "comments"), "mastercomment1", f"score {cut.score:.4f}")
        at += length
    ElementTree.indent(root)
    text = ElementTree.tostring(root, encoding="unicode")
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<!DOCTYPE xmeml>\n{text}\n'


def _describe_file(file: Element, source: Footage, timeline: Timeline, rate: Fraction) -> None:
    _add(file, "name", one_line(source.file.rpartition("/")[2]))
    _add(file, "pathurl", file_url(timeline.folder, source.file))
    _add_rate(file, rate)
    _add(file, "duration", source.frames)
    _add_timecode(file, first_timecode(source), rate, timeline.drops_in(source))
    media = SubElement(file, "media")
    shape = SubElement(SubElement(media, "video"), "samplecharacteristics")
    _add_rate(shape, rate)
    _add(shape, "width", source.width)
    _add(shape, "height", source.height)
    if source.channels:
        audio = SubElement(media, "audio")
        _add(SubElement(audio, "samplecharacteristics"), "samplerate", source.sound_rate)
        _add(audio, "channelcount", source.channels)


def _add_rate(parent: Element, rate: Fraction) -> None:
    base = timebase(rate)
    element = SubElement(parent, "rate")
    _add(element, "timebase", base)
    _add(element, "ntsc", "FALSE" if rate == base else "TRUE")


def _add_timecode(parent: Element, frame: int, rate: Fraction, drop: bool) -> None:
    element = SubElement(parent, "timecode")
    _add_rate(element, rate)
    _add(element, "string", show_timecode(frame, rate, drop))
    _add(element, "frame", frame)
    _add(element, "displayformat", "DF" if drop else "NDF")


def _add(parent: Element, name: str, value: object) -> None:
    SubElement(parent, name).text = str(value)
