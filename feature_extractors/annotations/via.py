"""Read labelled spans from projects of the VGG video annotator, VIA 3."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from cli import UserError
from feature_extractors.annotations.spans import Span, check_seconds
from formats.rows import Row, read_object, shorten

_SEGMENT = "FILE1_Z2_XY0"
"""VIA's name of attributes that describe a temporal segment of one file."""
_OPTIONS = (2, 3, 4)
"""VIA's kinds of attributes whose values are keys of options: boxes to tick, buttons, lists. The others are text."""
_log = logging.getLogger(__name__)


def read_spans(path: Path) -> Iterator[Span]:
    """Yield the temporal segments of a project; each value of an attribute is a label.

    Points in time and regions of a picture are left out, and counted in a warning.

    Raises:
        UserError: not a project of VIA 3, or a malformed entry; the message names it.
    """
    project = read_object(path)
    if not all(isinstance(project.get(key), dict) for key in ("attribute", "file", "view", "metadata")):
        raise UserError(f"{path}: not a project of VIA 3: needs attribute, file, view and metadata")
    attributes = {
        key: attribute
        for key, attribute in project["attribute"].items()
        if isinstance(attribute, dict) and attribute.get("anchor_id") == _SEGMENT
    }
    others = 0
    for key, entry in project["metadata"].items():
        where = f"{path}: metadata {shorten(key)}"
        times, values = (entry.get("z"), entry.get("av")) if isinstance(entry, dict) else (None, None)
        if not isinstance(times, list) or not isinstance(values, dict):
            raise UserError(f"{where}: needs z, a list of seconds, and av, an object")
        if len(times) != 2:
            others += 1
            continue
        start, end = (check_seconds(time, where) for time in times)
        labels = [label for name, value in values.items() for label in _labels(attributes.get(name), value, where)]
        if not labels:
            raise UserError(f"{where}: the segment from {start:g} s has no label")
        video = _find_file(project, str(entry.get("vid")), where)
        yield from (Span(video, label, start, end, where) for label in labels)
    if others:
        _log.warning("%s: %d entries are no temporal segments, left out", path, others)


def _labels(attribute: Row | None, value: Any, where: str) -> list[str]:
    """The labels that a value stands for; empty if it describes no temporal segment, or nothing was chosen."""
    if attribute is None or value in ("", None):
        return []
    if not isinstance(value, str):
        raise UserError(f"{where}: a value must be text, got {shorten(value)}")
    if attribute.get("type") not in _OPTIONS:
        return [value]
    options = attribute.get("options")
    options = options if isinstance(options, dict) else {}
    keys = [key for key in value.split(",") if key] if attribute["type"] == 2 else [value]
    for key in keys:
        if not isinstance(options.get(key), str):
            raise UserError(f"{where}: the attribute has no option {shorten(key)}")
    return [options[key] for key in keys]


def _find_file(project: Row, view: str, where: str) -> str:
    entry = project["view"].get(view)
    files = entry.get("fid_list") if isinstance(entry, dict) else None
    file = project["file"].get(str(files[0])) if isinstance(files, list) and files else None
    name = file.get("fname") or file.get("src") if isinstance(file, dict) else None
    if not isinstance(name, str):
        raise UserError(f"{where}: its view {shorten(view)} has no file")
    return name
