"""A slow and plain implementation of the official definitions: one query, one window, one clip at a time."""

from __future__ import annotations

import numpy as np

THRESHOLDS = [0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95]
LIMITS = {"full": (0, float("inf")), "long": (30, 150), "middle": (10, 30), "short": (0, 10)}
LEVELS = {"HL-min-Fair": 2, "HL-min-Good": 3, "HL-min-VeryGood": 4}


def overlap(one, other):
    """Intersection over union of two windows."""
    shared = max(0.0, min(one[1], other[1]) - max(one[0], other[0]))
    return shared / ((one[1] - one[0]) + (other[1] - other[0]) - shared)


def first_overlap(predicted, relevant):
    """IoU of the first listed window with the relevant one that it overlaps best."""
    return max((overlap(predicted[0], window) for window in relevant), default=0.0) if predicted else 0.0


def moment_ap(predicted, relevant, threshold):
    """Textbook AP: match in order of score, then take the precision at each hit, or a better one that follows."""
    ranked = sorted(predicted[:10], key=lambda window: -window[2])
    taken, hits = set(), []
    for window in ranked:
        fits = [(overlap(window, wanted), n) for n, wanted in enumerate(relevant) if n not in taken]
        fits = [fit for fit in fits if fit[0] >= threshold]
        if fits:
            taken.add(max(fits)[1])
        hits.append(bool(fits))
    precision = [sum(hits[: n + 1]) / (n + 1) for n in range(len(hits))]
    return sum(max(precision[n:]) for n, hit in enumerate(hits) if hit) / len(relevant)


def moment_scores(predicted, relevant):
    """{"full": {"MR-mAP": {"0.5": .., "average": ..}, "MR-R1": {..}}, ...} as shares, None without queries."""
    scores = {}
    for name, (low, high) in LIMITS.items():
        pairs = [(p, [w for w in r if low < w[1] - w[0] <= high]) for p, r in zip(predicted, relevant, strict=True)]
        pairs = [(p, r) for p, r in pairs if r]
        if not pairs:
            scores[name] = {
                "MR-mAP": dict.fromkeys([*map(str, THRESHOLDS), "average"]),
                "MR-R1": dict.fromkeys(map(str, THRESHOLDS)),
            }
            continue
        ap = {str(t): float(np.mean([moment_ap(p, r, t) for p, r in pairs])) for t in THRESHOLDS}
        scores[name] = {
            "MR-mAP": {**ap, "average": float(np.mean(list(ap.values())))},
            "MR-R1": {str(t): float(np.mean([first_overlap(p, r) >= t for p, r in pairs])) for t in THRESHOLDS},
        }
    return scores


def clip_ap(scores, positive):
    """Plain mean of the precision at each score level where recall rises, or of a better one at a lower level.

    Recall is a float32, as in the official program.
    """
    if len(set(positive)) == 1:
        return float(positive[0])
    levels = []
    for level in sorted(set(scores), reverse=True):
        chosen = [label for score, label in zip(scores, positive, strict=True) if score >= level]
        levels.append((np.float32(sum(chosen) / sum(positive)), sum(chosen) / len(chosen)))
    recall = [np.float32(0)] + [recall for recall, _ in levels]
    kept = [max(value for _, value in levels[n:]) for n in range(len(levels)) if recall[n + 1] != recall[n]]
    return float(np.mean(kept))


def highlight_scores(predicted, saliency):
    """{"HL-min-Fair": {"HL-mAP": .., "HL-Hit1": ..}, ...} as shares."""
    result = {}
    for name, least in LEVELS.items():
        values, hits = [], []
        for scores, labels in zip(predicted, saliency, strict=True):
            filled = (list(scores) + [0.0] * len(labels))[: len(labels)]
            values += [clip_ap(filled, [row[n] >= least for row in labels]) for n in range(len(labels[0]))]
            best = max(range(len(scores)), key=lambda clip: (scores[clip], -clip))
            hits.append(best < len(labels) and max(labels[best]) >= least)
        result[name] = {"HL-mAP": float(np.mean(values)), "HL-Hit1": float(np.mean(hits))}
    return result


def label_matrix(row):
    """Clips x 3 points of a ground truth row, 0 outside the relevant clips."""
    matrix = [[0, 0, 0] for _ in range(int(row["duration"] / 2))]
    for clip, points in zip(row["relevant_clip_ids"], row["saliency_scores"], strict=True):
        matrix[clip] = points
    return matrix


def trapezoid_ap(hits):
    """TVSum's AP by the trapezoid rule, one rank at a time."""
    if not sum(hits):
        return 0.0
    area, found, recall, precision = 0.0, 0, 0.0, 1.0
    for place, hit in enumerate(hits, start=1):
        found += hit
        now = found / sum(hits), found / place
        area += (now[0] - recall) * (precision + now[1]) / 2
        recall, precision = now
    return area


def tvsum_score(scores, labels, top=5):
    """Mean over annotators of the AP of a video's five best clips; clips above the lower median are positive."""
    values = []
    for annotator in range(len(labels[0])):
        column = [row[annotator] for row in labels]
        median = sorted(column)[(len(column) - 1) // 2]
        order = sorted(range(len(scores)), key=lambda clip: -scores[clip])[:top]  # stable
        values.append(trapezoid_ap([column[clip] > median for clip in order]))
    return sum(values) / len(values)


def rank_by_counting(values):
    """Ranks from 1, averaged over ties: the number of smaller values plus half of the other equal ones."""
    return [sum(v < one for v in values) + (sum(v == one for v in values) + 1) / 2 for one in values]


def kendall_tau(first, second):
    """Tau-b, pair by pair."""
    pairs = [(n, m) for n in range(len(first)) for m in range(n)]
    signs = [(np.sign(first[n] - first[m]), np.sign(second[n] - second[m])) for n, m in pairs]
    below = (sum(a != 0 for a, _ in signs) * sum(b != 0 for _, b in signs)) ** 0.5
    return sum(a * b for a, b in signs) / below


def spearman_rho(first, second):
    """Pearson's correlation of the ranks, by its definition."""
    one, other = rank_by_counting(first), rank_by_counting(second)
    middle = (len(one) + 1) / 2
    shared = sum((a - middle) * (b - middle) for a, b in zip(one, other, strict=True))
    return shared / (sum((a - middle) ** 2 for a in one) * sum((b - middle) ** 2 for b in other)) ** 0.5
