"""Starting points near the true moments."""

from __future__ import annotations

import numpy as np

from model.training.denoising import COPIES, SHIFT, SMALLEST, STRETCH, WIDEST, draw_starts


def test_copies_lie_around_the_true_moments() -> None:
    spans = np.array([[0.5, 0.2], [0.8, 0.1]], np.float32)
    starts = draw_starts(spans, groups=200, count=10, clips=30, rng=np.random.default_rng(0))
    assert starts.shape == (200, 10, 2) and starts.dtype == np.float32
    copies = starts[:, : 2 * COPIES].reshape(200, COPIES, 2, 2)
    shift = np.abs(copies[..., 0] - spans[:, 0]) / spans[:, 1]
    stretch = np.abs(copies[..., 1] / spans[:, 1] - 1)
    assert shift.max() <= SHIFT + 1e-6 and shift.max() > 0.9 * SHIFT
    assert stretch.max() <= STRETCH + 1e-6 and stretch.max() > 0.9 * STRETCH
    others = starts[:, 2 * COPIES :]
    assert others[..., 1].min() >= SMALLEST and others[..., 1].max() <= WIDEST
    assert others[..., 0].min() < 0.1 and others[..., 0].max() > 0.9


def test_no_moment_and_more_moments_than_places() -> None:
    rng = np.random.default_rng(0)
    none = draw_starts(np.zeros((0, 2), np.float32), 3, 4, 30, rng)
    assert none.shape == (3, 4, 2) and none.min() >= SMALLEST and none.max() <= 1 - SMALLEST
    many = np.stack([np.linspace(0.1, 0.9, 6), np.full(6, 0.02)], axis=1).astype(np.float32)
    starts = draw_starts(many, 1, 4, 30, rng)
    np.testing.assert_allclose(starts[0, :, 0], many[:4, 0], atol=SHIFT * 0.02 + 1e-6)


def test_copies_in_a_long_video_are_as_short_as_its_moments() -> None:
    """One moment of 10 s in an hour."""
    starts = draw_starts(np.array([[0.5, 10 / 3600]], np.float32), 50, 4, 1800, np.random.default_rng(0))
    widths = starts[:, :COPIES, 1] * 3600
    assert widths.min() >= 10 * (1 - STRETCH) - 0.01 and widths.max() <= 10 * (1 + STRETCH) + 0.01


def test_the_draws_follow_from_the_generator() -> None:
    spans = np.array([[0.5, 0.2]], np.float32)
    first, second, other = (draw_starts(spans, 2, 4, 30, np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert np.array_equal(first, second) and not np.array_equal(first, other)
