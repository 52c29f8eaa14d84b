"""The overview of a study: a page of plain text that says what was trained, what came of it, and what to open next."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from eval import MEAN_SCOPE
from eval.markup import NONE, count
from eval.significance import bootstrap_means
from eval.study.query_values import QueryValues
from eval.study.run_table import BASELINES, COLUMNS, DIGITS
from formats.rows import Row

MOST_RUNS = 8
MOST_WIDTH = 100
"""Letters per line, of a terminal that is not narrow."""
SHORT = {"MR-full-mAP": "mAP"}
NOISE = "≈"
_NOUNS = {"videos": ("video", "videos"), "queries": ("query", "queries")}


@dataclass(frozen=True, kw_only=True)
class Study:
    """What the overview is about. Everything but the dataset may be absent."""

    dataset: str
    warning: str = ""
    """Why the answers mean nothing; empty if they do."""
    runs: Mapping[str, str]
    """The runs to show, each with a few words on what it is."""
    epoch: str = ""
    """The checkpoint to show, best or last; empty if the scores do not tell them apart."""
    against: str = ""
    """The run that the others are compared with."""
    train: Sequence[Row] = ()
    truth: Sequence[Row] = ()
    """Rows of the queries that were answered."""
    split: str = "val"
    histories: Sequence[Sequence[Row]] = ()
    """Lines of each training: one per run, seed and scope."""
    summary: Mapping[str, Any] | None = None
    """Result of `summarise`."""
    values: Mapping[str, QueryValues] = field(default_factory=dict)
    """Scores per query of the runs shown."""
    ceiling: Mapping[str, float] = field(default_factory=dict)
    """Result of `find_ceiling`."""
    gates: Mapping[str, Any] | None = None
    """Statistics of the gates of a run."""
    gates_of: str = ""
    see: Sequence[tuple[str, str]] = ()
    """Files to open next, each with what it shows."""


def render_overview(study: Study) -> str:
    """Render the page: at most some 20 lines of up to `MOST_WIDTH` letters."""
    table = [] if study.summary is None else _list_scores(study, study.summary)
    warning = _wrap(f"WARNING: {study.warning}") if study.warning else []
    blocks = [[*_list_facts(study), *warning], table, _list_gates(study), _list_files(study)]
    return "\n\n".join("\n".join(block) for block in blocks if block) + "\n"


def _wrap(sentence: str) -> list[str]:
    return textwrap.wrap(sentence, MOST_WIDTH, break_long_words=False, break_on_hyphens=False)


def _list_facts(study: Study) -> list[str]:
    asked = f"{count(len(study.truth), 'query', 'queries')} of {count(_videos(study.truth), 'video', 'videos')}"
    if not study.histories:
        [what] = study.runs.values()
        lines = [f"{study.dataset}: nothing was trained; {what} answered {asked}"]
        lines += [] if study.summary else ["No labels to compare with: nothing is scored."]
        return [line for sentence in lines for line in _wrap(sentence)]
    videos = count(_videos(study.train), "video", "videos")
    # A domain that could not be read has a history without lines.
    epochs = [history[-1]["epoch"] for history in study.histories if history]
    length = " to ".join(map(str, dict.fromkeys((min(epochs), max(epochs))))) if epochs else "no"
    return _wrap(
        f"{study.dataset}: {count(len(epochs), 'network', 'networks')} trained for {length} epochs on"
        f" {count(len(study.train), 'query', 'queries')} of {videos}; {study.split}: {asked}"
    )


def _videos(rows: Sequence[Row]) -> int:
    return len({row.get("vid") for row in rows})


def _list_scores(study: Study, summary: Mapping[str, Any]) -> list[str]:
    """The table of runs, chance and ceiling, and what its marks mean."""
    rows, seeds = _choose_rows(study, summary)
    columns = [
        column
        for column in summary["columns"]
        if column["subset"] is None
        and any(row["values"][column["key"]] for row in rows.values())
        and (column["key"].rpartition("-")[2] in ("", study.epoch) or not column["key"].endswith(("-best", "-last")))
    ]
    keys = [column["key"] for column in columns]
    noise = {run: find_noise(study.values, run, study.against) for run in study.runs if run != study.against}
    cells = []
    for name, row in rows.items():
        marks = noise.get(name) or {}
        shown = [_show(row["values"][key], key, marks.get(key, False)) for key in keys]
        cells.append([name, study.runs.get(name, _what_row(row)), *shown])
    if any(key in study.ceiling for key in keys):
        best = [_show({"mean": study.ceiling[key], "sd": None}, key) if key in study.ceiling else NONE for key in keys]
        cells.append(["ceiling", "the best answers to these labels", *best])
    # Heads stand over the numbers, left of the place of their marks.
    names = [
        SHORT.get(key, column["label"].partition(" (")[0]) + "  " for key, column in zip(keys, columns, strict=True)
    ]
    lines = _align([["run", "", *names], *cells])
    return [*lines, *_list_notes(study, rows, seeds, noise)]


def _choose_rows(study: Study, summary: Mapping[str, Any]) -> tuple[dict[str, Any], list[Any]]:
    """Rows of the summary by run: the chosen runs, then chance and references; and the seeds of the runs."""
    epoch = f" ({study.epoch} epoch)"
    chosen = [run for run in study.runs if run == study.against]
    chosen = [*chosen, *(run for run in study.runs if run not in chosen)][:MOST_RUNS]
    rows: dict[str, Any] = {}
    for run in (*(run for run in study.runs if run in chosen), None):
        for row in summary["rows"]:
            wanted = row["baseline"] if run is None else row["run"] in (run, run + epoch) and not row["baseline"]
            name = ("chance" if row["run"] in BASELINES else row["run"]) if run is None else run
            # A row of means over domains takes the place of theirs.
            if wanted and (name not in rows or row["scope"].startswith(MEAN_SCOPE)):
                rows[name] = row
    seeds = {seed for row in rows.values() if not row["baseline"] for seed in row["seeds"]}
    return rows, sorted(seeds - {None})


def _what_row(row: Mapping[str, Any]) -> str:
    return "random answers" if row["run"] in BASELINES else ""


def _show(value: Mapping[str, Any] | None, key: str, noise: bool = False) -> str:
    if value is None:
        return NONE + "  "
    digits = DIGITS.get(key, 1)
    spread = "" if value["sd"] is None else f" ± {value['sd']:.{digits}f}"
    return f"{value['mean']:.{digits}f}{spread} {NOISE if noise else ' '}"


def _align(rows: Sequence[Sequence[str]]) -> list[str]:
    """Align the columns, and cut the second one, which explains, so that lines are at most `MOST_WIDTH` letters."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    room = MOST_WIDTH - sum(widths) + widths[1] - 2 * (len(widths) - 1)
    widths[1] = max(0, min(widths[1], room))
    lines = []
    for name, what, *numbers in rows:
        what = what if len(what) <= widths[1] else what[: max(widths[1] - 1, 0)] + "…" * bool(widths[1])
        heads = [name.ljust(widths[0]), what.ljust(widths[1])]
        lines.append("  ".join([*heads, *(cell.rjust(width) for cell, width in zip(numbers, widths[2:], strict=True))]))
    return [line.rstrip() for line in lines]


