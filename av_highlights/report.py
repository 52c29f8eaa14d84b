"""The files of a search: answers, tables of moments, highlight curves, and the list of problems."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import count
from pathlib import Path

from av_highlights.answers import Answer
from av_highlights.ranking import COMPARABLE, RankedMoment, rank_moments
from av_highlights.search import Search
from av_highlights.videos import show_path
from cli import UserError, track
from cli.outputs import write_text
from eval.markup import markdown_table, markdown_text, show_number
from feature_extractors.problems import write_problems
from formats.rows import Row, read_object, write_object, write_rows

SUMMARY, TABLE, PAGE = "moments.json", "moments.tsv", "moments.md"
ANSWERS, PROBLEMS, CURVES = "answers.jsonl", "problems.tsv", "curves"
HEADS = ("query", "rank", "file", "what", "start_s", "end_s", "start", "end", "score", "mean_gate", "warning")
FORMAT = 1
MOST_CURVES = 50
_LONGEST_NAME = 60

Ranking = Mapping[str, Sequence[RankedMoment]]


def write_report(folder: Path, search: Search, topk: int) -> Ranking:
    """Write all files of a search into a folder, and return the ranking of each query.

    A curve is drawn of each answer; of more than `MOST_CURVES`, of those that a ranking names. Those of an earlier
    search, which its moments.json names, are removed.

    Raises:
        UserError: a file cannot be written.
    """
    ranking = rank_moments(search.answers, topk)
    names = name_videos(search.answers)
    pictures = _name_pictures(search.answers, ranking)
    _remove_pictures(folder)
    for answer, name in track(list(pictures.items()), "curves"):
        answer.plot(folder / CURVES / name, topk)
    write_text(folder / TABLE, render_tsv(ranking, names))
    write_text(folder / PAGE, _render_page(ranking, names, pictures))
    write_problems(folder / PROBLEMS, search.problems)
    write_rows(folder / ANSWERS, (answer.to_dict() for answer in search.answers))
    write_object(folder / SUMMARY, _describe(ranking, names, pictures, search))
    return ranking


def render_text(ranking: Ranking, search: Search) -> str:
    """The ranking of each query as text for a terminal."""
    names = name_videos(search.answers)
    parts = []
    for moments in ranking.values():
        first = moments[0].answer
        rows = [
            (str(one.rank), names[one.answer.video], _span(one), f"{one.moment.score:.3f}", show_number(one.gate, 3))
            for one in moments
        ]
        heads = ("rank", "file", _what(moments), "score", "mean gate")
        widths = [max(map(len, column)) for column in zip(heads, *rows, strict=True)]
        lines = [f"{_title(first)}", *([f"WARNING: {first.warning}"] if first.warning else [])]
        for row in (heads, *rows):
            cells = [
                cell.ljust(width) if i in (1, 2) else cell.rjust(width)
                for i, (cell, width) in enumerate(zip(row, widths, strict=True))
            ]
            lines.append("  " + "  ".join(cells).rstrip())
        parts.append("\n".join(lines) + "\n")
    notes = [COMPARABLE] if len(names) > 1 else []
    return "\n".join([*parts, *(f"{note}\n" for note in notes)])


def render_tsv(ranking: Ranking, names: Mapping[Path, str]) -> str:
    """One line per ranked moment, with times in seconds and as h:mm:ss.s."""
    text = io.StringIO()
    writer = csv.writer(text, delimiter="\t", lineterminator="\n")
    writer.writerow(HEADS)
    for query, moments in ranking.items():
        for one in moments:
            start, end = one.moment.start, one.moment.end
            gate = "" if one.gate is None else f"{one.gate:.6f}"
            times = (f"{start:g}", f"{end:g}", show_time(start), show_time(end))
            row = (query, one.rank, names[one.answer.video], one.what, *times, f"{one.moment.score:g}", gate)
            writer.writerow([*row, one.answer.warning])
    return text.getvalue()


def show_time(seconds: float) -> str:
    """Seconds as h:mm:ss.s."""
    tenths = round(seconds * 10)
    whole, tenth = divmod(tenths, 10)
    return f"{whole // 3600}:{whole // 60 % 60:02d}:{whole % 60:02d}.{tenth}"


def name_videos(answers: Sequence[Answer]) -> dict[Path, str]:
    """The name of each video in tables: that of its file, or its path where several have one name."""
    videos = list(dict.fromkeys(answer.video for answer in answers))
    counts = Counter(video.name for video in videos)
    return {video: show_path(Path(video.name) if counts[video.name] == 1 else video) for video in videos}


def _title(answer: Answer) -> str:
    return f'highlights (no query given: "{answer.query}" stands in)' if answer.neutral else answer.query


def _what(moments: Sequence[RankedMoment]) -> str:
    return "best moments" if moments[0].what == "moment" else "best clips"


def _span(one: RankedMoment) -> str:
    return f"{show_time(one.moment.start)} - {show_time(one.moment.end)}"


def _name_pictures(answers: Sequence[Answer], ranking: Ranking) -> dict[Answer, str]:
    """A file name for the curve of each answer that is drawn: the query's number, and the video."""
    ranked = {one.answer for moments in ranking.values() for one in moments}
    drawn = [answer for answer in answers if len(answers) <= MOST_CURVES or answer in ranked]
    numbers = {query: number for number, query in enumerate(ranking, start=1)}
    names: dict[Answer, str] = {}
    taken: set[str] = set()
    for answer in drawn:
        stem = re.sub(r"[^\w-]+", "_", answer.video.stem).strip("_")[:_LONGEST_NAME].encode(errors="ignore").decode()
        name = first = f"{numbers[answer.query]:02d}_{stem}"
        for number in count(2):
            if name not in taken:
                break
            name = f"{first}_{number}"
        taken.add(name)
        names[answer] = f"{name}.png"
    return names


