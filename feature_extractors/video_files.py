"""Decide which files of a folder are videos, and which one belongs to an id, in the same way for all commands.

A file is a video if it opens and has moving pictures, whatever its name. Files are opened only if their names do not
settle it: several files with one id, or an unknown extension. (A folder may hold ten thousand files.)
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from unicodedata import normalize

from cli import UserError

NO_VIDEO = re.compile(
    r"\.(srt|vtt|ass|ssa|sub|sup|idx|sbv|lrc|ttml|smi|json|jsonl|xml|ya?ml|txt|md|nfo|description|csv|tsv|url|html|pdf"
    r"|log|zip|jpe?g|png|webp|bmp|tiff?|hei[cf]s?|avifs?|dng|cr[23]|nef|arw|thm|aae|xmp|exif|gpx|kml|fit|ini|plist|edl"
    r"|modd|moff|cpi|bdm|mpls?|ifo|bup|npy|npz|h5|pt|wav|mp3|m4a|aac|flac|ogg|opus|wma|md5|sha\d+|sfv|part|ytdl|aria2"
    r"|crdownload|torrent|tmp|bak)",
    re.IGNORECASE,
)
"""Extensions of files that lie next to videos and share their names: subtitles, descriptions, pictures, extracted
sound, and what cameras write alongside a recording. Such files are never opened."""
VIDEO = re.compile(
    r"\.(mp4|m4v|mov|qt|mkv|webm|avi|mpe?g|vob|m?2?ts|m2t|m[12]v|3gp|3g2|wmv|asf|flv|f4v|og[vm]|rm|rmvb|dv|mxf|h?26[45]"
    r"|hevc|avc|mjpe?g|gif|y4m|ivf|nut|wtv|mod|tod)",
    re.IGNORECASE,
)
"""Extensions of videos. A broken file with one of them is reported as a broken video."""
COPY = re.compile(r"\.(lrv|lrf|glv)", re.IGNORECASE)
"""Extensions of the small copies that cameras make of each video. They count only if the video itself is missing."""
CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
"""Characters that break lines or that terminals do not show."""


@dataclass(frozen=True)
class Choice:
    """The file chosen as the video of an id.

    Attributes:
        file: the video; None if there is none, or more than one.
        cause: why `file` is None; empty otherwise.
        rest: why each of the other files is not the video.
    """

    file: Path | None
    cause: str
    rest: dict[Path, str]


def choose(files: Sequence[Path]) -> Choice:
    """Choose the video among files with one id (those of `NO_VIDEO` already left out)."""
    if len(files) == 1 and VIDEO.fullmatch(files[0].suffix):
        return Choice(files[0], "", {})
    reasons = {file: why_no_video(file) for file in files}
    good = [file for file in files if not reasons[file]]
    whole = [file for file in good if not COPY.fullmatch(file.suffix)]
    if whole and len(whole) < len(good):
        reasons |= {file: "a low-resolution copy" for file in good if file not in whole}
        good = whole
    named = [file for file in files if VIDEO.fullmatch(file.suffix)]
    if not good and len(named) == 1:
        good = named  # broken: whoever opens it reports the cause
    if len(good) == 1:
        return Choice(good[0], "", {file: reason for file, reason in reasons.items() if file != good[0]})
    if good:
        return Choice(None, f"several files: {', '.join(file.name for file in good)}", reasons)
    told = "; ".join(f"{file.name}: {reason}" for file, reason in reasons.items())
    return Choice(None, told if len(files) == 1 else f"none of several files is one: {told}", reasons)


def why_no_video(file: Path) -> str:
    """Say why a file's content is not a video: it does not open or has no moving pictures. Empty if it is a video."""
    from feature_extractors.media.container import open_media, pick_pictures

    try:
        with open_media(file) as container:
            pick_pictures(file, container)
    except UserError as problem:
        return str(problem).removeprefix(f"{file}: ")
    return ""


def locate_videos(folder: Path, vids: Iterable[str]) -> tuple[dict[str, Path], dict[str, str]]:
    """Find the media file of each video (its id plus an extension), and why other ids have none.

    A name in another Unicode normal form matches as well (macOS writes accents as separate characters).
    """
    wanted = list(vids)
    forms = {normalize("NFC", vid) for vid in wanted}
    exact: dict[str, list[Path]] = {}
    alike: dict[str, list[Path]] = {}
    dangling: dict[str, Path] = {}
    # List the folder once. Not with glob, because ids may contain its special characters.
    for path in sorted(folder.iterdir()) if folder.is_dir() else []:
        form = normalize("NFC", path.stem)
        if form not in forms or NO_VIDEO.fullmatch(path.suffix):
            continue
        if path.is_file():
            exact.setdefault(path.stem, []).append(path)
            alike.setdefault(form, []).append(path)
        elif path.is_symlink() and not path.exists():
            dangling[form] = path
    found: dict[str, Path] = {}
    causes: dict[str, str] = {}
    for vid in wanted:
        form = normalize("NFC", vid)
        files = exact.get(vid) or alike.get(form, [])
        if not files:
            link = dangling.get(form)
            why = f": {link.name} is a link to {link.readlink()}, which is not there" if link else ""
            causes[vid] = f"no video {vid!r}{why}"
            continue
        choice = choose(files)
        if choice.file is not None:
            found[vid] = choice.file
        elif choice.cause.startswith("several"):
            causes[vid] = choice.cause.replace("several files", f"several files for video {vid!r}")
        else:
            causes[vid] = f"no video {vid!r}: {choice.cause}"
    return found, causes


def list_candidates(folder: Path) -> dict[str, list[Path]]:
    """List files that may be videos, by id, in order: not hidden and not in `NO_VIDEO`. Broken links are included."""
    found: dict[str, list[Path]] = {}
    for path in sorted(folder.iterdir()):
        there = path.is_file() or (path.is_symlink() and not path.exists())
        if there and not path.name.startswith(".") and not NO_VIDEO.fullmatch(path.suffix):
            found.setdefault(path.stem, []).append(path)
    return found
