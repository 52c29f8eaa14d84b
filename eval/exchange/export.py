"""Export moments to the formats of editing, labelling and playing programs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from cli import UserError
from eval.exchange import chapters, edl, fcp7_xml, fcpxml, labelling, lossless_cut, otio_json, subtitles
from eval.exchange.cuts import Cut, Timeline, constant_rate
from eval.exchange.names import file_names
from formats.annotations import LONGEST, Qid
from formats.media.footage import Footage
from formats.rows import Row

PER = ("video", "query", "all")
"""What one exported file is about."""


@dataclass(frozen=True)
class Format:
    """An export format.

    Attributes:
        suffix: the end of its files' names; LosslessCut opens `VIDEO-proj.llc` together with the video.
        write: makes the text of a file.
        about: one line: what it is for.
        one_video: whether a file is about one video.
        project: whether one file holds everything, whatever `per` says.
        counts_frames: whether it needs constant frame rates.
        names_media: whether it names media files.
    """

    suffix: str
    write: Callable[[Timeline], str]
    about: str
    one_video: bool = False
    project: bool = False
    counts_frames: bool = False
    names_media: bool = False

    @property
    def needs_footage(self) -> bool:
        """Whether a footage table is needed."""
        return self.counts_frames or self.names_media


FORMATS = {
    "csv": Format(".csv", lossless_cut.write_csv, "LosslessCut, seconds", one_video=True),
    "llc": Format("-proj.llc", lossless_cut.write_project, "LosslessCut, project", one_video=True, names_media=True),
    "edl": Format(".edl", edl.write_edl, "CMX 3600 list: most editing programs", counts_frames=True),
    "resolve-markers": Format(
        ".edl", edl.write_markers, "DaVinci Resolve, timeline markers", one_video=True, counts_frames=True
    ),
    "fcp7": Format(
        ".xml", fcp7_xml.write_xml, "Final Cut Pro 7 XML: Premiere Pro, DaVinci Resolve", counts_frames=True
    ),
    "fcpxml": Format(".fcpxml", fcpxml.write_fcpxml, "Final Cut Pro, DaVinci Resolve", counts_frames=True),
    "otio": Format(".otio", otio_json.write_otio, "OpenTimelineIO: DaVinci Resolve, Kdenlive", counts_frames=True),
    "vtt": Format(".vtt", subtitles.write_vtt, "WebVTT: browsers", one_video=True),
    "srt": Format(".srt", subtitles.write_srt, "SubRip: players", one_video=True),
    "youtube": Format(".txt", chapters.write_youtube, "chapters for a description", one_video=True),
    "ffmetadata": Format(".ffmetadata", chapters.write_ffmetadata, "chapters for FFmpeg", one_video=True),
    "via": Format(".json", labelling.write_via, "VIA 3, project", project=True, names_media=True),
    "label-studio": Format(
        ".json", labelling.write_label_studio, "Label Studio, tasks", project=True, counts_frames=True
    ),
}


def footage_of_rows(queries: Iterable[Row]) -> dict[str, Footage]:
    """A footage table of the lengths that query rows give, for formats that need no more.

    A video without a length counts as a day long.
    """
    found: dict[str, Footage] = {}
    for row in queries:
        vid, seconds = row.get("vid"), row.get("duration_s", row.get("duration"))
        if not isinstance(seconds, int | float) or isinstance(seconds, bool) or not 0 < seconds <= LONGEST:
            seconds = LONGEST
        if isinstance(vid, str):
            found.setdefault(vid, Footage(vid=vid, file=vid, seconds=float(seconds)))
    return found


def group_cuts(selected: Mapping[Qid, Sequence[Cut]], per: str, title: str) -> dict[str, list[Cut]]:
    """Group the cuts of all queries by the file that they go to, in the order of the queries and of time.

    Args:
        per: video, query or all.
        title: name of the only group of all.
    """
    groups: dict[str, list[Cut]] = {}
    for qid, cuts in selected.items():
        for cut in cuts:
            name = {"video": cut.footage.vid, "query": str(qid), "all": title}[per]
            groups.setdefault(name, []).append(cut)
    if per == "video":
        for cuts in groups.values():
            cuts.sort(key=lambda cut: (cut.start, cut.end))
    return groups


def render_files(
    name: str,
    selected: Mapping[Qid, Sequence[Cut]],
    per: str,
    title: str,
    drop: bool | None = None,
    folder: Path | None = None,
) -> tuple[dict[str, str], list[str]]:
    """Render all files of an export: name and content. Also one line per video or file that had to be left out.

    Args:
        name: the format, a key of `FORMATS`.
        selected: the cuts of each query.
        per: what a file is about: video, query or all.
        title: name of the file if there is one for all.
        drop: see `Timeline`.
        folder: folder of the media files.

    Raises:
        UserError: nothing is selected, or everything had to be left out.
    """
    form = FORMATS[name]
    if form.one_video and per == "all":
        raise UserError(f"--per all: a file of --format {name} is about one video: choose video or query")
    problems: dict[str, None] = {}
    if form.counts_frames:
        kept = {qid: [cut for cut in cuts if _is_countable(cut, problems)] for qid, cuts in selected.items()}
        selected = kept
    groups = group_cuts(selected, "all" if form.project else per, title)
    if not groups and not problems:
        raise UserError("no moments are selected: lower --threshold or --min-length, or select other queries")
    names, files = file_names(groups), {}
    for group, cuts in groups.items():
        try:
            if form.one_video:
                _check_one_video(name, group, cuts)
            files[f"{names[group]}{form.suffix}"] = form.write(Timeline(group, tuple(cuts), drop, folder))
        except UserError as problem:
            problems[str(problem)] = None
    if not files:
        raise UserError("; ".join(problems))
    return files, list(problems)


def _is_countable(cut: Cut, problems: dict[str, None]) -> bool:
    """Whether the video of a cut has a constant frame rate; if not, its problem is added."""
    try:
        constant_rate(cut.footage)
    except UserError as problem:
        problems[str(problem)] = None
        return False
    return True


def _check_one_video(name: str, group: str, cuts: Sequence[Cut]) -> None:
    count = len({cut.footage.vid for cut in cuts})
    if count > 1:
        raise UserError(
            f"query {group} is about {count} videos, but a file of --format {name} about one: choose --per video"
        )