def _remove_pictures(folder: Path) -> None:
    """Remove the curves of an earlier search: those that its moments.json names."""
    try:
        earlier = read_object(folder / SUMMARY)["pictures"]
    except (UserError, OSError, KeyError):
        return
    for name in earlier if isinstance(earlier, list) else ():
        if isinstance(name, str) and re.fullmatch(rf"{CURVES}/[\w-]+\.png", name):
            (folder / name).unlink(missing_ok=True)


def _render_page(ranking: Ranking, names: Mapping[Path, str], pictures: Mapping[Answer, str]) -> str:
    lines = ["# Moments", "", COMPARABLE, ""]
    for moments in ranking.values():
        first = moments[0].answer
        lines += [f"## {markdown_text(_title(first))}", ""]
        lines += [f"**Warning: {markdown_text(first.warning)}**", ""] if first.warning else []
        heads = ["Rank", "File", "From", "To", "Score", "Mean gate"]
        rows = [
            [
                str(one.rank),
                markdown_text(names[one.answer.video]),
                show_time(one.moment.start),
                show_time(one.moment.end),
                f"{one.moment.score:.4f}",
                show_number(one.gate, 3),
            ]
            for one in moments
        ]
        lines += [f"The {_what(moments)}:", "", *markdown_table(heads, "rlrrrr", rows), ""]
        for answer in (answer for answer in pictures if answer.query == first.query):
            lines += [f"![{markdown_text(names[answer.video])}]({CURVES}/{pictures[answer]})", ""]
    return "\n".join(lines)


def _describe(ranking: Ranking, names: Mapping[Path, str], pictures: Mapping[Answer, str], search: Search) -> Row:
    first = search.answers[0]
    return {
        "format": FORMAT,
        "bundle": first.bundle,
        "warning": first.warning,
        "comparable": COMPARABLE,
        "rankings": [
            {
                "query": query,
                "neutral": moments[0].answer.neutral,
                "ranked": [
                    {
                        "rank": one.rank,
                        "file": names[one.answer.video],
                        "what": one.what,
                        "start": one.moment.start,
                        "end": one.moment.end,
                        "score": one.moment.score,
                        "mean_gate": None if one.gate is None else round(one.gate, 6),
                    }
                    for one in moments
                ],
            }
            for query, moments in ranking.items()
        ],
        "pictures": [f"{CURVES}/{name}" for name in pictures.values()],
        "problems": [{"file": one.file, "stage": one.stage, "cause": one.cause} for one in search.problems],
    }
