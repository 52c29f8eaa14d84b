"""`snakemake --report`: figures, tables, settings and software, shown with captions, and the way to the explorer."""

from __future__ import annotations

import base64
import html
import json
import os
import re
from html.parser import HTMLParser
from importlib.metadata import version
from typing import Any

import pytest

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


@pytest.fixture(scope="module")
def report(built: Workspace) -> str:
    """The report of the tiny demo."""
    # The figures that are made on request alone, too.
    done = built.snakemake("--cores", "2", "figures")
    assert done.returncode == 0, done.stderr
    # Snakemake keeps icons and scripts of reports in its package: nothing is fetched.
    nowhere = {f"{scheme}_proxy": "http://127.0.0.1:9" for scheme in ("http", "https")}
    done = built.snakemake("--report", "report.html", "all", "figures", environment={**os.environ, **nowhere})
    assert done.returncode == 0, done.stderr
    return (built.folder / "report.html").read_text(encoding="utf-8")


def read_results(report: str) -> dict[str, dict[str, Any]]:
    """What the report shows, by file."""
    results = read_variable(report, "results")
    assert isinstance(results, dict)
    return results


def read_page(report: str, name: str) -> str:
    """A page that the report holds."""
    head, _, content = read_results(report)[f"reports/demo/pages/{name}.html"]["data_uri"].partition(",")
    assert head.startswith("data:text/html") and head.endswith(";base64")
    return base64.b64decode(content).decode()


def test_the_report_shows_every_figure_and_table(built: Workspace, report: str) -> None:
    results = read_results(report)
    made = {
        str(file.relative_to(built.folder))
        for folder, suffix in {"plots": ".png", "reports/demo/pages": ".html"}.items()
        for file in (built.folder / folder).rglob(f"*{suffix}")
    }
    assert results.keys() == made and len(made) > 15
    further = [f"plots/demo/{run}/retrieval_val/{name}.png" for run in ("base", "video_only") for name in FURTHER]
    assert {"plots/demo/differences.png", *further} <= made
    for name, result in results.items():
        assert result["caption"] and result["labels"], name
        # The report would offer other kinds of files for saving only.
        assert result["mime_type"] in ("image/png", "text/html"), name
    categories = read_variable(report, "categories")
    assert isinstance(categories, dict)
    assert categories.keys() == {"Data", "Gates", "Moments", "Scores", "Study", "Training"}


def test_tables_are_pages(built: Workspace, report: str) -> None:
    pages = {name: read_page(report, name) for name in ("summary.md", "summary.csv", "problems.tsv", "overview.txt")}
    metrics = json.loads((built.folder / "results/demo/summary.json").read_text())
    for row in metrics["rows"]:
        assert row["run"] in pages["summary.md"] and row["run"] in pages["summary.csv"]
    assert pages["summary.md"].count("<tr>") > len(metrics["rows"])
    assert "<p>No rows. Columns: vid, " in pages["problems.tsv"]
    text = (built.folder / "results/demo/overview.txt").read_text(encoding="utf-8")
    assert html.escape(text) in pages["overview.txt"]


def test_settings_and_software_are_those_of_the_run(report: str) -> None:
    settings, software = read_page(report, "settings"), read_page(report, "software")
    # Of the demo's own configuration, of the tiny one, and of a run's patch.
    for line in ("learning_rate: ", "max_seconds: 14", "selected_runs", "- video_only"):
        assert line in settings, line
    for package in ("numpy", "torch", "av", "snakemake", "transformers"):
        assert re.search(rf"<td>{package}</td><td>{re.escape(version(package))}(\+\w+)?</td>", software), package
    # Whatever the order of jobs: the page was once made before or after others.
    commands = "demo.media", "feature_extractors.previews", "model.train", "eval.plot-summary", "eval.explore"
    for command in commands:
        assert command in software, command


def test_the_report_describes_the_study_and_leads_to_the_explorer(built: Workspace, report: str) -> None:
    description = str(read_variable(report, "workflow_desc"))
    assert "<strong>demo</strong>" in description
    (link,) = Links(description).found
    assert (built.folder / link).is_file() and link == "reports/explorer/index.html"


def test_no_environment_is_shown_that_did_not_run(report: str) -> None:
    rules = read_variable(report, "rules")
    assert isinstance(rules, dict) and len(rules) > 10
    assert {name for name, rule in rules.items() if rule["conda_env"]} == set()
