"""Read labelled spans from Label Studio's export in its format JSON."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from cli import UserError
from feature_extractors.annotations.spans import Span, check_seconds
from formats.rows import Row, parse_json, shorten

MOST_FPS = 1000


def read_spans(path: Path, rate_of: Callable[[str], float | None]) -> Iterator[Span]:
    """Yield the spans of all annotations: those of a timeline (`timelinelabels`) and of a sound track (`labels`).

    A timeline counts frames from 1, at the rate that its video has in the labelling interface: the task's `fps` if it
    has that, else that of the video. Pre-annotations and cancelled annotations are left out.

    Args:
        rate_of: frames per second of a video, by the name that the task gives it; None if that is not constant.

    Raises:
        UserError: not such an export, or a malformed task; the message names it.
    """
    try:
        tasks = parse_json(path.read_text(encoding="utf-8-sig"), str(path))
    except FileNotFoundError:
        raise UserError(f"{path}: no such file") from None
    except UnicodeDecodeError:
        raise UserError(f"{path}: not UTF-8 text") from None
    if not isinstance(tasks, list) or not all(isinstance(task, dict) for task in tasks):
        raise UserError(f"{path}: not a list of tasks: export from Label Studio as JSON")
    for number, task in enumerate(tasks, start=1):
        where = f"{path}: task {number}"
        data, annotations = task.get("data"), task.get("annotations", [])
        if not isinstance(data, dict) or not isinstance(annotations, list):
            raise UserError(f"{where}: needs data and annotations: export from Label Studio as JSON, not JSON-MIN")
        results = [result for annotation in annotations for result in _results(annotation, where)]
        for result in results:
            yield from _read_result(result, data, where, rate_of)


def _results(annotation: Any, where: str) -> list[Row]:
    results = annotation.get("result") if isinstance(annotation, dict) else None
    if not isinstance(results, list) or not all(isinstance(result, dict) for result in results):
        raise UserError(f"{where}: an annotation without a list of results")
    return [] if annotation.get("was_cancelled") else results


def _read_result(result: Row, data: Row, where: str, rate_of: Callable[[str], float | None]) -> Iterator[Span]:
    kind, value = result.get("type"), result.get("value")
    if kind not in ("timelinelabels", "labels") or not isinstance(value, dict):
        return  # a choice, a text field, a box in a picture
    labels = value.get(kind)
    if not isinstance(labels, list) or not all(isinstance(label, str) for label in labels):
        raise UserError(f"{where}: {kind} must be a list of labels")
    video = _find_video(data, where)
    if kind == "labels":
        times = [(check_seconds(value.get("start"), where), check_seconds(value.get("end"), where))]
    else:
        ranges = value.get("ranges")
        if not isinstance(ranges, list) or not all(isinstance(one, dict) for one in ranges):
            raise UserError(f"{where}: ranges must be a list of start and end")
        rate = _read_rate(data, video, where, rate_of)
        # The last frame is included.
        times = [(_frame(one, "start", where) / rate, (_frame(one, "end", where) + 1) / rate) for one in ranges]
    for start, end in times:
        yield from (Span(video, label, start, end, where) for label in labels)


def _frame(one: Row, key: str, where: str) -> int:
    value = one.get(key)
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value < 10**9:
        raise UserError(f"{where}: {key} of a range must be a frame from 1, got {shorten(value)}")
    return value - 1


def _find_video(data: Row, where: str) -> str:
    """The task's video: the value of `video`, else the first text that looks like a path."""
    texts = [data.get("video"), *data.values()]
    found = next((text for text in texts if isinstance(text, str) and "." in text), None)
    if found is None:
        raise UserError(f"{where}: its data name no video")
    return found


def _read_rate(data: Row, video: str, where: str, rate_of: Callable[[str], float | None]) -> float:
    rate = data["fps"] if "fps" in data else rate_of(video)
    if rate is None:
        raise UserError(f"{where}: {shorten(video)} has no constant frame rate, so put fps into the task's data")
    if isinstance(rate, bool) or not isinstance(rate, int | float) or not 0 < rate <= MOST_FPS:
        raise UserError(f"{where}: fps must be a number above 0, at most {MOST_FPS}, got {shorten(rate)}")
    return float(rate)
