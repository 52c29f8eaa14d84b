"""Pages of Snakemake's report: our tables as HTML, with every name escaped."""

from __future__ import annotations

import json
from html.parser import HTMLParser
from pathlib import Path

import pytest

from eval.markup import markdown_table, markdown_text
from eval.study.report_pages import render_file, render_page, render_settings, render_software
from tests.eval.running import run

HOSTILE = "a|b \\ <script>alert(1)</script> *x* [y](javascript:z) `c` &lt; **"


class Seen(HTMLParser):
    """What a browser makes of a page: its elements, the texts of its table cells, and all text."""

    def __init__(self, lines: list[str]) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.cells: list[str] = []
        self.text = ""
        self.feed("\n".join(lines))

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        if tag in ("td", "th"):
            self.cells.append("")

    def handle_data(self, data: str) -> None:
        self.text += data
        if self.cells:
            self.cells[-1] += data.strip("\n")


def test_a_table_of_ours_shows_what_was_put_in(tmp_path: Path) -> None:
    table = markdown_table(["Run", markdown_text(HOSTILE)], "lr", [[markdown_text(HOSTILE), "1.0"]])
    file = tmp_path / "summary.md"
    file.write_text("\n".join(["# Runs", "", "Percent, **best** of `a&b`.", "", "- one", "- two", "", *table]) + "\n")
    lines = render_file(file)
    seen = Seen(lines)
    assert seen.cells == ["Run", HOSTILE, HOSTILE, "1.0"]
    assert " ".join(seen.tags) == "h1 p strong code ul li li table thead tr th th tbody tr td td"  # and no other
    assert "Percent, best of a&b." in seen.text
    assert '<td class="right">1.0</td>' in "\n".join(lines)


def test_words_of_links_stay_and_addresses_go(tmp_path: Path) -> None:
    file = tmp_path / "ranked.md"
    file.write_text("## a title\n\nVideo `x<y`, query 3. [Highlight curve](../../plots/a/moments/3.png)\n")
    assert render_file(file) == [
        "<h2>a title</h2>",
        "<p>Video <code>x&lt;y</code>, query 3. Highlight curve</p>",
    ]


@pytest.mark.parametrize("text", ["", "\n\n"])
def test_an_empty_file_is_an_empty_page(tmp_path: Path, text: str) -> None:
    for name in ("a.md", "a.csv", "a.tsv", "a.txt"):
        (tmp_path / name).write_text(text)
        assert Seen(render_file(tmp_path / name)).text.strip() in ("", "No rows. Columns: .")


def test_emphasis_in_cells(tmp_path: Path) -> None:
    file = tmp_path / "summary.md"
    file.write_text("\n".join(markdown_table(["Run"], "l", [["*random (chance)*"]], padded_rule=True)))
    assert "<tr><td><em>random (chance)</em></td></tr>" in render_file(file)


@pytest.mark.parametrize(("name", "separator"), [("a.csv", ","), ("a.tsv", "\t")])
def test_separated_values(name: str, separator: str, tmp_path: Path) -> None:
    file = tmp_path / name
    file.write_text(separator.join(["vid", "n", "cause"]) + "\n" + separator.join(["<b>", "-1.5e3", 'a "q"']) + "\n")
    lines = render_file(file)
    assert Seen(lines).cells == ["vid", "n", "cause", "<b>", "-1.5e3", 'a "q"']
    assert '<td class="right">-1.5e3</td>' in "\n".join(lines)
    file.write_text("vid" + separator + "<cause>\n")
    assert render_file(file) == ["<p>No rows. Columns: vid, &lt;cause&gt;.</p>"]
    file.write_text("")
    assert Seen(render_file(file)).tags == ["p"]


def test_other_text_stays_as_it_is(tmp_path: Path) -> None:
    file = tmp_path / "overview.txt"
    file.write_text("a  <b>\n  c\n")
    assert render_file(file) == ["<pre>a  &lt;b&gt;\n  c\n</pre>"]


def test_settings_are_shown_by_section() -> None:
    lines = render_settings({"dataset": {"name": "<x>", "videos": None}, "seeds": [1, 2], "only": "naïve"})
    seen = Seen(lines)
    assert [tag for tag in seen.tags if tag == "h2"] == ["h2"] * 3 and "b" not in seen.tags
    for text in ("name: <x>", "videos: null", "- 1\n- 2", "naïve"):
        assert text in seen.text


def test_a_version_has_its_commands() -> None:
    versions = {
        "model.train": {"python": "3.11.7", "torch": "2.13.0"},
        "feature_extractors.encode": {"python": "3.11.7", "torch": "2.12.0"},
    }
    assert Seen(render_software(versions)).cells == [
        *("Package", "Version", "Commands"),
        *("python", "3.11.7", "feature_extractors.encode, model.train"),
        *("torch", "2.12.0", "feature_extractors.encode"),
        *("torch", "2.13.0", "model.train"),
    ]
    assert "Not recorded" in Seen(render_software({})).text


def test_a_page_stands_alone() -> None:
    page = render_page("a <b>", ["<p>x</p>"])
    assert "<title>a &lt;b&gt;</title>" in page
    assert not {"script", "link", "img", "a"} & set(Seen([page]).tags)


def test_the_verb_writes_a_page_per_table(tmp_path: Path) -> None:
    (tmp_path / "problems.tsv").write_text("vid\tcause\n")
    (tmp_path / "software").mkdir()
    (tmp_path / "software/eval.score.json").write_text('{"numpy": "2.4.0"}')
    command = ["report-pages", "--tables", tmp_path / "problems.tsv", "--settings", json.dumps({"seeds": [7]})]
    assert run(*command, "--software", tmp_path / "software", "--out-dir", tmp_path / "pages") == 0
    pages = {path.name: path.read_text() for path in (tmp_path / "pages").iterdir()}
    assert pages.keys() == {"problems.tsv.html", "settings.html", "software.html"}
    assert "- 7" in pages["settings.html"] and "2.4.0" in pages["software.html"]


def test_a_table_that_is_no_text_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.csv").write_bytes(b"\xff\xfe")
    command = ["report-pages", "--tables", tmp_path / "a.csv", "--settings", "{}"]
    assert run(*command, "--software", tmp_path, "--out-dir", tmp_path / "pages") == 1
    assert "a.csv: not UTF-8 text" in capsys.readouterr().err
