"""Parts of the queries, selected by the values of a key, by rules, or by a list of query ids."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from cli import UserError
from formats.annotations import Qid, index_by_vid, read_qid
from formats.labels import read_relevant_windows
from formats.rows import Row, parse_json, read_rows

# A key with more values than this, such as qid or query, was chosen by mistake.
MOST_PARTS = 50


def _window_seconds(row: Row, where: str) -> float | None:
    windows = read_relevant_windows(row, where)
    return None if windows is None else float((windows[:, 1] - windows[:, 0]).mean())


# Keys computed from a row.
DERIVED: dict[str, Callable[[Row, str], float | None]] = {
    "window_seconds": _window_seconds,
    "windows": lambda row, where: 0 if (windows := read_relevant_windows(row, where)) is None else len(windows),
    "words": lambda row, where: len(str(row.get("query") or "").split()),
}


@dataclass(frozen=True)
class PartRules:
    """Which parts of the queries are scored separately, in addition to all of them."""

    by: Sequence[str] = ()
    """Keys of the rows: one part per value (`split_by`)."""
    where: Sequence[str] = ()
    """Rules: one part per rule (`select_where`)."""
    lists: Sequence[Path] = ()
    """Files of query ids: one part per file (`select_listed`)."""
    videos: Sequence[Path] = ()
    """Tables of videos (JSONL); `by` and `where` may also name their keys (`join_videos`)."""


def select_parts(
    rows: Sequence[Row], rules: PartRules, where: str = "ground truth", left_out: Collection[Qid] = ()
) -> dict[str, list[int]]:
    """Indices of the rows of every part: {"modality=audio": [0, 4], "words=3:": [...], "list=STEM": [...]}.

    Lists may name queries that were `left_out` of the rows.

    Raises:
        UserError: a key, rule, table or list is invalid, or two lists have the same name.
    """
    for path in rules.videos:
        rows = join_videos(rows, read_rows(path), str(path))
    parts = split_by(rows, rules.by, where)
    for rule in rules.where:
        parts |= select_where(rows, rule, where)
    for path in rules.lists:
        listed = select_listed(rows, path, where, left_out)
        if not parts.keys().isdisjoint(listed):
            raise UserError(f"{path}: a part named {next(iter(listed))!r} already exists: rename the file")
        parts |= listed
    return parts


def name_part(key: str, row: Row, where: str) -> str:
    """Name of the part that a row belongs to: "modality=audio", "audio_informative=true"."""
    value = row.get(key)
    if isinstance(value, list | dict):
        raise UserError(f"{where}: qid {row.get('qid')}: {key!r} must be a single value, got a {type(value).__name__}")
    return f"{key}={value if isinstance(value, str) else json.dumps(value)}"


def join_videos(rows: Sequence[Row], videos: Sequence[Row], where: str) -> list[Row]:
    """Add to each row the keys of its video from a table (rows with `vid`), such as has_audio of a manifest.

    A row's own keys take precedence.
    """
    table = index_by_vid(videos, where)
    missing = [row for row in rows if row.get("vid") not in table]
    if missing:
        raise UserError(
            f"{where}: the videos of {len(missing)} queries are missing, the first is vid {missing[0].get('vid')}"
        )
    return [{**table[row["vid"]], **row} for row in rows]


def split_by(rows: Sequence[Row], keys: Sequence[str], where: str = "ground truth") -> dict[str, list[int]]:
    """Indices of the rows with each value of each key: {"modality=audio": [0, 4], ...}, sorted within a key.

    Rows without the key form the part "key=null".

    Raises:
        UserError: no row has the key, a value is a list or an object, or the key has more than 50 values.
    """
    result: dict[str, list[int]] = {}
    for key in keys:
        parts: dict[str, list[int]] = {}
        for place, row in enumerate(rows):
            parts.setdefault(name_part(key, row, where), []).append(place)
        if list(parts) == [f"{key}=null"]:
            raise UserError(f"{where}: no row has the key {key!r}")
        if len(parts) > MOST_PARTS:
            raise UserError(f"{where}: {key!r} has {len(parts)} values, at most {MOST_PARTS} are allowed")
        result.update(sorted(parts.items()))
    return result


@dataclass(frozen=True)
class Condition:
    """`key=value`, or `key=low:high` for numbers in (low, high]; either bound may be omitted."""

    key: str
    value: str

    def holds(self, row: Row, where: str) -> bool:
        """Whether the condition holds for a row; it does not for a row without the key."""
        value = DERIVED[self.key](row, where) if self.key in DERIVED else row.get(self.key)
        if value is None:
            return self.value == "null"
        low, colon, high = self.value.partition(":")
        if isinstance(value, int | float) and not isinstance(value, bool):
            try:
                if colon:
                    return float(low or -math.inf) < value <= float(high or math.inf)
                return value == float(low)
            except ValueError:
                raise UserError(f"--where {self.key}={self.value}: must be a number or LOW:HIGH") from None
        return name_part(self.key, row, where) == f"{self.key}={self.value}"


def select_where(rows: Sequence[Row], rule: str, where: str = "ground truth") -> dict[str, list[int]]:
    """Indices of the rows that meet every condition of a rule such as "modality=audio,window_seconds=10:30".

    Keys are those of the ground truth, and window_seconds (mean length of the relevant windows, s), windows (number of
    relevant windows) and words (number of words in the query).

    Raises:
        UserError: the rule is malformed, no row has one of its keys, or no row meets it.
    """
    conditions = []
    for text in rule.split(","):
        key, equals, value = text.partition("=")
        if not (key and equals and value):
            raise UserError(f"--where {rule}: must be KEY=VALUE or KEY=LOW:HIGH, joined by commas, got {text!r}")
        if key not in DERIVED and not any(key in row for row in rows):
            raise UserError(f"{where}: no row has the key {key!r}")
        conditions.append(Condition(key, value))
    places = [place for place, row in enumerate(rows) if all(condition.holds(row, where) for condition in conditions)]
    if not places:
        raise UserError(f"{where}: no query matches {rule}")
    return {rule: places}


def select_listed(
    rows: Sequence[Row], path: Path, where: str = "ground truth", left_out: Collection[Qid] = ()
) -> dict[str, list[int]]:
    """Indices of the rows that a file lists: {"list=STEM": [...]}, where STEM is the file's name without suffix.

    The file has one qid per line, or JSON lines with a qid each. It may list queries that were `left_out` of the rows.

    Raises:
        UserError: the file does not exist, is empty, or lists a qid that no row has.
    """
    known = {str(row.get("qid")): place for place, row in enumerate(rows)}
    passed_over = set(map(str, left_out))
    places: set[int] = set()
    try:
        # str.splitlines would also split at U+2028 and the like, which occur within sentences.
        lines = path.read_text(encoding="utf-8").split("\n")
    except FileNotFoundError:
        raise UserError(f"{path}: no such file") from None
    except UnicodeDecodeError:
        raise UserError(f"{path}: not UTF-8 text") from None
    for number, line in enumerate(lines, start=1):
        if line.strip():
            qid = _read_qid(line.strip(), f"{path}, line {number}")
            if str(qid) in known:
                places.add(known[str(qid)])
            elif str(qid) not in passed_over:
                raise UserError(f"{path}, line {number}: qid {qid} is not in {where}")
    if not places:
        raise UserError(f"{path}: lists no query ids" + (" that have a prediction" if left_out else ""))
    return {f"list={path.stem}": sorted(places)}


def _read_qid(line: str, what: str) -> Qid:
    if not line.startswith("{"):
        return line
    return read_qid(parse_json(line, what), what)
