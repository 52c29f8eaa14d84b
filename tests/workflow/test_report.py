"""`snakemake --report`: every figure and table, each with caption, category and labels, and the way to the explorer."""

from __future__ import annotations

import json
import os
import re
from html.parser import HTMLParser

from tests.workflow.workspace import Workspace

FURTHER = ("precision_recall", "reliability", "window_lengths")


class Links(HTMLParser):
    """Addresses of all links."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.found += [value for name, value in attributes if tag == "a" and name == "href" and value]


def read_variable(page: str, name: str) -> object:
    """A variable that a script of the page assigns JSON to."""
    found = re.search(rf'var {name} = (?=[{{"])', page)  # libraries have variables of these names, too
    assert found is not None
    return json.JSONDecoder().raw_decode(page, found.end())[0]


def test_the_report_holds_every_figure_and_table(built: Workspace) -> None:
    # Those that are made on request alone, too.
    done = built.snakemake("--cores", "2", "figures")
    assert done.returncode == 0, done.stderr
    # Snakemake keeps icons and scripts of reports in its package: nothing is fetched.
    nowhere = {f"{scheme}_proxy": "http://127.0.0.1:9" for scheme in ("http", "https")}
    done = built.snakemake("--report", "report.html", "all", "figures", environment={**os.environ, **nowhere})
    assert done.returncode == 0, done.stderr
    page = (built.folder / "report.html").read_text(encoding="utf-8")
    results = read_variable(page, "results")
    assert isinstance(results, dict)
    folders = {"plots": (".png",), "results": (".md", ".txt"), "reports/demo": (".tsv",)}
    made = {
        str(file.relative_to(built.folder))
        for folder, suffixes in folders.items()
        for file in (built.folder / folder).rglob("*")
        if file.suffix in suffixes
    }
    assert results.keys() == made and len(made) > 15
    further = [f"plots/demo/{run}/retrieval_val/{name}.png" for run in ("base", "video_only") for name in FURTHER]
    assert {"plots/demo/differences.png", *further} <= made
    for name, result in results.items():
        assert result["caption"] and result["labels"], name
    categories = read_variable(page, "categories")
    assert isinstance(categories, dict) and categories.keys() == {"Data", "Gates", "Moments", "Scores", "Training"}
    (link,) = Links(str(read_variable(page, "workflow_desc"))).found
    assert (built.folder / link).is_file() and link == "reports/explorer/index.html"
