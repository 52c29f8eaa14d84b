"""Audio controls: replace the audio by something uninformative, late or absent. A useful gate must score lower."""

from __future__ import annotations

import hashlib

import numpy as np
from numpy.typing import NDArray

from formats.grid import CLIP_SECONDS
from model.audio_control import AudioControl
from model.data.packed import Packed
from model.draws import Draw, generator


def control_audio(
    audio: Packed[np.float32], heard: Packed[np.bool_], control: AudioControl, seed: int
) -> frozenset[str]:
    """Replace the audio of a share of the videos, in place.

    The videos are the first ones of an order that is drawn from the seed: those of a smaller share are among those of a
    larger one, and every kind of control replaces the audio of the same ones.

    Args:
        audio: (L, Da) per video; heard: (L,) per video.
        control: `original` changes nothing; `zeroed` sets clips with sound to zeros; `noise` sets them to normal noise
            of the same vector length; `shuffled` gives each video the audio and silence of another one, repeated or cut
            to fit (a single video gets its own, shifted by half its length); `shifted` moves audio and silence later by
            `seconds`, and what leaves at the end comes back at the start, so that a video keeps all its sounds;
            `missing` silences a share of the clips of every video.

    Returns:
        the videos whose audio was replaced; all of them for `missing`.
    """
    if control.kind == "original":
        return frozenset()
    if control.kind == "missing":
        for vid in audio.names:
            clips = _first(
                generator(seed, Draw.MISSING_AUDIO, _hash(vid)).permutation(audio.length(vid)), control.share
            )
            audio[vid][clips], heard[vid][clips] = 0, False
        return frozenset(audio.names)
    order = [str(vid) for vid in generator(seed, Draw.SHUFFLED_AUDIO).permutation(sorted(audio.names))]
    chosen = order[: len(_first(np.arange(len(order)), control.share))]
    if control.kind == "shuffled":
        _shuffle(audio, heard, order, len(chosen))
    for vid in chosen:
        if control.kind == "zeroed":
            audio[vid][:] = 0
        elif control.kind == "noise":
            audio[vid][:] = _noise(audio[vid], generator(seed, Draw.NOISE, _hash(vid)))
        elif control.kind == "shifted":
            later = round(control.seconds / CLIP_SECONDS)
            audio[vid][:], heard[vid][:] = np.roll(audio[vid], later, axis=0), np.roll(heard[vid], later)
    return frozenset(chosen)


def _first(order: NDArray[np.int64], share: float) -> NDArray[np.int64]:
    """The first share of an order, rounded to whole places, halves up."""
    return order[: int(share * len(order) + 0.5)]


def _noise(rows: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.float32]:
    drawn = rng.standard_normal(rows.shape)
    length = np.linalg.norm(rows, axis=1, keepdims=True) / np.linalg.norm(drawn, axis=1, keepdims=True)
    return (drawn * length).astype(np.float32)


def _shuffle(audio: Packed[np.float32], heard: Packed[np.bool_], order: list[str], count: int) -> None:
    """Give the first `count` videos of an order the audio of the next one in a cycle, so that none keeps its own."""
    was = {vid: (audio[vid].copy(), heard[vid].copy()) for vid in order}
    for vid, other in list(zip(order, [*order[1:], order[0]], strict=True))[:count]:
        moved = audio.length(vid) // 2 if vid == other else 0
        clips = (np.arange(audio.length(vid)) + moved) % audio.length(other)
        audio[vid][:], heard[vid][:] = was[other][0][clips], was[other][1][clips]


def _hash(vid: str) -> int:
    """A number per video, so that its draws do not depend on the other videos."""
    return int.from_bytes(hashlib.blake2b(vid.encode(), digest_size=8).digest(), "big")
