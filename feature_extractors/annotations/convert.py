"""Convert the annotations of any source: check its files, and write its rows."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

from cli import UserError
from cli.outputs import check_outputs, write_text
from feature_extractors.annotations import (
    SOURCES,
    charades,
    elan,
    folder,
    label_studio,
    qvhighlights,
    span_tables,
    spans,
    timelens,
    tvsum,
    tvsum_files,
    via,
    youtube,
)
from feature_extractors.media.footage import examine
from feature_extractors.video_files import choose_all
from formats.rows import Row, read_rows, write_rows

_log = logging.getLogger(__name__)

LABELLED = ("csv", "via", "label-studio", "elan")
"""Sources that hold moments which people labelled by hand; any number of files."""
MOST_PROBLEMS = 20
"""Violations that are logged; the rest are only counted."""


def convert(
    source: str, files: list[Path], videos: Path | None, out: Path, published: bool, broken_videos: str = "leave_out"
) -> None:
    """Write the rows of a source as JSON lines into the folder `out`.

    Raises:
        UserError: a file is malformed or would be overwritten. Nothing is written then.
    """
    if published and not source.startswith("tvsum-"):
        raise UserError(f"--published: only for TVSum's public files, not for --from {source}")
    wanted = 2 if source in ("tvsum-tsv", "charades") else 1
    if source not in ("qvhighlights", "timelens", *LABELLED) and len(files) != wanted:
        raise UserError(f"--from {source} takes --files {SOURCES[source]}, got {len(files)} files")
    made: dict[Path, str | list[Row]]
    if source == "qvhighlights":
        made = {out / name: rows for name, rows in _checked_splits(files).items()}
    elif source.startswith("tvsum-"):
        splits = tvsum.select(_read_tvsum(source, files, videos, broken_videos), str(files[0]))
        if published:
            made = {out / f"tvsum_{split}.jsonl": tvsum.published_text(chosen) for split, chosen in splits.items()}
        else:
            made = {
                out / f"{split}.jsonl": tvsum.rows_in_seconds(chosen, str(files[0])) for split, chosen in splits.items()
            }
    elif source == "charades":
        made = {out / f"{files[0].stem}.jsonl": charades.make_rows(files[0], files[1])}
    elif source == "timelens":
        made = {out / f"{files[0].stem}.jsonl": timelens.make_rows(files[0], files[1:])}
    elif source == "youtube":
        made = {out / f"{files[0].stem}.jsonl": youtube.make_rows(files[0], domain=files[0].stem)}
    elif source in LABELLED:
        media = _needed(videos, source)
        made = {out / "moments.jsonl": spans.make_rows(_read_spans(source, files, media), media, str(files[0]))}
    else:
        made = {out / "queries.jsonl": folder.make_rows(files[0], _needed(videos, source), broken_videos)}
    check_outputs(list(made), files)
    for path, content in made.items():
        if isinstance(content, str):
            write_text(path, content)
        else:
            _write(path, content)


def _read_tvsum(source: str, files: list[Path], videos: Path | None, broken_videos: str) -> list[tvsum.AnnotatedVideo]:
    if source == "tvsum-mat":
        return tvsum_files.read_mat(files[0])
    return tvsum_files.read_tsv(files[0], files[1], _needed(videos, source), broken_videos)


def _read_spans(source: str, files: list[Path], videos: Path) -> Iterator[spans.Span]:
    """Yield what was labelled by hand, file by file."""
    known = {vid: choice.file for vid, choice in choose_all(videos).items() if choice.file is not None}

    def is_video(name: str) -> bool:
        return spans.find_video(name, known) is not None

    def rate_of(name: str) -> float | None:
        vid = spans.find_video(name, known)
        rate = examine(videos, vid, known[vid]).exact_rate() if vid is not None else None
        return None if rate is None else float(rate)

    for file in files:
        if source == "csv":
            yield from span_tables.read_spans(file)
        elif source == "via":
            yield from via.read_spans(file)
        elif source == "label-studio":
            yield from label_studio.read_spans(file, rate_of)
        else:
            yield from elan.read_spans(file, is_video)


def _needed(videos: Path | None, source: str) -> Path:
    if videos is None:
        raise UserError(f"--from {source} needs --videos: the folder of media files")
    return videos


def _checked_splits(files: list[Path]) -> dict[str, list[Row]]:
    """Read QVHighlights' splits by file name. They already follow the schema, and only gain `duration_s`."""
    splits = {path: read_rows(path) for path in files}
    problems = list(qvhighlights.find_problems(splits))
    for line in problems[:MOST_PROBLEMS]:
        _log.error("%s", line)
    if problems:
        raise UserError(f"{len(problems)} violations of QVHighlights' invariants; nothing was written")
    named = {path.name: rows for path, rows in splits.items()}
    if len(named) < len(splits):
        raise UserError("two of the files have the same name: the rows of one would replace those of the other")
    return {name: [{**row, "duration_s": float(row["duration"])} for row in rows] for name, rows in named.items()}


def _write(path: Path, rows: list[Row]) -> None:
    write_rows(path, rows)
    _log.info("%s: %d queries about %d videos", path, len(rows), len({row["vid"] for row in rows}))
