"""Read TVSum's raw annotation files: the .mat, or the pair of .tsv files together with the videos."""

from __future__ import annotations

import csv
import logging
import sys
from collections.abc import Iterator
from pathlib import Path

import h5py
import numpy as np
from numpy.typing import NDArray

from cli import UserError
from feature_extractors.annotations.tvsum import AnnotatedVideo
from feature_extractors.media.container import open_media, pick_pictures
from feature_extractors.video_files import locate_videos
from formats.annotations import LONGEST
from formats.grid import CLIP_SECONDS
from formats.hdf5 import check_inside, dataset, member, naming_faults, open_file
from formats.labels import HIGHEST_RATING, LOWEST_RATING

_log = logging.getLogger(__name__)

# One line of the anno file holds a score for each frame of a video, up to ten minutes of them.
_LONGEST_FIELD = 10_000_000
MOST_DIGITS = 5
"""Most digits of minutes and seconds: a day has five, and Python refuses to read thousands."""
_FIELDS = ("video", "category", "title", "length", "nframes", "user_anno")


def read_mat(path: Path) -> list[AnnotatedVideo]:
    """Read the videos of ydata-tvsum50.mat, which MATLAB wrote as HDF5 (version 7.3).

    Raises:
        UserError: not an HDF5 file, or one without TVSum's fields and shapes.
    """
    with naming_faults(path, "table of TVSum in MATLAB's version 7.3 format"), open_file(path) as file:
        table = member(file, "tvsum50")
        missing = [name for name in _FIELDS if name not in table]
        if missing:
            raise UserError(f"{path}: tvsum50 has no field {missing[0]!r}")
        fields = {name: dataset(table, name) for name in _FIELDS}
        return [_read_entry(file, fields, path, index) for index in range(len(fields["video"]))]


def _read_entry(file: h5py.File, fields: dict[str, h5py.Dataset], path: Path, index: int) -> AnnotatedVideo:
    def read(field: str) -> NDArray[np.float64]:
        values: NDArray[np.float64] = check_inside(file[fields[field][index, 0]])[()]
        return values

    def text(field: str) -> str:
        # One array element per byte of UTF-8.
        return bytes(read(field).astype(np.uint8).ravel()).decode()

    vid, scores = text("video"), read("user_anno").astype(np.float64)
    frames, duration = int(read("nframes").item()), float(read("length").item())
    if scores.ndim != 2 or scores.shape[1] != frames:
        raise UserError(f"{path}: video {vid!r}: scores {scores.shape} for {frames} frames")
    return _checked(AnnotatedVideo(vid, text("category"), _unquote(text("title")), duration, scores), path)


def read_tsv(info: Path, anno: Path, videos: Path, broken_videos: str = "leave_out") -> list[AnnotatedVideo]:
    """Read the videos of ydata-tvsum50-info.tsv and ydata-tvsum50-anno.tsv.

    The files give a video's number of frames, but its length only in whole seconds, so the frame rate is read from the
    media files in the folder `videos`. A video that is missing or broken keeps its rows, because otherwise scores would
    not show that it is missing; its length is then the whole seconds.

    Raises:
        UserError: a malformed file, annotators that disagree on the number of frames, or a missing or broken video if
            `broken_videos` is stop.
    """
    scores: dict[str, list[NDArray[np.float64]]] = {}
    for number, cells in _read_cells(anno, 3):
        try:
            values = np.array(cells[2].split(","), dtype=np.float64)
        except ValueError:
            raise UserError(f"{anno}: line {number}: scores must be numbers separated by commas") from None
        of_video = scores.setdefault(cells[0], [values])
        if of_video[0] is not values:
            if len(values) != len(of_video[0]):
                raise UserError(
                    f"{anno}: line {number}: {len(values)} scores for {cells[0]!r}, but {len(of_video[0])} before"
                )
            of_video.append(values)
    entries = [cells for number, cells in _read_cells(info, 5) if not (number == 1 and cells[0] == "category")]
    unscored = [cells[1] for cells in entries if cells[1] not in scores]
    if unscored:
        raise UserError(f"{anno}: no scores for {unscored[0]!r}, which {info} lists")
    files, causes = locate_videos(videos, [cells[1] for cells in entries])
    rates = {}
    for vid, file in files.items():
        try:
            rates[vid] = _frame_rate(file)
        except UserError as problem:
            causes[vid] = str(problem)
    if causes and (broken_videos == "stop" or not rates):
        raise UserError(f"{videos}: {'; '.join(causes.values())}")
    for vid, cause in causes.items():
        _log.warning("%s: using the length of %s from %s, in whole seconds", cause, vid, info)
    found = []
    for domain, vid, title, _, length, *_ in entries:
        stacked = np.stack(scores[vid])
        duration = stacked.shape[1] / rates[vid] if vid in rates else _seconds(length, f"{info}: video {vid!r}")
        found.append(_checked(AnnotatedVideo(vid, domain, _unquote(title), duration, stacked), anno))
    return found


def _seconds(text: str, where: str) -> float:
    """Convert a length such as 6:54 to seconds."""
    parts = text.strip().split(":")
    if not 2 <= len(parts) <= 3 or not all(part.isdecimal() for part in parts):
        raise UserError(f"{where}: length must be minutes:seconds, got {text!r}")
    if any(len(part) > MOST_DIGITS for part in parts):
        raise UserError(f"{where}: length must be at most a day, got {text[:40]!r}")
    return float(sum(int(part) * 60**place for place, part in enumerate(reversed(parts))))


def _read_cells(path: Path, least: int) -> Iterator[tuple[int, list[str]]]:
    csv.field_size_limit(min(_LONGEST_FIELD, sys.maxsize))
    try:
        with path.open(encoding="utf-8-sig", newline="") as lines:
            for number, cells in enumerate(csv.reader(lines, delimiter="\t", quoting=csv.QUOTE_NONE), start=1):
                if not cells:
                    continue
                if len(cells) < least:
                    raise UserError(f"{path}: line {number}: {len(cells)} columns, but TVSum has at least {least}")
                yield number, cells
    except FileNotFoundError:
        raise UserError(f"{path}: no such file") from None
    except (UnicodeDecodeError, csv.Error) as problem:
        raise UserError(f"{path}: not a table of UTF-8 text: {problem}") from None


def _frame_rate(file: Path) -> float:
    with open_media(file) as container:
        rate = pick_pictures(file, container).average_rate
    if not rate:
        raise UserError(f"{file}: no video stream with a frame rate")
    return float(rate)


def _unquote(title: str) -> str:
    """Remove the quotes around a title with a comma, as spreadsheets export it; the public rows do not have them."""
    quoted = len(title) >= 2 and title[0] == title[-1] == '"'
    return title[1:-1].replace('""', '"') if quoted else title


def _checked(video: AnnotatedVideo, path: Path) -> AnnotatedVideo:
    if not video.duration_s >= CLIP_SECONDS:
        raise UserError(f"{path}: video {video.vid!r}: {video.duration_s:g} s are shorter than a clip")
    if video.duration_s > LONGEST:
        raise UserError(f"{path}: video {video.vid!r}: {video.duration_s:g} s are over a day")
    if not ((video.scores >= LOWEST_RATING) & (video.scores <= HIGHEST_RATING)).all():
        raise UserError(f"{path}: video {video.vid!r}: scores outside {LOWEST_RATING} to {HIGHEST_RATING}")
    return video
