"""Logs of several networks are read as one; those that do not belong together are refused."""

from __future__ import annotations

import pytest

from cli import UserError
from eval.gates.joined_logs import read_gate_logs


def test_logs_of_several_networks_are_read_as_one(write, gate_rows):
    rows = gate_rows(6)
    paths = [write("none", []), write("a", rows[:2]), write("b", rows[2:])]
    log = read_gate_logs(paths)
    assert log.name == "a and 1 more" and [sample.qid for sample in log.samples] == list(range(6))
    assert [sample.qid for sample in read_gate_logs(paths, 3).samples] == [0, 1, 2]
    assert [sample.qid for sample in read_gate_logs(paths, 2).samples] == [0, 1]
    assert read_gate_logs(paths[1:2]).name == "a"


@pytest.mark.parametrize(
    ("other", "message"),
    [
        ({"gating": "clipwise"}, "b: its gating type, clipwise, is not that of .*a, global"),
        ({"layers": 2}, "b: its number of layers, 2, is not that of .*a, 3"),
        ({"film": True}, r"b: its kinds, \('mha', 'ffn', 'beta'\), is not that of"),
        ({}, "b: qid 0 is in .*a too: give logs of different queries"),
    ],
)
def test_logs_that_do_not_belong_together_are_named(write, gate_rows, other, message):
    with pytest.raises(UserError, match=message):
        read_gate_logs([write("a", gate_rows(2)), write("b", gate_rows(2, **other))])
