"""TVSum's frame scores as rows of 2-s clips: as in the public train/val files, and with consistent units.

The raw annotation is one score per frame and annotator, constant over shots of about 2 s. The public rows sample it at
the centres of the 2-s clips; their `duration` counts clips, and their `qid` is the video's id. The rows for this
project have whole numbers as ids, `duration` and `duration_s` in seconds, and the frame rate.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cli import UserError
from feature_extractors.annotations.qids import number
from formats.grid import CLIP_SECONDS, clip_centres, whole_seconds
from formats.rows import Row

# The split that UMT introduced and all later work uses: domain, four videos to train on, one to validate on. The order
# is that of the public files.
DOMAINS: dict[str, tuple[tuple[str, ...], str]] = {
    "VU": (("akI8YFjEmUw", "HT5vyqe0Xaw", "vdmoEJ5YbrQ", "xwqBXPGE9pQ"), "sTEELN-vY30"),
    "VT": (("gzDbaEs1Rlg", "XzYM3PfTM4w", "98MoyGZKHXc", "AwmHb44_ouw"), "J0nA4VgnoCo"),
    "DS": (("kLxoNp-UchI", "NyBmCxDoHJU", "jcoYJXDG9sw", "-esJrBWj2d8"), "E11zDS9XGzg"),
    "BK": (("WxtbjNsCQ8A", "EE-bNr36nyA", "oDXZc0tZe04", "uGu_10sucQo"), "Se3oxnaPsz0"),
    "BT": (("eQu1rNs0an0", "qqR6AEXwxoQ", "EYqVtI9YWJA", "iVt07TCkFM0"), "JgHubY5Vw3Y"),
    "MS": (("Hl-__g2gn_A", "WG0MBPpPC6I", "LRw_obCPUt0", "37rzWOQsNIw"), "Yi4Ij2NM7U4"),
    "PK": (("GsAD1KT1xo8", "XkqCExn6_Us", "b626MiF1ew4", "PJrm840pAUI"), "cjibtmSLxQ4"),
    "GA": (("xxdtq8mxegs", "i3wAGJaaktw", "0tmA_C6XwfM", "3eYKfiOEJNs"), "Bhxk-O1Y7Ho"),
    "FM": (("_xMr-HKMfVA", "byxOvuiIJV0", "VuWGsYPqAX8", "xmEERLqJ2kU"), "JKpqYvAdIsw"),
    "PR": (("RBCABdttQmI", "z_6gVvQb2d0", "4wU_LUjG5Ic", "91IHQYk1IQM"), "fWutDQy1nnY"),
}
SPLITS = {
    "train": tuple(vid for videos, _ in DOMAINS.values() for vid in videos),
    "val": tuple(vid for _, vid in DOMAINS.values()),
}

# The one video whose public row is a clip shorter than its 130.008 s: the released features ended there.
PUBLISHED_CLIPS = {"kLxoNp-UchI": 64}


@dataclass(frozen=True)
class AnnotatedVideo:
    """A video of TVSum.

    Attributes:
        domain: two letters, such as VT.
        duration_s: seconds.
        scores: (annotators, frames) 1 to 5.
    """

    vid: str
    domain: str
    title: str
    duration_s: float
    scores: NDArray[np.float64]

    @property
    def fps(self) -> float:
        """Average frames per second."""
        return self.scores.shape[1] / self.duration_s

    @property
    def n_clips(self) -> int:
        """Whole clips of 2 s."""
        return int(self.duration_s // CLIP_SECONDS)

    def label(self, n_clips: int) -> list[list[float]]:
        """The annotators' scores of the frame at each clip's centre: `n_clips` rows of one number per annotator.

        The centre is used because shots end about a frame away from whole clips.
        """
        frames = (clip_centres(n_clips) * self.fps).astype(np.int64)
        rows: list[list[float]] = self.scores[:, frames].T.tolist()
        return rows


def select(videos: Iterable[AnnotatedVideo], where: str) -> dict[str, list[AnnotatedVideo]]:
    """Select the videos of each split, in the order of the public files.

    Raises:
        UserError: one of the fifty videos is missing.
    """
    known: Mapping[str, AnnotatedVideo] = {video.vid: video for video in videos}
    missing = [vid for split in SPLITS.values() for vid in split if vid not in known]
    if missing:
        raise UserError(f"{where}: {len(missing)} of TVSum's 50 videos are missing, first {missing[0]!r}")
    return {split: [known[vid] for vid in vids] for split, vids in SPLITS.items()}


def rows_in_seconds(videos: Iterable[AnnotatedVideo], where: str) -> list[Row]:
    """Make the rows for this project."""
    videos = list(videos)
    qids = number([(video.vid,) for video in videos], where)
    return [
        {
            "qid": qid,
            "query": video.title,
            "vid": video.vid,
            "duration": whole_seconds(video.n_clips),
            "duration_s": round(video.duration_s, 6),
            "fps": round(video.fps, 6),
            "domain": video.domain,
            "label": video.label(video.n_clips),
        }
        for qid, video in zip(qids, videos, strict=True)
    ]


def published_text(videos: Iterable[AnnotatedVideo]) -> str:
    """The text of a public file, byte for byte."""
    lines = []
    for video in videos:
        n_clips = PUBLISHED_CLIPS.get(video.vid, video.n_clips)
        row = {
            "qid": video.vid,
            "query": video.title,
            "duration": n_clips,
            "vid": video.vid,
            "relevant_clip_ids": None,
            "relevant_windows": None,
            "label": video.label(n_clips),
            "domain": video.domain,
        }
        lines.append(json.dumps(row))
    return "\n".join(lines)
