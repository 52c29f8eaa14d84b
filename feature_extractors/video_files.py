"""Decide which files of a folder are videos, and which one belongs to an id, in the same way for all commands.

A file is a video if it opens and has moving pictures, whatever its name. Sound alone (a podcast, a field recording)
counts if its id has no video: it is a video without pictures. Subfolders are searched too; an id is the name of a file
without its extension. Files are opened only if their names do not settle it: several files with one id, or an unknown
extension. (A folder may hold ten thousand files.)
"""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from unicodedata import normalize

from cli import UserError

_log = logging.getLogger(__name__)

NO_MEDIA = re.compile(
    r"\.(srt|vtt|ass|ssa|sub|sup|idx|sbv|lrc|ttml|smi|json|jsonl|xml|ya?ml|txt|md|nfo|description|csv|tsv|url|html|pdf"
    r"|log|lock|lck|pid|db|zip|jpe?g|png|webp|bmp|tiff?|hei[cf]s?|avifs?|dng|cr[23]|nef|arw|thm|aae|xmp|exif|gpx|kml|fit|ini|plist|edl"
    r"|modd|moff|cpi|bdm|mpls?|ifo|bup|npy|npz|h5|pt|md5|sha\d+|sfv|part|ytdl|aria2|crdownload|torrent|tmp|bak)",
    re.IGNORECASE,
)
"""Extensions of files that lie next to videos and share their names: subtitles, descriptions, pictures, and what
cameras write alongside a recording. Such files are never opened."""
SOUND = re.compile(r"\.(wav|mp3|m4a|m4b|aac|flac|og[ga]|opus|wma|aiff?|aifc|mka|amr|ac3|caf|wv)", re.IGNORECASE)
"""Extensions of sound. Next to a video it was extracted from it, and is ignored."""
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
SEVERAL = "several files"
SOUND_ALONE = "no video stream, only sound"


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

    @property
    def is_media(self) -> bool:
        """Whether any of the files is media or is named like it; no `lock` or `README` is."""
        named = any(VIDEO.fullmatch(file.suffix) or SOUND.fullmatch(file.suffix) for file in self.rest)
        return self.file is not None or named or self.cause.startswith(SEVERAL)


def choose(files: Sequence[Path], folder: Path) -> Choice:
    """Choose the video among files with one id (those of `NO_MEDIA` already left out).

    Videos come before sound, and files of the folder itself before those of subfolders, which may be older versions.

    Args:
        files: in order.
        folder: the searched folder.
    """
    tiers: dict[tuple[bool, bool], list[Path]] = {}
    for file in files:
        tiers.setdefault((bool(SOUND.fullmatch(file.suffix)), file.parent != folder), []).append(file)
    failed: dict[Path, str] = {}
    for place, tier in sorted(tiers.items()):
        choice = _choose(tier, folder)
        if choice.file is None and not choice.cause:
            failed |= choice.rest
            continue
        below = tiers.get((False, True), []) if place == (False, False) else []
        hidden = dict.fromkeys(below, "in a subfolder, and another file of its id is in the folder itself")
        return Choice(choice.file, choice.cause, {**failed, **choice.rest, **hidden})
    told = "; ".join(f"{_called(file, folder)}: {reason}" for file, reason in failed.items())
    return Choice(None, told if len(failed) == 1 else f"none of several files is one: {told}", failed)


def _choose(files: Sequence[Path], folder: Path) -> Choice:
    """Choose among files of one kind and place; without a cause if none of them is a video."""
    if len(files) == 1 and (VIDEO.fullmatch(files[0].suffix) or SOUND.fullmatch(files[0].suffix)):
        return Choice(files[0], "", {})
    reasons = {file: why_no_video(file) for file in files}
    good = [file for file in files if not reasons[file]]
    whole = [file for file in good if not COPY.fullmatch(file.suffix)]
    if whole and len(whole) < len(good):
        reasons |= {file: "a low-resolution copy" for file in good if file not in whole}
        good = whole
    if not good:
        good = [file for file in files if reasons[file] == SOUND_ALONE]
    named = [file for file in files if VIDEO.fullmatch(file.suffix)]
    if not good and len(named) == 1:
        good = named  # broken: whoever opens it reports the cause
    if len(good) == 1:
        return Choice(good[0], "", {file: reason for file, reason in reasons.items() if file != good[0]})
    if good:
        return Choice(None, f"{SEVERAL}: {', '.join(_called(file, folder) for file in good)}", reasons)
    return Choice(None, "", reasons)