def _list_notes(
    study: Study, rows: Mapping[str, Any], seeds: Sequence[Any], noise: Mapping[str, Mapping[str, bool] | None]
) -> list[str]:
    scopes = {row["scope"] for row in rows.values() if row["scope"].startswith(MEAN_SCOPE)}
    correlations = any(value and key in DIGITS for row in rows.values() for key, value in row["values"].items())
    first = "Percent, correlations from -1 to 1" if correlations else "Percent"
    first += f", {sorted(scopes)[0]} domains" if scopes else ""
    first += f", {study.epoch} epoch of each training" if study.epoch and study.histories else ""
    if len(seeds) > 1:
        first += f", mean ± standard deviation over {len(seeds)} seeds."
    elif study.histories:
        first += f", one seed ({seeds[0]}): another one gives other numbers."
    else:
        first += "."
    lines = [first]
    if any(any(marks.values()) for marks in noise.values() if marks):
        several = " or seeds disagree on its sign" if len(seeds) > 1 else ""
        lines.append(
            f"{NOISE} no clear difference from {study.against}: its 95 % interval over the queries includes 0{several}."
        )
    partial = [run for run, row in rows.items() if row["coverage"]]
    if partial:
        lines.append(f"Scored on a part of the queries, so not to be compared: {', '.join(partial)}.")
    if len(study.runs) > MOST_RUNS:
        lines.append(f"{len(study.runs) - MOST_RUNS} more runs are in the files below.")
    return [line for sentence in lines for line in _wrap(sentence)]


