"""One line per job, from the records that Snakemake logs."""

from __future__ import annotations

import io
import logging
from collections.abc import Iterator
from enum import Enum
from pathlib import Path

import pytest
from snakemake.logging import LogEvent

from workflow.terminal.steps import StepLines, show_steps


class Quiet(Enum):
    """As Snakemake names it."""

    RULES = 0
    PROGRESS = 1
    HOST = 3


@pytest.fixture
def logger() -> Iterator[logging.Logger]:
    made = logging.Logger("test", logging.INFO)
    yield made
    for handler in made.handlers:
        handler.close()


def job(number: int, message: str | None = "Training run base", **more: object) -> dict[str, object]:
    about = {"jobid": number, "rule_msg": message, "rule_name": "train", "output": ["best.pt"], "log": []}
    return {"event": LogEvent.JOB_INFO, **about, **more}


def test_each_job_has_one_line_with_the_steps_done(logger: logging.Logger) -> None:
    out, seconds = io.StringIO(), iter([100.0, 100.4, 161.0, 3800.0])
    logger.addHandler(StepLines(out, lambda: next(seconds)))
    logger.info("Building DAG of jobs...")
    logger.info("Job stats: ...", extra={"event": LogEvent.RUN_INFO, "stats": {"train": 9, "all": 1, "total": 10}})
    logger.info("Execute 2 jobs...", extra={"event": LogEvent.JOB_STARTED, "jobs": [1, 2]})
    logger.info("", extra=job(1))
    logger.info("", extra={"event": LogEvent.JOB_FINISHED, "job_id": 1})
    logger.info(None, extra={"event": LogEvent.PROGRESS, "done": 1, "total": 10})
    logger.info("", extra=job(2, None))
    logger.info("", extra=job(3, None, rule_name="all", output=[]))
    logger.info(None, extra={"event": LogEvent.PROGRESS, "done": 10, "total": 10})
    assert out.getvalue().splitlines() == [
        " 0 of 10 steps,  0:00  Training run base",
        " 1 of 10 steps,  1:01  train",
        "10 of 10 steps, 1:01:40",
    ]


def test_a_failed_job_is_named_with_the_end_of_its_log(logger: logging.Logger, tmp_path: Path) -> None:
    out, log = io.StringIO(), tmp_path / "train.log"
    logger.addHandler(StepLines(out))
    log.write_text("".join(f"epoch {number}\n" for number in range(24)) + "error: the disk is full\n")
    logger.info("", extra=job(1))
    logger.error("", extra={**job(1, None, log=[str(log), "gone.log"]), "event": LogEvent.JOB_ERROR})
    lines = out.getvalue().splitlines()
    assert lines[1:4] == [
        "failed: Training run base (rule train)",
        f"{log}, the last 20 of 25 lines:",
        "    epoch 5",
    ]
    assert lines[-1] == "    error: the disk is full"


def test_nothing_to_do_is_said(logger: logging.Logger) -> None:
    out = io.StringIO()
    logger.addHandler(StepLines(out))
    logger.info("Nothing to be done (all requested files are present and up to date).")
    assert out.getvalue().startswith("Nothing to be done")


def test_snakemake_keeps_its_errors_and_its_file(logger: logging.Logger, tmp_path: Path) -> None:
    terminal, kept = io.StringIO(), tmp_path / "snakemake.log"
    logger.addHandler(logging.StreamHandler(terminal))
    logger.addHandler(logging.FileHandler(kept))
    show_steps(logger, None)
    show_steps(logger, [Quiet.HOST])
    show_steps(logger, [Quiet.RULES, Quiet.PROGRESS])
    assert len(logger.handlers) == 2  # not asked for
    show_steps(logger, [Quiet.RULES, Quiet.HOST])
    logger.info("Select jobs to execute...")
    logger.error("the command", extra={"event": LogEvent.ERROR, "exception": "RuleException"})
    logger.error("No rule to produce x", extra={"event": LogEvent.ERROR, "exception": "MissingRuleException"})
    assert terminal.getvalue() == "No rule to produce x\n"
    assert kept.read_text().splitlines() == ["Select jobs to execute...", "the command", "No rule to produce x"]
