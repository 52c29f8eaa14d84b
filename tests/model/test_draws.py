"""Streams are independent: NumPy alone would give `[seed, epoch]` and `[seed, epoch, 0]` the same numbers."""

from __future__ import annotations

from itertools import product
from pathlib import Path

import numpy as np

from model.draws import Draw, generator, torch_seed


def test_numpy_itself_confuses_lists_that_end_in_zero() -> None:
    """The behaviour that the module is there for (numpy 2.4.6)."""
    first, second = np.random.default_rng([7, 3]), np.random.default_rng([7, 3, 0])
    assert first.integers(1 << 62, size=4).tolist() == second.integers(1 << 62, size=4).tolist()


def test_no_two_streams_are_the_same() -> None:
    places = [place for length in range(4) for place in product((0, 1, 2), repeat=length)]
    keys = [(seed, purpose, place) for seed in (0, 1, 2**32 - 1) for purpose in Draw for place in places]
    assert (
        len({generator(seed, purpose, *place).integers(1 << 62) for seed, purpose, place in keys}) == len(keys) == 720
    )
    assert len({torch_seed(seed, purpose, *place) for seed, purpose, place in keys}) == len(keys)


def test_a_stream_keeps_its_numbers() -> None:
    """A changed stream changes every training: raise CODE_VERSION with it."""
    assert generator(2018, Draw.ORDER, 1).permutation(6).tolist() == [3, 0, 5, 4, 1, 2]
    assert torch_seed(2018, Draw.DROPOUT, 0, 0) == 1703664158789621304


def test_all_draws_of_the_model_go_through_streams() -> None:
    folder = Path(__file__).parents[2] / "model"
    drawing = [path.name for path in sorted(folder.rglob("*.py")) if "default_rng" in path.read_text(encoding="utf-8")]
    assert drawing == ["draws.py"]
