"""Highlight detection against a slow second implementation, and the edge cases of its definition."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest

from eval.qvhighlights.highlights import score_highlights, score_levels
from tests.eval.oracle import highlight_scores, label_matrix


def score(predicted, saliency):
    arrays = [np.array(row, float) for row in predicted], [np.array(row, float) for row in saliency]
    return score_highlights(score_levels(*arrays))


@pytest.mark.parametrize("seed", range(4))
def test_equals_slow_implementation(queries, seed):
    predictions, truth = queries(50, seed)
    labels = [label_matrix(row) for row in truth]
    predicted = [row["pred_saliency_scores"] for row in predictions]
    result = score(predicted, labels)
    for name, part in highlight_scores(predicted, labels).items():
        for key, value in part.items():
            assert result[name][key] == pytest.approx(100 * value, abs=0.00501)


def test_levels_are_points_of_four():
    result = score([[3, 2, 1, 0]], [[[2, 2, 2], [3, 3, 3], [4, 4, 4], [0, 0, 0]]])
    assert [result[f"HL-min-{name}"]["HL-Hit1"] for name in ("Fair", "Good", "VeryGood")] == [100.0, 0.0, 0.0]
    assert result["HL-min-Fair"]["HL-mAP"] == 100.0
    assert result["HL-min-VeryGood"]["HL-mAP"] == 33.33


def test_one_annotator_is_enough_for_a_hit_and_each_counts_for_the_map():
    result = score([[1, 0]], [[[4, 0, 0], [0, 0, 0]]])["HL-min-VeryGood"]
    assert result == {"HL-mAP": 33.33, "HL-Hit1": 100.0}  # AP without positives is 0


def test_without_negatives_ap_is_1():
    assert score([[0.5, 0.5]], [[[4, 4, 4], [4, 4, 4]]])["HL-min-VeryGood"]["HL-mAP"] == 100.0


def test_tied_positives_count_once():
    # Levels 2 (hit), 1 (two hits, one miss): mean of 1 and 3/4, where the textbook gives (1 + 3/4 + 3/4) / 3.
    result = score([[2, 1, 1, 1]], [[[4] * 3, [4] * 3, [4] * 3, [0] * 3]])
    assert result["HL-min-VeryGood"]["HL-mAP"] == 87.5


def test_first_of_equal_clips_is_the_best():
    assert score([[1, 1]], [[[0] * 3, [4] * 3]])["HL-min-VeryGood"]["HL-Hit1"] == 0.0


def test_best_clip_beyond_the_end_is_a_miss():
    result = score([[0, 1, 5]], [[[0] * 3, [4] * 3]])["HL-min-VeryGood"]
    assert result == {"HL-mAP": 100.0, "HL-Hit1": 0.0}


def test_short_prediction_is_filled_with_0():
    # The clip that was not predicted comes before the positive one, which has a negative score.
    result = score([[-1.0, -2.0]], [[[4] * 3, [0] * 3, [0] * 3]])["HL-min-VeryGood"]
    assert result == {"HL-mAP": 50.0, "HL-Hit1": 100.0}


def test_one_long_video_does_not_fill_the_memory():
    """With padding to its length, the labels of 3,000 queries alone would take 3 GB; groups take a few MB."""
    random = np.random.default_rng(0)
    saliency = [random.integers(0, 5, (20, 3)).astype(float) for _ in range(3000)] + [np.zeros((43200, 3))]
    predicted = [random.random(len(labels)) for labels in saliency]
    tracemalloc.start()
    together = score_levels(predicted, saliency)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 60e6
    alone = score_levels(predicted[:3000], saliency[:3000])
    for name, part in together.items():
        assert (part.precision[:3000] == alone[name].precision).all() and (part.hit[:3000] == alone[name].hit).all()
        assert (part.precision[3000] == 0).all()
