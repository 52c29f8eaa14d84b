"""The best scores that labels allow; numbers worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from eval.qvhighlights.ceiling import answer_windows, best_clip_ap, find_ceiling
from eval.qvhighlights.evaluation import HEADLINE
from eval.qvhighlights.score import evaluate


def row(qid, windows, clips=(), points=(), duration=8):
    labels = {"relevant_clip_ids": list(clips), "saliency_scores": list(points)}
    return {"qid": qid, "query": "q", "vid": "v", "duration": duration, "relevant_windows": windows, **labels}


def test_windows_on_the_grid_and_annotators_who_agree_allow_everything():
    rows = [row(1, [[2, 6]], [1, 2], [[4, 4], [3, 2]])]
    assert find_ceiling(rows) == dict.fromkeys(HEADLINE, 100.0)


def test_windows_between_clips_cost_overlap():
    # Of [2, 8], [4, 8], [2, 6] and [4, 6], the first overlaps [3, 7] best: 4 of 6 s. So 0.5 to 0.65 are met.
    ceiling = find_ceiling([row(1, [[3, 7]])])
    assert (ceiling["MR-full-R1@0.5"], ceiling["MR-full-R1@0.7"], ceiling["MR-full-mAP"]) == (100.0, 0.0, 40.0)
    assert find_ceiling([row(1, [[3, 7]])], whole_clips=False)["MR-full-mAP"] == 100.0
    # A short window takes the clip around it; the end of the video is that of its last whole clip.
    answer = answer_windows(np.array([[4.5, 5.0], [6.0, 9.0]]), 4)
    np.testing.assert_allclose(answer, [[6, 8, 2 / 3], [4, 6, 0.25]])


def test_annotators_who_disagree_leave_less_than_everything():
    # Whose clip comes first has AP 1, the other 1/2; a tie would give both 1/2.
    apart = [row(1, [], [0, 1], [[4, 0], [0, 4]]), row(2, [], [0], [[3, 3]])]
    ceiling = find_ceiling(apart)
    # The second query has no very good clip: 0 in both.
    assert ceiling == {"HL-min-VeryGood-mAP": 37.5, "HL-min-VeryGood-Hit1": 50.0}


def test_one_vote_each_shared_among_the_clips_beats_counting_votes():
    # Annotator A calls clips 0 to 3 very good, B the same, C clip 4 alone. By votes 4 comes last: (1 + 1 + 1/5) / 3.
    # First: A and B have precision 1/2, 2/3, 3/4, 4/5, of which interpolation makes 4/5: (0.8 + 0.8 + 1) / 3.
    points = np.array([[4, 4, 0]] * 4 + [[0, 0, 4]])
    assert best_clip_ap(points) == pytest.approx(2.6 / 3)


def test_no_random_answer_scores_more():
    random = np.random.default_rng(0)
    rows = [
        row(qid, [[4 * qid % 17 + 0.7, 4 * qid % 17 + 9.3]], range(5, 12), random.integers(0, 5, (7, 3)).tolist(), 40)
        for qid in range(40)
    ]
    ceiling = find_ceiling(rows)
    for _ in range(20):
        answers = []
        for one in rows:
            start = int(random.integers(0, 15))
            windows = [[2 * start, 2 * (start + int(random.integers(1, 6))), 1.0]]
            scores = random.random(20).round(1).tolist()
            answers.append({"qid": one["qid"], "pred_relevant_windows": windows, "pred_saliency_scores": scores})
        brief = evaluate(answers, rows)["brief"]
        assert all(brief[key] <= ceiling[key] for key in HEADLINE)
