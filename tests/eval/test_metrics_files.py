"""Malformed metrics files: the error names the file, the key and the value."""

from __future__ import annotations

import pytest

from cli import UserError
from eval.study.summary import summarise
from tests.eval.study.metrics_files import metrics, values

SHAPES = {
    "text": ({"brief": {"MR-full-R1@0.5": "60"}}, r"brief\.MR-full-R1@0\.5: .*valid number, got '60'"),
    "list": ({"brief": {"MR-full-R1@0.5": [60]}}, r"brief\.MR-full-R1@0\.5: .*valid number, got \[60\]"),
    "object": ({"brief": {"MR-full-R1@0.5": {"a": 1}}}, r"brief\.MR-full-R1@0\.5: .*valid number"),
    "true": ({"brief": {"MR-full-R1@0.5": True}}, r"brief\.MR-full-R1@0\.5: .*valid number, got True"),
    "NaN": ({"brief": {"MR-full-R1@0.5": float("nan")}}, r"brief\.MR-full-R1@0\.5: .*finite number"),
    "huge": ({"brief": {"MR-full-R1@0.5": 1e308}}, r"brief\.MR-full-R1@0\.5: .*less than or equal to 100"),
    "huge whole": ({"brief": {"MR-full-R1@0.5": 10**400}}, r"brief\.MR-full-R1@0\.5: .*valid number, got 1000"),
    "brief": ({"brief": [1]}, r"brief: .*dictionary, got \[1\]"),
    "subsets": ({"subsets": [1]}, r"subsets: .*dictionary"),
    "subset": ({"subsets": {"a": 1}}, r"subsets\.a: "),
    "part": ({"subsets": {"a": {"MR-full-R1@0.5": "1"}}}, r"subsets\.a\.MR-full-R1@0\.5: .*valid number"),
    "part size": ({"subsets": {"a": {"queries": 1.5}}}, r"subsets\.a\.queries: .*integer"),
    "references": ({"references": 1}, r"references: .*dictionary"),
    "reference": ({"references": {"chance": [1]}}, r"references\.chance: .*dictionary"),
    "reference value": ({"references": {"chance": {"mAP": "1"}}}, r"references\.chance\.mAP: .*valid number"),
    "about": ({"about": [1]}, r"about: "),
    "run": ({"about": {"run": 1}}, r"about\.run: .*string"),
    "scope": ({"about": {"run": "a", "scope": {}}}, r"about\.scope: .*string"),
    "scope of means": ({"about": {"run": "a", "scope": "mean of 2"}}, r"about\.scope: must not start with 'mean of'"),
    "seed": ({"about": {"run": "a", "seed": [0]}}, r"about\.seed: .*integer"),
    "negative seed": ({"about": {"run": "a", "seed": -1}}, r"about\.seed: "),
    "epoch": ({"about": {"run": "a", "epoch": "third"}}, r"about\.epoch: .*'best' or 'last'"),
    "coverage": ({"about": {"run": "a", "coverage": 3}}, r"about\.coverage: "),
    "covered": ({"about": {"run": "a", "coverage": {"queries": 3}}}, r"about\.coverage\.of: Field required"),
}


@pytest.mark.parametrize("fault", SHAPES)
def test_metrics_of_the_wrong_shape_are_named_with_their_key(fault):
    change, message = SHAPES[fault]
    content = {"brief": {"MR-full-R1@0.5": 60.0}, "about": {"run": "base"}} | change
    with pytest.raises(UserError, match=rf"a\.json: {message}") as problem:
        summarise([("a.json", content)])
    assert "\n" not in str(problem.value)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"values": [1]}, r"values: .*dictionary"),
        ({"values": {"MR-full-R1@0.5": 60.0}}, r"values\.MR-full-R1@0\.5: .*list"),
        ({"values": {"MR-full-R1@0.5": ["60"]}}, r"values\.MR-full-R1@0\.5\.0: .*valid number, got '60'"),
        ({"values": {"MR-full-R1@0.5": [1e308]}}, r"values\.MR-full-R1@0\.5\.0: .*less than or equal to 100"),
        ({"values": {"MR-full-R1@0.5": [10**400]}}, r"values\.MR-full-R1@0\.5\.0: .*valid number"),
        ({"qids": "all"}, r"qids: .*list"),
        ({"qids": [None]}, r"qids\.0: must be a whole number or a string, got None"),
        ({"qids": [[1]]}, r"qids\.0: must be a whole number or a string"),
        ({"about": "base"}, r"about: "),
    ],
)
def test_values_of_the_wrong_shape_are_named_with_their_key(change, message):
    _, content = values("base", 0, [60.0])
    with pytest.raises(UserError, match=rf"q\.json: {message}"):
        summarise([metrics("base", 0, 60.0)], [("q.json", content | change)])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"brief": {}}, r"brief: .* at least 1 item"),
        ({"about": []}, r"about: must be an object, got \[\]"),
        ({"about": {"run": "a", "coverage": {"queries": 9, "of": 6}}}, r"about\.coverage: 'queries' must not"),
        ({"about": {"run": "a", "coverage": 1}}, r"about\.coverage: must be an object, got 1"),
        ({"about": {"run": "a", "labelled": {"moments": 9, "of": 6}}}, r"about\.labelled: 'moments' and"),
        (
            {"about": {"run": "a", "queries": 5, "coverage": {"queries": 4, "of": 6}}},
            r"about: queries is 5, but coverage\.queries is 4",
        ),
        (
            {"about": {"run": "a", "queries": 5, "labelled": {"moments": 4, "of": 6}}},
            r"about: queries is 5, but labelled\.of is 6",
        ),
    ],
)
def test_counts_that_cannot_be_are_refused(change, message):
    content = {"brief": {"MR-full-mAP": 1.0}, "about": {"run": "a"}} | change
    with pytest.raises(UserError, match=rf"a\.json: {message}") as problem:
        summarise([("a.json", content)])
    assert "\n" not in str(problem.value)
