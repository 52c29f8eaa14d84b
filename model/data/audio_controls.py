"""Audio controls: replace the audio by something uninformative. A useful gate must score lower under them."""

from __future__ import annotations

import hashlib

import numpy as np
from numpy.typing import NDArray

from model.config import AudioControl
from model.data.packed import Packed
from model.draws import Draw, generator


def control_audio(audio: Packed[np.float32], heard: Packed[np.bool_], control: AudioControl, seed: int) -> None:
    """Replace the audio of all videos, in place.

    Args:
        audio: (L, Da) per video; heard: (L,) per video.
        control: `original` changes nothing; `zeroed` sets clips with sound to zeros; `noise` sets them to normal noise
            of the same vector length; `shuffled` gives each video the audio and silence of another one, repeated or cut
            to fit (a single video gets its own, shifted by half its length).
    """
    if control == "zeroed":
        audio.rows[:] = 0
    elif control == "noise":
        for vid in audio.names:
            audio[vid][:] = _noise(audio[vid], generator(seed, Draw.NOISE, _hash(vid)))
    elif control == "shuffled":
        _shuffle(audio, heard, generator(seed, Draw.SHUFFLED_AUDIO))


def _noise(rows: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.float32]:
    drawn = rng.standard_normal(rows.shape)
    length = np.linalg.norm(rows, axis=1, keepdims=True) / np.linalg.norm(drawn, axis=1, keepdims=True)
    return (drawn * length).astype(np.float32)


def _shuffle(audio: Packed[np.float32], heard: Packed[np.bool_], rng: np.random.Generator) -> None:
    was = {vid: (audio[vid].copy(), heard[vid].copy()) for vid in audio.names}
    # Each video takes the audio of the next one in a random cycle, so none keeps its own.
    order = [str(vid) for vid in rng.permutation(sorted(was))]
    for vid, other in zip(order, [*order[1:], order[0]], strict=True):
        moved = audio.length(vid) // 2 if vid == other else 0
        clips = (np.arange(audio.length(vid)) + moved) % audio.length(other)
        audio[vid][:], heard[vid][:] = was[other][0][clips], was[other][1][clips]


def _hash(vid: str) -> int:
    """A number per video, so that its noise does not depend on the other videos."""
    return int.from_bytes(hashlib.blake2b(vid.encode(), digest_size=8).digest(), "big")
