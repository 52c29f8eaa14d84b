"""Export moments to the formats of editing, labelling and playing programs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from cli import UserError
from eval.exchange import chapters, edl, fcp7_xml, fcpxml, labelling, lossless_cut, otio_json, subtitles
from eval.exchange.cuts import Cut, Timeline
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
        needs_footage: whether the footage table is needed, for frames or for names of files.
    """

    suffix: str
    write: Callable[[Timeline], str]
    about: str
    one_video: bool = False
    project: bool = False
    needs_footage: bool = True


FORMATS = {
    "csv": Format(".csv", lossless_cut.write_csv, "LosslessCut, seconds", one_video=True, needs_footage=False),
    "llc": Format("-proj.llc", lossless_cut.write_project, "LosslessCut, project", one_video=True),
    "edl": Format(".edl", edl.write_edl, "CMX 3600 list: most editing programs"),
    "resolve-markers": Format(".edl", edl.write_markers, "DaVinci Resolve, timeline markers", one_video=True),
    "fcp7": Format(".xml", fcp7_xml.write_xml, "Final Cut Pro 7 XML: Premiere Pro, DaVinci Resolve"),
    "fcpxml": Format(".fcpxml", fcpxml.write_fcpxml, "Final Cut Pro, DaVinci Resolve"),
    "otio": Format(".otio", otio_json.write_otio, "OpenTimelineIO: DaVinci Resolve, Kdenlive, programs"),
    "vtt": Format(".vtt", subtitles.write_vtt, "WebVTT: browsers", one_video=True, needs_footage=False),
    "srt": Format(".srt", subtitles.write_srt, "SubRip: players", one_video=True, needs_footage=False),
    "youtube": Format(
        ".txt", chapters.write_youtube, "chapters for a description", one_video=True, needs_footage=False
    ),
    "ffmetadata": Format(
        ".ffmetadata", chapters.write_ffmetadata, "chapters for FFmpeg", one_video=True, needs_footage=False
    ),
    "via": Format(".json", labelling.write_via, "VIA 3, project", project=True),
    "label-studio": Format(".json", labelling.write_label_studio, "Label Studio, tasks", project=True),
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
) -> dict[str, str]:
    """Render all files of an export: name and content.

    Args:
        name: the format, a key of `FORMATS`.
        selected: the cuts of each query.
        per: what a file is about: video, query or all.
        title: name of the file if there is one for all.
        drop: see `Timeline`.
        folder: folder of the media files.

    Raises:
        UserError: nothing is selected, or the format cannot hold the cuts.
    """
    form = FORMATS[name]
    if form.one_video and per == "all":
        raise UserError(f"--per all: a file of --format {name} is about one video: choose video or query")
    groups = group_cuts(selected, "all" if form.project else per, title)
    if not groups:
        raise UserError("no moments are selected: lower --threshold or --min-length, or select other queries")
    for group, cuts in groups.items() if form.one_video else ():
        count = len({cut.footage.vid for cut in cuts})
        if count > 1:
            raise UserError(
                f"query {group} is about {count} videos: --format {name} is about one video, so choose --per video"
            )
    files = file_names(groups)
    return {
        f"{files[group]}{form.suffix}": form.write(Timeline(group, tuple(cuts), drop, folder))
        for group, cuts in groups.items()
    }
