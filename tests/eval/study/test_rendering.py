"""A summary as Markdown, LaTeX and CSV."""

from __future__ import annotations

import csv
import io

from eval.study.rendering import render_csv, render_latex, render_markdown
from eval.study.summary import summarise
from tests.eval.study.metrics_files import metrics


def test_markdown_has_a_scope_column_only_for_several():
    one = render_markdown(summarise([metrics("base", 0, 60.0, visual=70.0)]))
    assert "| Run | Seeds | R1@0.5 | R1@0.5 modality=visual (n=5) |" in one
    assert "| base | 1 | 60.00 | 70.00 |" in one
    several = render_markdown(summarise([metrics("base", 0, 60.0, "BK"), metrics("base", 0, 50.0, "VT")]))
    assert "| Run | Scope | Seeds |" in several
    assert "| base | VT | 1 | 50.00 |" in several


def test_a_run_without_a_number_has_a_dash():
    text = render_markdown(summarise([metrics("base", 0, 60.0), metrics("late", 0, None)]))
    assert "| late | 1 | – |" in text


def test_latex_and_csv():
    files = [metrics("mha_strong", 0, 60.0, audio=50.0), metrics("mha_strong", 1, 62.0), metrics("base", 0, 50.0)]
    summary = summarise(files, against="base")
    latex = render_latex(summary)
    assert "mha\\_strong & 2 & 61.00 $\\pm$ 1.41 & 50.00 \\\\" in latex
    assert latex.count("\\\\") == 3 and latex.count("&") == 3 * 3
    lines = list(csv.DictReader(io.StringIO(render_csv(summary))))
    assert [(line["run"], line["metric"], line["subset"], line["mean"]) for line in lines] == [
        ("mha_strong", "MR-full-R1@0.5", "", "61.0"),
        ("mha_strong", "MR-full-R1@0.5", "modality=audio", "50.0"),
        ("base", "MR-full-R1@0.5", "", "50.0"),
    ]
    assert (lines[0]["against"], lines[0]["difference"], lines[0]["p_seeds"]) == ("base", "11.0", "")


def test_names_break_no_table():
    name = "a|b\\c\nd^e~f"
    tested = render_markdown(summarise([metrics(name, 0, 60.0), metrics("b", 0, 60.0)], against=name))
    assert "\nPaired tests against a|b&#92;c d^e~f, two-sided" in tested
    summary = summarise([metrics(name, 0, 60.0)])
    assert "| a\\|b&#92;c d^e~f | 1 | 60.00 |" in render_markdown(summary)
    latex = "a|b\\textbackslash{}c d\\textasciicircum{}e\\textasciitilde{}f & 1 & 60.00"
    assert latex in render_latex(summary)
    assert next(csv.DictReader(io.StringIO(render_csv(summary))))["run"] == name


def test_names_are_neither_tags_nor_links():
    name = "<img src=x onerror=alert(1)>[a](javascript:b)"
    files = [metrics(name, seed, 60.0, "<b>") for seed in (0, 1)] + [metrics("base", 0, 60.0, "[c](d)")]
    text = render_markdown(summarise(files, against=name))
    assert "&lt;img src=x onerror=alert(1)>&#91;a](javascript:b)" in text
    assert "<" not in text and "[" not in text
