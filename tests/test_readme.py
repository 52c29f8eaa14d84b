"""The README: short, and its Python lines are those of an example that runs as a test."""

from __future__ import annotations

import re

from tests.test_architecture import ROOT

README = (ROOT / "README.md").read_text(encoding="utf-8")
MOST_LINES = 120


def test_it_is_short() -> None:
    assert len(README.splitlines()) < MOST_LINES


def test_its_python_lines_are_those_of_the_example() -> None:
    [shown] = re.findall(r"^```python\n(.*?)^```$", README, re.DOTALL | re.MULTILINE)
    example = (ROOT / "examples/readme.py").read_text(encoding="utf-8")
    code = example.split('"""', 2)[2] if example.startswith('"""') else example
    assert shown.strip() == code.strip()
