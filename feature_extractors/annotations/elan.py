"""Read labelled spans from ELAN's annotation files (.eaf), which are XML."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

from cli import UserError
from feature_extractors.annotations.spans import Span, check_seconds

MOST_BYTES = 100_000_000
_log = logging.getLogger(__name__)


class _Refused(Exception):
    """A document with a document type."""


class _Builder(ElementTree.TreeBuilder):
    """Refuses document types: ELAN writes none, and only they can declare entities."""

    def doctype(self, name: str, pubid: str | None, system: str | None) -> None:
        """Called by the parser before it reads any declaration."""
        raise _Refused


def read_xml(path: Path) -> Element:
    """Parse an XML file of unknown origin.

    Raises:
        UserError: no such file, too large, not XML, or with a document type, which could expand to any size.
    """
    try:
        if path.stat().st_size > MOST_BYTES:
            raise UserError(f"{path}: more than {MOST_BYTES // 1_000_000} MB, which no annotation file has")
        return ElementTree.parse(path, ElementTree.XMLParser(target=_Builder())).getroot()
    except FileNotFoundError:
        raise UserError(f"{path}: no such file") from None
    except _Refused:
        raise UserError(f"{path}: has a document type (<!DOCTYPE>), which no ELAN file has: refused") from None
    except (ElementTree.ParseError, ValueError, LookupError) as problem:  # an unknown encoding
        raise UserError(f"{path}: not XML: {problem}") from None


def read_spans(path: Path, is_video: Callable[[str], bool]) -> Iterator[Span]:
    """Yield the annotations of all tiers that lie on the time axis; an annotation without text is labelled by its tier.

    The video is the first media file of the document that `is_video` knows, else the one with the document's own name.
    Annotations without a time of their own are left out, and counted in a warning.

    Raises:
        UserError: not an ELAN file, or a malformed annotation; the message names it.
    """
    root = read_xml(path)
    if root.tag != "ANNOTATION_DOCUMENT":
        raise UserError(f"{path}: not an ELAN file: begins with <{root.tag[:40]}>")
    header = root.find("HEADER")
    units = "milliseconds" if header is None else header.get("TIME_UNITS", "milliseconds")
    if units != "milliseconds":
        raise UserError(f"{path}: times must be milliseconds, not {units[:40]}")
    video, origin = _find_video(header, path, is_video)
    times = {slot.get("TIME_SLOT_ID"): slot.get("TIME_VALUE") for slot in root.iterfind("TIME_ORDER/TIME_SLOT")}
    untimed = 0
    for tier in root.iterfind("TIER"):
        name = tier.get("TIER_ID", "")
        untimed += sum(1 for _ in tier.iterfind("ANNOTATION/REF_ANNOTATION"))
        for annotation in tier.iterfind("ANNOTATION/ALIGNABLE_ANNOTATION"):
            where = f"{path}: tier {name[:60]!r}: annotation {annotation.get('ANNOTATION_ID', '')[:40]}"
            slots = [annotation.get(key) for key in ("TIME_SLOT_REF1", "TIME_SLOT_REF2")]
            for slot in slots:
                if slot not in times:
                    raise UserError(f"{where}: there is no time slot {slot!r:.40}")
            start, end = (times[slot] for slot in slots)
            if start is None or end is None:
                untimed += 1
                continue
            text = annotation.findtext("ANNOTATION_VALUE") or ""
            begin, stop = (_read_time(value, origin, where) for value in (start, end))
            yield Span(video, text if text.strip() else name, begin, stop, where)
    if untimed:
        _log.warning("%s: %d annotations have no time of their own, left out", path, untimed)


def _find_video(header: Element | None, path: Path, is_video: Callable[[str], bool]) -> tuple[str, int]:
    """The video, and the milliseconds of it at which the document's time begins."""
    for medium in [] if header is None else header.iterfind("MEDIA_DESCRIPTOR"):
        for name in (medium.get("RELATIVE_MEDIA_URL"), medium.get("MEDIA_URL")):
            if name and is_video(name):
                return name, int(_whole(medium.get("TIME_ORIGIN") or "0", f"{path}: TIME_ORIGIN"))
    return path.stem, 0


def _read_time(text: str, origin: int, where: str) -> float:
    return check_seconds((_whole(text, where) + origin) / 1000, where)


def _whole(text: str, where: str) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) < 12):
        raise UserError(f"{where}: a time must be whole milliseconds, got {text[:40]!r}")
    return int(text)
