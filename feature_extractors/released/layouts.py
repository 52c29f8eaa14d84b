"""The layouts of released features: how the files of an id are named, and which array they hold."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from string import Formatter
from typing import Annotated, Any, Literal

from pydantic import Field

from cli import Settings, UserError
from feature_extractors.released.arrays import ARCHIVE, list_arrays, read_shape, width_of

Id = tuple[str, str]
"""A video's id and a query's id."""


@dataclass(frozen=True)
class Layout:
    """How the released features of one id are stored.

    Attributes:
        names: files of an id in a folder; several files are joined along the feature axis, in this order.
        key: array of a .npz file; empty for .npy.
        text: whether the files hold token states of queries, not features of videos.
    """

    names: tuple[str, ...]
    key: str = ""
    text: bool = False


LAYOUTS = {
    "moment_detr": Layout(("{vid}.npz",), "features"),
    "umt": Layout(("{vid}.npy",)),
    "tvsum_i3d": Layout(("{vid}_rgb.npy", "{vid}_opt.npy")),
    "moment_detr_text": Layout(("qid{qid}.npz",), "last_hidden_state", text=True),
    "lighthouse_text": Layout(("{qid}.npz",), "last_hidden_state", text=True),
    "univtg_text": Layout(("{qid}.npz",), "last_hidden_state", text=True),
    "tvsum_text": Layout(("{vid}.npz",), "token", text=True),
}
"""Lighthouse's folders: clip, slowfast, resnet are moment_detr; pann, audio are umt; i3d is tvsum_i3d; clip_text is
moment_detr_text for QVHighlights, tvsum_text for TVSum (where a query has its video's id), else lighthouse_text.
UniVTG's folders (showlab/UniVTG at 32659ac, main/dataset.py): vid_clip and vid_slowfast are moment_detr, txt_clip is
univtg_text; for TVSum and YouTube Highlights the text files are named by the video's id."""
OWN = "file"
"""The layout of files that the keys `file` and `key` describe."""
LOOKED_AT = 200
"""Ids and files that a hint is taken from."""


@dataclass(frozen=True, kw_only=True)
class ImportConfig(Settings):
    """One stream made from released files."""

    layout: Literal[
        "file",
        "moment_detr",
        "umt",
        "tvsum_i3d",
        "moment_detr_text",
        "lighthouse_text",
        "univtg_text",
        "tvsum_text",
    ] = "file"
    """How the files are named and what they hold; `file`: as the keys `file` and `key` say. docs/guide/features.md
    describes each layout."""
    folders: Annotated[tuple[Annotated[str, Field(min_length=1)], ...], Field(min_length=1)]
    """Folders of the files. Several are joined along the feature axis, in this order, each row first divided by its
    part's L2 norm. `~` is the home folder."""
    file: str = ""
    """Name of the file of an id in each folder, with `{vid}` or `{qid}` in it, such as `{vid}_rgb.npy`; empty = as the
    layout says. With `layout: file`, a name with `{qid}` means features of queries."""
    key: str = ""
    """Array in each .npz file; empty = as the layout says."""
    dim: Annotated[int, Field(ge=0)] = 0
    """Width of the stream, over all folders together. The files are compared with it before any job, so that folders
    that were swapped are found. 0 = not compared."""
    hold_last: Annotated[int, Field(ge=0)] = 0
    """Fill up to this many missing rows at the end with the last row. If more are missing, their clips are masked."""

    def __post_init__(self) -> None:
        if self.layout == OWN and not self.file:
            raise UserError(f"imported: give a layout ({', '.join(LAYOUTS)}), or name the files by `file`")
        if self.file:
            self._check_file()
        elif self.key and not self.kind.names[0].endswith(".npz"):
            raise UserError(f"imported: key: layout {self.layout} has .npy files, which hold one array without a name")
        self.places()
        if self.kind.text and len(self.folders) > 1:
            raise UserError(f"imported: folders: {self.layout} takes one folder, because tokens cannot be joined")

    def _check_file(self) -> None:
        try:
            parsed = [part for part in Formatter().parse(self.file) if part[1] is not None]
            # Ids are text, as they are: `{qid:05}` and `{vid!r}` would make other names.
            fields = {"" if spec or conversion else field for _, field, spec, conversion in parsed}
        except ValueError:
            fields = set()
        if not fields or not fields <= {"vid", "qid"}:
            raise UserError(f"imported: file must hold {{vid}} or {{qid}} and no other braces, got {self.file!r}")
        suffix = Path(self.file).suffix
        if suffix not in (".npy", ".npz"):
            raise UserError(f"imported: file must end in .npy or .npz, got {self.file!r}")
        if suffix == ".npz" and not self.kind.key:
            raise UserError(f"imported: key: {self.file!r} needs the name of an array in the file")
        if suffix == ".npy" and self.key:
            raise UserError(f"imported: key: {self.file!r} is a .npy file, which holds one array without a name")

    @property
    def kind(self) -> Layout:
        """The layout with `file` and `key` in it."""
        of_name = LAYOUTS.get(self.layout, Layout((), text="{qid}" in self.file))
        names = (self.file,) if self.file else of_name.names
        key = "" if names[0].endswith(".npy") else self.key or of_name.key
        return Layout(names, key, of_name.text)

    def places(self) -> list[Path]:
        """The folders as paths, with `~` as the home folder."""
        try:
            return [Path(folder).expanduser() for folder in self.folders]
        except RuntimeError:
            raise UserError(f"imported: folders: no home folder for ~ in {', '.join(self.folders)}") from None

    def files(self, vid: str, qid: str = "") -> list[list[Path]]:
        """The files of an id, by folder.

        Raises:
            UserError: an id that would point outside the folder.
        """
        if Path(vid).name != vid or Path(qid).name != qid:
            raise UserError(f"imported: {vid!r} ({qid or 'video'}) cannot be a file name")
        return [[place / name.format(vid=vid, qid=qid) for name in self.kind.names] for place in self.places()]

    def to_dict(self) -> dict[str, Any]:
        """Plain values. Keys that are newer than the first stores are left out at their defaults: same input, same
        bytes."""
        values = super().to_dict()
        return {key: value for key, value in values.items() if value or key not in ("file", "key", "dim")}


def check_folders(config: ImportConfig, ids: Sequence[Id]) -> None:
    """Check before any job that every folder has files of the layout, whose array is there and as wide as `dim`.

    Args:
        ids: of all queries.

    Raises:
        UserError: naming the folder or file, and what is there instead.
    """
    firsts = []
    for number, place in enumerate(config.places()):
        if not place.is_dir():
            raise UserError(f"folders: no such folder: {place}")
        for part in range(len(config.kind.names)):
            candidates = (config.files(vid, qid)[number][part] for vid, qid in ids)
            first = next((file for file in candidates if file.is_file()), None)
            if first is None:
                raise UserError(describe_absence(config, place, part, ids))
            firsts.append(first)
    widths = [width_of(file, _shape(config, file)) for file in firsts]
    check_dim(config, firsts, widths)


def check_dim(config: ImportConfig, files: Sequence[Path], widths: Sequence[int]) -> None:
    """Compare `dim` with the widths of one file of each part.

    Raises:
        UserError: they differ.
    """
    if config.dim and sum(widths) != config.dim:
        found = " + ".join(map(str, widths))
        raise UserError(
            f"dim is {config.dim}, but {' and '.join(map(str, files))} {'have' if len(files) > 1 else 'has'} {found}"
            " values per row: are folders of two streams swapped?"
        )


def describe_absence(config: ImportConfig, place: Path, part: int, ids: Sequence[Id]) -> str:
    """Say that a folder has no file of the layout, and what is there instead.

    Args:
        part: index of the file's name in the layout.
    """
    examples = [place / config.kind.names[part].format(vid=vid, qid=qid) for vid, qid in ids[:1]]
    such = f", for example {examples[0]}" if examples else ""
    return f"{place}: no released features in layout {config.layout}{such}{_hint(place, ids)}"


def _hint(place: Path, ids: Sequence[Id]) -> str:
    for name, layout in LAYOUTS.items():
        for vid, qid in ids[:LOOKED_AT]:
            file = place / layout.names[0].format(vid=vid, qid=qid)
            if file.is_file() and (not layout.key or layout.key in _arrays(file)):
                return f"; there is {file.name}: use layout {name}"
    there = sorted(path.name for path in place.iterdir() if not path.name.startswith("."))
    if not there:
        return "; the folder is empty"
    about = next((name for name in there[:LOOKED_AT] if any(vid in name for vid, _ in ids[:LOOKED_AT])), there[0])
    return f"; there is {about}: name such files by `file`, and the array of a .npz by `key`"


def _arrays(file: Path) -> list[str]:
    try:
        return list_arrays(file)
    except (OSError, *ARCHIVE):
        return []


def _shape(config: ImportConfig, file: Path) -> tuple[int, ...]:
    key, there = config.kind.key, _arrays(file) if config.kind.key else []
    if there and key not in there:
        fits = [
            name
            for name, layout in LAYOUTS.items()
            if layout.text == config.kind.text and layout.names == config.kind.names and layout.key in there
        ]
        hint = f"use layout {fits[0]}" if fits else "name one by `key`"
        raise UserError(f"{file}: has no array {key!r} (it has: {', '.join(there)}): {hint}")
    return read_shape(file, key)
