"""A TVSum in small: fifty made-up videos under the public ids, as .mat and as .tsv. Also two videos with labels."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import h5py
import numpy as np
import pytest
from numpy.typing import NDArray

from feature_extractors.annotations.tvsum import DOMAINS
from tests.feature_extractors.made_media import Coding, steady, write_media


@dataclass(frozen=True)
class Entry:
    """A made-up video: scores (3, frames) that are constant over shots of 2 s."""

    vid: str
    domain: str
    title: str
    fps: float
    shots: NDArray[np.float64]
    """(shots, 3)"""
    scores: NDArray[np.float64]


def make_entries() -> list[Entry]:
    random = np.random.default_rng(0)
    entries = []
    for domain, (train, val) in DOMAINS.items():
        for vid in (*train, val):
            # kLxoNp-UchI needs the 64 clips of its public row.
            fps, count = float(random.choice([24, 25, 30])), 65 if vid == "kLxoNp-UchI" else int(random.integers(3, 6))
            shots = random.integers(1, 6, size=(count, 3)).astype(np.float64)
            # The last second belongs to no whole clip.
            scores = np.concatenate([shots.repeat(int(2 * fps), axis=0), np.ones((int(fps), 3))])
            title = f"{vid}, a film" if len(entries) % 2 else f"Škoda {vid}"
            entries.append(Entry(vid, domain, title, fps, shots, scores.T))
    # Neither file is in the order of the splits.
    return [entries[i] for i in random.permutation(len(entries))]


def quoted(title: str) -> str:
    return f'"{title}"' if "," in title else title


def write_mat(path: Path, entries: list[Entry]) -> Path:
    """As MATLAB writes a struct array: a reference to each field of each element, text as one number a byte."""
    with h5py.File(path, "w") as file:
        columns: dict[str, list[NDArray[np.generic]]] = {
            "video": [np.frombuffer(entry.vid.encode(), np.uint8) for entry in entries],
            "category": [np.frombuffer(entry.domain.encode(), np.uint8) for entry in entries],
            "title": [np.frombuffer(quoted(entry.title).encode(), np.uint8) for entry in entries],
            "length": [np.array([entry.scores.shape[1] / entry.fps]) for entry in entries],
            "nframes": [np.array([float(entry.scores.shape[1])]) for entry in entries],
            "user_anno": [entry.scores for entry in entries],
        }
        for field, values in columns.items():
            references = file.create_dataset(f"tvsum50/{field}", (len(entries), 1), dtype=h5py.ref_dtype)
            for index, value in enumerate(values):
                text = field in ("video", "category", "title")
                data = value.astype(np.uint16)[:, None] if text else np.atleast_2d(value)
                file[f"#refs#/{field}{index}"] = data
                references[index, 0] = file[f"#refs#/{field}{index}"].ref
    return path


def write_tsv(folder: Path, entries: list[Entry]) -> tuple[Path, Path]:
    info, anno = folder / "info.tsv", folder / "anno.tsv"
    lines = ["category\tvideo_id\ttitle\turl\tlength"]
    lines += [f"{e.domain}\t{e.vid}\t{quoted(e.title)}\thttps://example.org\t0:09" for e in entries]
    info.write_text("\n".join(lines) + "\n", encoding="utf-8")
    rows = [(e, scores) for e in entries for scores in e.scores]
    text = "".join(f"{e.vid}\t{e.domain}\t{','.join(str(int(x)) for x in scores)}\n" for e, scores in rows)
    anno.write_text(text, encoding="utf-8")
    return info, anno


@pytest.fixture(scope="session")
def entries() -> list[Entry]:
    return make_entries()


@pytest.fixture(scope="session")
def mat(entries: list[Entry], tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_mat(tmp_path_factory.mktemp("tvsum") / "small.mat", entries)


@pytest.fixture(scope="session")
def labelled_videos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two videos of 10 s at 5 frames per second; one lies in a folder of its own and has an accent and a blank."""
    folder = tmp_path_factory.mktemp("videos")
    (folder / "part").mkdir()
    small = Coding(rate=Fraction(5), clock=Fraction(1, 5), options={"bf": "0", "preset": "ultrafast"})
    write_media(folder / "a.mp4", steady(10, 5), coding=small)
    write_media(folder / "part/é b.mkv", steady(10, 5), coding=small)
    return folder