def find_noise(values: Mapping[str, QueryValues], run: str, against: str) -> dict[str, bool] | None:
    """Whether each metric of a run differs from that of another by no more than noise: {key: bool}.

    A difference is noise if the 95 % bootstrap interval of its mean over the queries (each the mean over the seeds)
    includes 0, or if a seed that both runs have says the opposite of the mean. None if the two have not answered the
    same queries, or have no values per query.
    """
    if run not in values or against not in values or values[run].qids != values[against].qids:
        return None
    mine, theirs = values[run].by_seed, values[against].by_seed
    found = {}
    for key in COLUMNS:
        one, other = values[run].mean(key, list(mine)), values[against].mean(key, list(theirs))
        if one is None or other is None:
            continue
        low, high = bootstrap_means((one - other)[:, None])[0]
        pairs = [mine[seed][key] - theirs[seed][key] for seed in mine if seed in theirs]
        signs = {float(np.sign(np.nanmean(gain))) for gain in pairs}
        found[key] = bool(low <= 0 <= high) or len(signs) > 1
    return found


def _list_gates(study: Study) -> list[str]:
    if study.gates is None:
        return []
    gates, what = study.gates, study.gates["samples"]
    for key, found in gates["separation"].items():
        return _wrap(_say_separation(study.gates_of, key, found, what))
    groups = gates["gates"]["mha"]["groups"]
    group = groups.get("has_audio=true", groups["all"])
    means = [layer["mean"] for layer in group["layers"]]
    layers = f"{min(means):.2f} to {max(means):.2f} in its layers, " if len(means) > 1 else ""
    return _wrap(
        f"The audio gates of {study.gates_of} are {np.mean(means):.2f} on average ({layers}"
        f"{count(group['samples'], *_NOUNS[what])} with sound; 0: no sound gets through)."
    )


def _say_separation(run: str, key: str, found: Mapping[str, Any], what: str) -> str:
    """Say in a sentence whether gates tell two groups apart; means over layers."""
    area = float(np.mean(found["mha"]))
    high, low = (float(np.mean(found["means"]["mha"][name])) for name in ("true", "false"))
    sizes = found["true"], found["false"]
    # Standard deviation of the area if the gates knew nothing (Mann-Whitney); layers mostly agree.
    by_chance = float(np.sqrt((sum(sizes) + 1) / (12 * sizes[0] * sizes[1])))
    layers = f", mean of {len(found['mha'])} layers" if len(found["mha"]) > 1 else ""
    where = "the sound is informative" if key == "audio_informative" else f"{key} is true"
    if area > 0.5 + 2 * by_chance:
        says = f"are larger where {where}"
    elif area < 0.5 - 2 * by_chance:
        says = f"are smaller where {where}"
    else:
        says = f"are not clearly larger where {where}"
    return (
        f"The audio gates of {run} {says}: AUC {area:.2f} (0.5 = chance), mean {high:.2f} against {low:.2f}"
        f" ({sizes[0]} and {sizes[1]} {what}{layers})."
    )


def _list_files(study: Study) -> list[str]:
    width = max((len(file) for file, _ in study.see), default=0)
    return ["Open next:", *(f"  {file.ljust(width)}  {what}" for file, what in study.see)] if study.see else []
