"""Controls: what a network does when its audio says nothing about the video. A gate that helps must lose by them."""

from __future__ import annotations

import hashlib

import numpy as np
from numpy.typing import NDArray

from model.config import AudioControl
from model.data.packed import Packed


def control_audio(audio: Packed[np.float32], heard: Packed[np.bool_], control: AudioControl, seed: int) -> None:
    """Replace the audio of all videos, in place.

    Args:
        audio: (L, Da) of each video; heard: (L,) of each.
        control: `original` leaves it; `zeroed` gives zeros to the clips that have sound; `noise` gives them normal
            noise of the same length; `shuffled` gives each video the audio of another one, repeated or cut to fit,
            with that one's silence, and an only video its own, moved by half its length.
    """
    if control == "zeroed":
        audio.rows[:] = 0
    elif control == "noise":
        for vid in audio.names:
            audio[vid][:] = _noise(audio[vid], _generator(seed, vid))
    elif control == "shuffled":
        _shuffle(audio, heard, np.random.default_rng(seed))


def _noise(rows: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.float32]:
    drawn = rng.standard_normal(rows.shape)
    length = np.linalg.norm(rows, axis=1, keepdims=True) / np.linalg.norm(drawn, axis=1, keepdims=True)
    return (drawn * length).astype(np.float32)


def _shuffle(audio: Packed[np.float32], heard: Packed[np.bool_], rng: np.random.Generator) -> None:
    was = {vid: (audio[vid].copy(), heard[vid].copy()) for vid in audio.names}
    # Each takes the audio of the next one in a random round, so none keeps its own.
    order = [str(vid) for vid in rng.permutation(sorted(was))]
    for vid, other in zip(order, [*order[1:], order[0]], strict=True):
        moved = audio.length(vid) // 2 if vid == other else 0
        clips = (np.arange(audio.length(vid)) + moved) % audio.length(other)
        audio[vid][:], heard[vid][:] = was[other][0][clips], was[other][1][clips]


def _generator(seed: int, vid: str) -> np.random.Generator:
    """Noise of a video does not depend on which others there are."""
    return np.random.default_rng([seed, int.from_bytes(hashlib.blake2b(vid.encode(), digest_size=8).digest(), "big")])
