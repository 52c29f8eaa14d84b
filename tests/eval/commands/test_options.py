"""Options shared by several verbs: names and seeds of runs, and values given per file."""

from __future__ import annotations

import pytest

from cli import UserError
from eval.commands.options import pick
from tests.eval.running import run


@pytest.mark.parametrize("verb", ["score", "tvsum"])
@pytest.mark.parametrize("option", [("--run", ""), ("--run", " "), ("--scope", ""), ("--scope", "mean of 3")])
def test_names_that_summarise_refuses_are_refused_at_once(verb, option, capsys):
    with pytest.raises(SystemExit) as stop:
        run(verb, *option)
    assert stop.value.code == 2
    assert f"argument {option[0]}: must" in capsys.readouterr().err


@pytest.mark.parametrize("verb", ["score", "tvsum", "baseline"])
def test_seeds_are_whole_numbers_from_0(verb, capsys):
    with pytest.raises(SystemExit) as stop:
        run(verb, "--seed", "-1")
    assert stop.value.code == 2
    assert "argument --seed: " in capsys.readouterr().err


def test_what_belongs_to_one_of_several_files():
    assert pick(["a", "b"], 1, 2, "--title") == "b"
    assert pick([], 1, 2, "--title") is None
    with pytest.raises(UserError, match="--title: must have one value per file, got 1 for 2 files"):
        pick(["a"], 1, 2, "--title")
