"""TVSum by domain: references (chance, human, best possible), lengths, ties and faults."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from cli import UserError
from eval.tvsum.precision import find_positives, rank_clips, score_ranking
from eval.tvsum.scores import (
    find_oddities,
    read_scores,
    render_markdown,
    score_predictions,
    score_references,
    score_video,
)
from eval.tvsum.videos import read_videos
from formats.rows import read_rows
from tests.eval.oracle import trapezoid_ap
from tests.eval.tvsum.rows import make_rows, predict

# Measured before on the published annotations: mean of random rankings, their sd, ranking by the mean human score, by
# the mean of binarised labels, and the best five clips that a search found.
PUBLISHED = {
    "BK": (0.395, 0.189, 0.910, 0.947, 0.959),
    "BT": (0.422, 0.166, 0.843, 0.854, 0.908),
    "DS": (0.443, 0.112, 0.776, 0.792, 0.869),
    "FM": (0.401, 0.127, 0.747, 0.757, 0.808),
    "GA": (0.466, 0.190, 0.924, 0.933, 0.976),
    "MS": (0.440, 0.154, 0.778, 0.872, 0.935),
    "PK": (0.434, 0.165, 0.866, 0.898, 0.945),
    "PR": (0.427, 0.153, 0.824, 0.897, 0.930),
    "VT": (0.428, 0.178, 0.854, 0.888, 0.929),
    "VU": (0.407, 0.176, 0.911, 0.897, 0.958),
}


def test_published_meaning_of_the_metric(published):
    """Chance, human and best possible scores from the annotations alone.

    The chance of the table is of few draws (standard error about 0.015), ours exact. Its search for the ceiling was not
    fixed in every detail: ours finds more in some domains and less in others, and the same in the mean.
    """
    rows = read_rows(published / "tvsum" / "tvsum_val.jsonl")
    found = score_references(read_videos(rows), seed=0)
    table = np.array(list(PUBLISHED.values()))
    means = {name: part["mAP"]["mean"] / 100 for name, part in found.items()}
    assert means["chance"] == pytest.approx(0.426, abs=0.002)
    assert means["mean human"] == pytest.approx(0.8435, abs=0.0001)
    assert means["mean human, binarised"] == pytest.approx(0.873, abs=0.0005)
    assert means["best found (25 clips)"] == pytest.approx(0.922, abs=0.0005)
    assert means["best of 400 by chance"] == pytest.approx(0.843, abs=0.01)

    def by_domain(name, key="mAP"):
        return np.array([found[name][key][domain] for domain in PUBLISHED]) / 100

    np.testing.assert_allclose(by_domain("chance"), table[:, 0], atol=0.02)
    np.testing.assert_allclose(by_domain("chance", "sd"), table[:, 1], atol=0.015)
    np.testing.assert_allclose(by_domain("mean human"), table[:, 2], atol=0.0006)
    np.testing.assert_allclose(by_domain("mean human, binarised"), table[:, 3], atol=0.001)
    np.testing.assert_allclose(by_domain("best found (25 clips)"), table[:, 4], atol=0.018)
    assert (by_domain("best found (all clips)") > table[:, 4] - 0.0006).all()


def test_the_documented_rows_are_those_of_the_command(published):
    """docs/results.md lists the numbers by domain."""
    found = score_references(read_videos(read_rows(published / "tvsum" / "tvsum_val.jsonl")), seed=0)
    text = (Path(__file__).parents[3] / "docs/results.md").read_text(encoding="utf-8").partition("## TVSum")[2]
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in text.splitlines() if line.startswith("|")]
    domains = rows[0][1:12]
    documented = {row[0]: row[1:12] for row in rows if row[0] in found}
    assert documented.keys() == found.keys() - {"mean human, binarised"}
    for name, cells in documented.items():
        assert cells == [f"{found[name]['mAP'][domain]:.1f}" for domain in domains], name


def score(predictions, rows, **options):
    return score_predictions(read_scores(predictions, rows, ("p", "g")), read_videos(rows, **options), where="p")


def test_random_rankings_do_not_depend_on_the_qid():
    rows = make_rows()
    numbered = [{**row, "qid": number} for number, row in enumerate(rows)]
    assert score_references(read_videos(numbered), 0) == score_references(read_videos(rows), 0)


def test_means_are_over_videos_then_domains():
    rows = make_rows()
    found = score(predict(rows), rows)
    alone = [score(predict([row]), [row])["mAP"]["mean"] for row in rows]
    assert found["mAP"]["A"] == pytest.approx((alone[0] + alone[1]) / 2, abs=0.001)
    assert found["mAP"]["mean"] == pytest.approx(((alone[0] + alone[1]) / 2 + alone[2]) / 2, abs=0.001)
    assert found["tau"]["mean"] > 0.1 and found["rho"]["mean"] > found["tau"]["mean"]
    # Ranking by the mean of all annotators is the row of the same name.
    assert found == score_references(read_videos(rows), 0)["mean human"]


def test_a_clip_more_or_less_is_cut_or_last_and_said():
    rows = make_rows()
    exact, long, short = predict(rows), predict(rows), predict(rows)
    for row in long:
        row["pred_saliency_scores"].append(99.0)
    for row in short:
        row["pred_saliency_scores"].pop()
    assert score(long, rows) == score(exact, rows)
    assert find_oddities(read_scores(exact, rows, ("p", "g")), read_videos(rows)) == []
    (line,) = find_oddities(read_scores(short, rows, ("p", "g")), read_videos(rows), "p")
    assert line.startswith("p: 3 of 3 videos: one clip more or fewer") and "A1 with 19 for 20" in line
    labels = np.array(rows[0]["label"], dtype=float)
    last = [*labels.mean(1)[:-1], -9.0]
    video = read_videos(rows)["A1"]
    assert score_video(labels.mean(1)[:-1], video)["mAP"] == score_ranking(
        rank_clips(np.array(last)), find_positives(labels)
    )


def test_names_of_domains_break_no_table():
    rows = make_rows()
    rows[0]["domain"] = "a|b\n"
    text = render_markdown({"last epoch": score(predict(rows), rows)})
    head, rule, line = text.splitlines()[4:]
    assert head.startswith("| Ranking | A | B | a\\|b | mean |")
    assert head.replace("\\|", "").count("|") == rule.count("|") == line.count("|")


def test_equal_scores_count_0_as_chance_does():
    """If it were left out, the mean of tau would be that of the only domain with a ranking."""
    rows = make_rows()
    exact, equal = predict(rows), predict(rows)
    equal[2]["pred_saliency_scores"] = [0.5] * 20
    whole, part = score(exact, rows), score(equal, rows)
    for key in ("tau", "rho"):
        assert part[key]["B"] == 0.0
        assert part[key]["mean"] == pytest.approx(whole[key]["A"] / 2, abs=1e-4)
    (line,) = find_oddities(read_scores(equal, rows, ("p", "g")), read_videos(rows), "p")
    assert (
        line == "p: 1 of 3 videos: all scores equal: clips rank in order of time, tau and rho count as 0 (first qid B1)"
    )


def test_youtube_looks_at_all_clips():
    rows = [{"qid": "v", "domain": "dog", "match": [1, 0, -1, 1]}]
    scores = read_scores([{"qid": "v", "pred_saliency_scores": [4, 3, 2, 1]}], rows, ("p", "g"))
    found = score_predictions(scores, read_videos(rows), "youtube")
    assert found == {"mAP": dict.fromkeys(["dog", "mean"], round(100 * trapezoid_ap([1, 0, 0, 1]), 3))}
    # Labels as rows of one, as CG-DETR has them.
    rows = [{"qid": "v", "domain": "dog", "label": [[1], [0], [0], [1]]}]
    assert score_predictions(scores, read_videos(rows), "youtube") == found
    assert set(score_references(read_videos(rows), 0, "youtube")) == {"chance"}


FAULTS = {
    "missing": (lambda p, t: p.pop(), "p: 1 of 3 queries are missing"),
    "extra": (lambda p, t: t.pop(), "p: 1 queries are not in g"),
    "twice": (lambda p, t: p.append(p[0]), "p: qid A1: occurs twice"),
    "nan": (lambda p, t: p[0].update(pred_saliency_scores=[float("nan")] * 20), "p: qid A1: .* NaN"),
    "length": (
        lambda p, t: p[0].update(pred_saliency_scores=[1.0] * 18),
        "p: qid A1: .* must have 20 values, .* got 18",
    ),
    "text": (lambda p, t: p[0].update(pred_saliency_scores="high"), "p: qid A1: .* must be n numbers"),
    "no label": (lambda p, t: t[0].pop("label"), "ground truth: qid A1: label: must be"),
    "ragged label": (lambda p, t: t[0]["label"][3].pop(), "ground truth: qid A1: label: .* different lengths"),
    "nan label": (lambda p, t: t[0]["label"][3].__setitem__(0, float("nan")), "ground truth: qid A1: label: holds NaN"),
    "huge label": (lambda p, t: t[0]["label"][3].__setitem__(0, 1e308), "ground truth: qid A1: label: .* beyond"),
    "true label": (lambda p, t: t[0]["label"][3].__setitem__(0, True), "ground truth: qid A1: label: .* true or false"),
    "huge score": (lambda p, t: p[0]["pred_saliency_scores"].__setitem__(0, -1e308), "p: qid A1: .* beyond"),
    "mean": (lambda p, t: t[0].update(domain="mean"), r"qid A1: domain must be a name other than 'mean', got 'mean'"),
    "vid": (lambda p, t: t[0].update(vid=1), "g: qid A1: vid must be text, got 1"),
    "no domain": (lambda p, t: t[0].pop("domain"), "ground truth: qid A1: domain must be a name"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_faults_are_named_in_one_line(fault):
    rows = make_rows()
    predictions = predict(rows)
    spoil, message = FAULTS[fault]
    spoil(predictions, rows)
    with pytest.raises(UserError, match=message) as problem:
        score(predictions, rows)
    assert "\n" not in str(problem.value)


def test_correlations_that_are_undefined_are_left_out_of_the_means():
    """An annotator who gives all clips the same points agrees with nobody; a domain of such videos has no value."""
    rows = make_rows()
    exact = predict(rows)
    whole = score(exact, rows)
    for row in rows:
        row["label"] = [[*points, 3] for points in row["label"]]
    assert score(exact, rows)["tau"] == whole["tau"]
    rows[2]["label"] = [[3]] * 20
    part = score(exact, rows)
    assert part["tau"] == {"A": whole["tau"]["A"], "B": None, "mean": whole["tau"]["A"]}
