"""The verbs for results of video temporal grounding: predictions from and to the files of TimeLens and lmms-eval."""

from __future__ import annotations

import argparse
import logging
from pathlib import Path

from cli import Command
from eval.markup import count
from formats.rows import write_object, write_rows

_log = logging.getLogger(__name__)
FORMATS = ("timelens", "charades_sta")


def import_answers(arguments: argparse.Namespace) -> None:
    """Turn a language model's answers into predictions that `score` and `compare` read.

    --answers is a file of results of TimeLens (JSON or JSON lines), of lmms-eval's scorer of Charades-STA
    (eval_tvg.py), or a log of lmms-eval's tasks timelens and temporal_grounding_charades (--log_samples). Times in
    words are read as that benchmark reads them. Answers are matched with queries by video and words.
    """
    from eval.grounding.exchange import import_answers as read

    rows = read(arguments.answers, arguments.ground_truth)
    write_rows(arguments.out, rows)
    silent = sum(not row["pred_relevant_windows"] for row in rows)
    _log.info("%s: %s, %d without a moment", arguments.out, count(len(rows), "answer", "answers"), silent)


def export_answers(arguments: argparse.Namespace) -> None:
    """Write the best moment of each query as results that TimeLens or lmms-eval scores.

    timelens is for TimeLens's evaluation/compute_metrics.py, charades_sta for lmms-eval's
    tasks/charades_sta/eval_tvg.py. Both have one relevant window per query.
    """
    from eval.grounding.exchange import export_answers as write

    write_object(arguments.out, write(arguments.predictions, arguments.ground_truth, arguments.format))


def add_verbs(command: Command) -> None:
    """Add the verbs of this module and their arguments."""
    verb = command.verb("import-answers", import_answers)
    verb.add_argument("--answers", type=Path, required=True, help="results or log, see above (JSON or JSONL)")
    verb.add_argument("--ground-truth", type=Path, required=True, help="the queries, QVHighlights rows (JSONL)")
    verb.add_output("--out", required=True, help="predictions (JSONL) to write")

    verb = command.verb("export-answers", export_answers)
    verb.add_argument("--predictions", type=Path, required=True, help="submission rows (JSONL)")
    verb.add_argument("--ground-truth", type=Path, required=True, help="the queries, QVHighlights rows (JSONL)")
    verb.add_argument("--format", choices=FORMATS, required=True, help="which scorer the results are for")
    verb.add_output("--out", required=True, help="results (JSON) to write")
