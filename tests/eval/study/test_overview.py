"""The page about a study: its numbers, marks and sentences, for a case small enough to check by hand."""

from __future__ import annotations

from typing import Any

import numpy as np

from eval.study.overview import MOST_WIDTH, Study, find_noise, render_overview
from eval.study.query_values import QueryValues
from eval.study.summary import summarise
from tests.eval.study.metrics_files import covered, metrics

R1 = "MR-full-R1@0.5"


def of_queries(*seeds: list[float]) -> QueryValues:
    numbers = [np.array(values) for values in seeds]
    return QueryValues(list(range(len(numbers[0]))), {seed: {R1: array} for seed, array in enumerate(numbers)})


def study(**more: Any) -> Study:
    rows = [{"qid": qid, "vid": f"v{qid // 2}"} for qid in range(4)]
    history = [{"epoch": 1}, {"epoch": 2}]
    files = [metrics("base", 0, 75.0), metrics("video_only", 0, 25.0), metrics("random", 0, 0.0)]
    about = {"dataset": "toy", "runs": {"base": "gated fusion", "video_only": "no sound"}, "against": "video_only"}
    made = {"train": rows, "truth": rows[:3], "histories": [history, history], "summary": summarise(files)}
    return Study(**{**about, **made, "ceiling": {R1: 100.0}, **more})


def test_the_page_of_a_small_study():
    values = {"base": of_queries([100, 100, 100, 0]), "video_only": of_queries([0, 100, 0, 0])}
    text = render_overview(study(values=values, see=[("a.png", "a picture"), ("results.md", "all scores")]))
    assert text.splitlines() == [
        "toy: 2 networks trained for 2 epochs on 4 queries of 2 videos; val: 3 queries of 2 videos",
        "",
        "run                                           R1@0.5",
        # Differences 100, 0, 100, 0: a sample of four has no gain with probability 1/16, so 0 is within 95 %.
        "base        gated fusion                        75.0 ≈",
        "video_only  no sound                            25.0",
        "chance      random answers                       0.0",
        "ceiling     the best answers to these labels   100.0",
        "Percent, one seed (0): another one gives other numbers.",
        "≈ no clear difference from video_only: its 95 % interval over the queries includes 0.",
        "",
        "Open next:",
        "  a.png       a picture",
        "  results.md  all scores",
    ]


def test_noise_is_an_interval_with_0_or_seeds_that_disagree():
    flat = of_queries([10.0] * 20, [10.0] * 20)
    values = {
        "flat": flat,
        "better": of_queries([15.0] * 20, [12.0] * 20),
        "mixed": of_queries([30.0] * 20, [9.0] * 20),
        "even": of_queries([0.0, 20.0] * 10, [20.0, 0.0] * 10),
        "others": QueryValues([*range(1, 21)], flat.by_seed),
    }
    assert find_noise(values, "better", "flat") == {R1: False}
    assert find_noise(values, "mixed", "flat") == {R1: True}
    assert find_noise(values, "even", "flat") == {R1: True}
    assert find_noise(values, "others", "flat") is None
    assert find_noise(values, "none", "flat") is None


def test_several_seeds_have_a_spread():
    files = [
        metrics(run, seed, value + 10 * seed) for run, value in (("base", 50.0), ("film", 60.0)) for seed in (0, 1)
    ]
    text = render_overview(study(summary=summarise(files), runs={"base": "b", "film": "f"}, ceiling={}))
    # Of two numbers that differ by 10, the standard deviation is 10 / sqrt 2.
    assert "base  b  55.0 ± 7.1\nfilm  f  65.0 ± 7.1\n" in text.replace("  \n", "\n")
    assert "Percent, mean ± standard deviation over 2 seeds." in text


def test_only_the_shown_epoch_counts():
    files = [metrics("base", 0, 75.0), metrics("base", 0, 60.0)]
    for (_, content), epoch in zip(files, ("best", "last"), strict=True):
        content["about"]["epoch"] = epoch
    text = render_overview(study(summary=summarise(files), runs={"base": "b"}, epoch="last"))
    assert "60.0" in text and "75.0" not in text and "last epoch of each training" in text


