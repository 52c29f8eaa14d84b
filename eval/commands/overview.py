"""The verbs `overview` and `report-pages`: pages about a whole study, as text and as HTML."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from cli import Command
from cli.outputs import write_text
from formats.rows import iterate_rows, read_object, read_rows


def overview(arguments: argparse.Namespace) -> None:
    """Write a page of text: what was trained, its scores next to chance and ceiling, its gates, what to open next.

    The ceiling is what the best answer to the labels scores; ≈ marks differences that may be noise. Everything but
    --run is optional: what is not given is left out.
    """
    from eval.metrics_files import read_named
    from eval.qvhighlights.ceiling import find_ceiling
    from eval.study.files import collect
    from eval.study.overview import Study, render_overview
    from eval.study.query_values import QueryValues, read_arrays

    truth = [row for path in arguments.ground_truth for row in read_rows(path)]
    values: dict[str, QueryValues] = {}
    for (run, _), seeds in collect(read_named(arguments.per_query), "values").items():
        arrays = {seed: read_arrays(record) for seed, record in seeds.items()}
        qids = next(iter(arrays.values()))[0]
        values[run.removesuffix(f" ({arguments.epoch} epoch)")] = QueryValues(
            qids, {seed: found for seed, (_, found) in arrays.items()}
        )
    names = ", ".join(map(str, arguments.ground_truth))
    study = Study(
        dataset=arguments.dataset,
        warning=arguments.warning,
        runs=dict(arguments.run_name),
        epoch=arguments.epoch,
        against=arguments.against,
        train=[row for path in arguments.train for row in read_rows(path)],
        truth=truth,
        split=arguments.split,
        histories=[[row for _, row in iterate_rows(path)] for path in arguments.history],
        summary=read_object(arguments.summary) if arguments.summary else None,
        values=values,
        ceiling=find_ceiling(truth, names, not arguments.any_time) if values else {},
        gates=read_object(arguments.gates) if arguments.gates else None,
        gates_of=arguments.gates_of,
        see=[(file, what) for file, what in arguments.see],
    )
    write_text(arguments.out, render_overview(study))


def report_pages(arguments: argparse.Namespace) -> None:
    """Write pages for Snakemake's report, DIR/NAME.html: each table, settings.html and software.html.

    A page stands alone, and all text in it is escaped. Tables are Markdown, CSV, TSV or plain text, by their suffix.
    """
    from cli.software import read_software
    from eval.study.report_pages import render_file, render_page, render_settings, render_software

    pages = {table.name: render_file(table) for table in arguments.tables}
    pages["settings"] = render_settings(arguments.settings)
    software = read_software(arguments.software)
    software.pop("eval.report-pages", None)  # this command's own, known only to its second run
    pages["software"] = render_software(software)
    for name, body in pages.items():
        write_text(arguments.out_dir / f"{name}.html", render_page(name, body))


def _settings(text: str) -> dict[str, Any]:
    try:
        settings = json.loads(text)
    except ValueError:
        settings = None
    if not isinstance(settings, dict):
        raise argparse.ArgumentTypeError("must be an object in JSON")
    return settings


def add_verbs(command: Command) -> None:
    """Add the verbs and their arguments."""
    verb = command.verb("overview", overview)
    verb.add_argument("--dataset", required=True, metavar="NAME", help="its name, for the first line")
    verb.add_argument(
        "--run",
        dest="run_name",
        nargs=2,
        action="append",
        required=True,
        metavar=("NAME", "WHAT"),
        help="a run to show, and a few words on what it is; repeat it for each run",
    )
    verb.add_argument("--warning", default="", metavar="TEXT", help="why the answers mean nothing, if they do")
    files: dict[str, Any] = {"type": Path, "nargs": "*", "default": []}
    verb.add_argument("--train", **files, metavar="T.jsonl", help="rows that the runs were trained on")
    verb.add_argument("--ground-truth", **files, metavar="G.jsonl", help="rows of the queries that were answered")
    verb.add_argument("--split", default="val", metavar="NAME", help="their split (default: val)")
    verb.add_argument("--history", **files, metavar="H.jsonl", help="histories of all trainings")
    verb.add_argument("--summary", type=Path, nargs="?", metavar="S.json", help="summary of `summarise`")
    verb.add_argument("--per-query", **files, metavar="Q.json", help="values of `score --per-query` of the runs shown")
    verb.add_argument("--epoch", default="", choices=("best", "last"), help="the checkpoint to show")
    verb.add_argument("--against", default="", metavar="RUN", help="the run that the others are compared with")
    verb.add_argument("--any-time", action="store_true", help="moments were not rounded to whole clips")
    verb.add_argument("--gates", type=Path, nargs="?", metavar="G.json", help="statistics of `gates`")
    verb.add_argument("--gates-of", default="", metavar="RUN", help="the run whose gates they are")
    verb.add_argument(
        "--see",
        nargs=2,
        action="append",
        default=[],
        metavar=("FILE", "WHAT"),
        help="a file to open next, and what it shows; may be repeated",
    )
    verb.add_output("--out", required=True, help="the page to write, plain text")

    verb = command.verb("report-pages", report_pages)
    verb.add_argument("--tables", type=Path, nargs="*", default=[], metavar="FILE", help="tables to show")
    verb.add_argument("--settings", type=_settings, required=True, metavar="JSON", help="all settings of the study")
    verb.add_argument("--software", type=Path, required=True, metavar="DIR", help="where commands noted their software")
    verb.add_output_folder("--out-dir", required=True, metavar="DIR", help="folder of the pages")