def why_no_video(file: Path) -> str:
    """Say why a file's content is not a video: it does not open or has no moving pictures. Empty if it is a video."""
    from feature_extractors.media.container import NO_PICTURES, find_pictures, open_media, pick_sound

    try:
        with open_media(file) as container:
            if find_pictures(file, container) is not None:
                return ""
            return SOUND_ALONE if pick_sound(container) is not None else NO_PICTURES
    except UserError as problem:
        return str(problem).removeprefix(f"{file}: ")


def locate_videos(folder: Path, vids: Iterable[str]) -> tuple[dict[str, Path], dict[str, str]]:
    """Find the media file of each video (its id plus an extension), and why other ids have none.

    A name in another Unicode normal form matches as well (macOS writes accents as separate characters). An id may also
    be the path of its file within the folder, `part1/clip`.
    """
    wanted = list(vids)
    forms = {normalize("NFC", vid) for vid in wanted}
    paths = any("/" in vid for vid in wanted)
    exact: dict[str, list[Path]] = {}
    alike: dict[str, list[Path]] = {}
    dangling: dict[str, Path] = {}
    # List the folder once. Not with glob, because ids may contain its special characters.
    for path in scan(folder):
        stem, suffix = path.stem, path.suffix
        if NO_MEDIA.fullmatch(suffix):
            continue
        names = [stem]
        if paths and path.parent != folder:
            names.append(str(path.relative_to(folder).with_suffix("")))
        for name in names:
            form = name if name.isascii() else normalize("NFC", name)
            if form not in forms:
                continue
            if path.is_file():
                exact.setdefault(name, []).append(path)
                alike.setdefault(form, []).append(path)
            elif is_dangling(path):
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
        choice = choose(files, folder)
        if choice.file is not None:
            found[vid] = choice.file
        elif choice.cause.startswith(SEVERAL):
            causes[vid] = choice.cause.replace(SEVERAL, f"{SEVERAL} for video {vid!r}")
        else:
            causes[vid] = f"no video {vid!r}: {choice.cause}"
    return found, causes


def choose_all(folder: Path) -> dict[str, Choice]:
    """Choose the video of each id in a folder, in order. Hidden files are skipped; broken links are included."""
    found: dict[str, list[Path]] = {}
    for path in scan(folder):
        if path.name.startswith(".") or NO_MEDIA.fullmatch(path.suffix):
            continue
        if path.is_file() or is_dangling(path):
            found.setdefault(path.stem, []).append(path)
    return {vid: choose(files, folder) for vid, files in sorted(found.items())}


def scan(folder: Path) -> Iterator[Path]:
    """Yield what a folder and its subfolders hold, in order; hidden subfolders are skipped.

    Subfolders that are links are entered, each folder once. One that cannot be read is named and skipped.
    """

    def report(problem: OSError) -> None:
        if problem.filename == str(folder):
            raise problem
        _log.warning("%s: %s, left out", problem.filename, problem.strerror)

    entered: set[tuple[int, int]] = set()
    for place, subfolders, names in os.walk(folder, onerror=report, followlinks=True) if folder.is_dir() else []:
        facts = Path(place).stat()
        if (facts.st_dev, facts.st_ino) in entered:
            subfolders.clear()
            continue
        entered.add((facts.st_dev, facts.st_ino))
        subfolders[:] = sorted(name for name in subfolders if not name.startswith("."))
        yield from (Path(place, name) for name in sorted(names))


def is_dangling(path: Path) -> bool:
    """Whether a path is a link to nothing."""
    return path.is_symlink() and not path.exists()


def _called(file: Path, folder: Path) -> str:
    """A file's name, with its subfolder if it lies in one."""
    return str(file.relative_to(folder)) if file.is_relative_to(folder) else file.name