def gates(informative: list[float], other: list[float]) -> dict[str, Any]:
    area = float(np.mean([[one > two for two in other] for one in informative]))
    means = {"true": [float(np.mean(informative))], "false": [float(np.mean(other))]}
    found = {"true": len(informative), "false": len(other), "mha": [area], "means": {"mha": means}}
    layer = [{"mean": 0.25}, {"mean": 0.75}]
    groups = {"all": {"samples": 9, "layers": layer}, "has_audio=true": {"samples": 8, "layers": layer}}
    return {"samples": "videos", "gates": {"mha": {"groups": groups}}, "separation": {"audio_informative": found}}


def test_the_gates_in_one_sentence():
    high, low = [0.6, 0.7, 0.8, 0.9], [0.1, 0.2, 0.3, 0.4]

    def says(found: dict[str, Any]) -> str:
        return " ".join(render_overview(study(gates=found, gates_of="base")).split("\n\n")[-1].split())

    assert says(gates(high, low)) == (
        "The audio gates of base are larger where the sound is informative: AUC 1.00 (0.5 = chance),"
        " mean 0.75 against 0.25 (4 and 4 videos)."
    )
    assert "are smaller where the sound is informative: AUC 0.00" in says(gates(low, high))
    # 13 of 16 pairs: by chance, the standard deviation of four against four is sqrt(9 / 192) = 0.22.
    assert "are not clearly larger where the sound is informative: AUC 0.81" in says(
        gates([0.2, *high[1:]], [0.1, 0.3, 0.4, 0.65])
    )
    without = {**gates(high, low), "separation": {}}
    assert says(without) == (
        "The audio gates of base are 0.50 on average (0.25 to 0.75 in its layers, 8 videos with sound;"
        " 0: no sound gets through)."
    )
    for group in without["gates"]["mha"]["groups"].values():
        group["samples"] = 1
    assert "1 video with sound;" in says(without)


def test_a_warning_stands_above_the_scores():
    text = render_overview(study(warning="answers mean nothing"))
    assert text.splitlines()[1] == "WARNING: answers mean nothing"


def test_references_of_tvsum_and_means_over_domains():
    def tvsum(scope: str, last: float) -> tuple[str, dict[str, Any]]:
        brief = {"mAP-last": last, "mAP-best": 99.0, "tau-last": 0.1}
        references = {"chance": {"mAP": 40.0}, "mean human": {"mAP": 80.0, "tau": 0.4}}
        return f"{scope}.json", {
            "brief": brief,
            "references": references,
            "about": {"run": "base", "scope": scope, "seed": 0},
        }

    summary = summarise([tvsum("BK", 60.0), tvsum("VT", 70.0)])
    text = render_overview(study(summary=summary, runs={"base": "b"}, epoch="last", ceiling={}))
    rows = [line.split() for line in text.splitlines()[2:6]]
    assert rows == [
        ["run", "top-5", "mAP", "tau"],
        ["base", "b", "65.0", "0.100"],
        ["chance", "40.0", "–"],
        ["mean", "human", "80.0", "0.400"],
    ]
    assert "Percent, correlations from -1 to 1, mean of 2 domains, last epoch of each training" in text


def test_a_given_network_was_not_trained_here():
    given = study(runs={"given": "best.pt"}, histories=(), train=(), summary=None, ceiling={})
    assert render_overview(given).splitlines() == [
        "toy: nothing was trained; best.pt answered 3 queries of 2 videos",
        "No labels to compare with: nothing is scored.",
    ]


def test_the_page_fits_a_terminal():
    runs = {f"run_{number}_with_a_long_name": "what it is, in many words " * 4 for number in range(12)}
    files = [metrics(run, seed, 50.0 + seed) for run in runs for seed in (0, 1)]
    files = [covered(file, 2, 3) if "run_3" in file[0] else file for file in files]
    text = render_overview(study(summary=summarise(files), runs=runs, against="run_11_with_a_long_name"))
    assert max(map(len, text.splitlines())) <= MOST_WIDTH and len(text.splitlines()) <= 20
    assert "run_11" in text and "run_6" in text and "run_7" not in text
    assert "4 more runs are in the files below." in text
    assert "Scored on a part of the queries, so not to be compared: run_3_with_a_long_name." in text
