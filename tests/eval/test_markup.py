"""Markup of tables: rules below the headings, numbers with their spread, and escaped text."""

from __future__ import annotations

from eval.markup import latex_text, markdown_row, markdown_table, markdown_text, show_number, show_spread


def test_a_table_has_its_rule_below_the_heads():
    rows = [["base", "1"], ["a|b", "2"]]
    assert markdown_table(["Run", "Seeds"], "lr", rows) == [
        "| Run | Seeds |",
        "|:--|--:|",
        "| base | 1 |",
        "| a\\|b | 2 |",
    ]
    assert markdown_table(["Run", "Seeds"], "lr", rows, padded_rule=True)[1] == "| :-- | --: |"


def test_text_of_users_breaks_no_row():
    # The backslash is doubled, or it would undo the one that keeps the pipe in its cell.
    assert markdown_row(["a\\|b", " two\nlines "]) == "| a\\\\\\|b | two lines |"
    text = markdown_text("<b>\\<i> [a](b)\n`c` *d* | &lt;")
    assert text == "&lt;b>&#92;&lt;i> &#91;a](b) &#96;c&#96; &#42;d&#42; | &amp;lt;"
    assert markdown_row([text]) == f"| {text.replace('|', chr(92) + '|')} |"  # nothing is escaped twice
    assert latex_text("50 % of_x & ~y\n^z") == "50 \\% of\\_x \\& \\textasciitilde{}y \\textasciicircum{}z"


def test_numbers_have_their_digits_and_none_is_a_dash():
    assert [show_number(61.005, 1), show_number(None, 1)] == ["61.0", "–"]
    value = {"mean": 61.0, "sd": 1.4142}
    assert show_spread(value, 2) == "61.00 ± 1.41"
    assert show_spread(value, 1, " $\\pm$ ") == "61.0 $\\pm$ 1.4"
    assert show_spread({"mean": 61.0, "sd": None}, 2) == "61.00"
    assert show_spread(None, 2) == "–"
