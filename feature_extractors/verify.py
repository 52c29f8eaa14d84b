"""Compare two feature stores row by row, and say what a difference looks like and where it comes from.

Two causes that look like bad features are recognised: parts joined in another order, and rows shifted by a clip.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cli import UserError
from feature_extractors.store import Store

Rows = NDArray[np.float64]
SAMPLE = 4096
"""Rows looked at to find out the order of channels: enough to tell any two orders apart."""
CONVINCING = 0.999
"""Mean cosine at which another order of channels, or a shift, is taken for the cause."""


@dataclass(frozen=True)
class Agreement:
    """How the shared rows of two stores compare.

    Attributes:
        rows: compared.
        cosine_min: smallest cosine of two rows; two rows of zeros count as 1, one as 0.
        cosine_mean: their mean.
        worst: id and clip (for texts, token) of the smallest.
        norm_ratio: mean norm in B over mean norm in A.
        largest: largest absolute difference of two values; infinite where widths differ.
    """

    rows: int
    cosine_min: float
    cosine_mean: float
    worst: str
    norm_ratio: float
    largest: float


@dataclass(frozen=True)
class Comparison:
    """All that was found of two stores.

    Attributes:
        dims: widths of A and B.
        only: ids that only one has, of A and B.
        lengths: ids whose rows lie at other clips, with both numbers of rows.
        agreement: of the shared rows; None if there are none or the widths differ.
        hints: what a difference looks like, one line each.
        provenance: attributes that differ, as (key, A, B).
    """

    dims: tuple[int, int]
    only: tuple[list[str], list[str]]
    lengths: list[tuple[str, int, int]]
    agreement: Agreement | None
    hints: list[str]
    provenance: list[tuple[str, str, str]]

    def equal(self, cosine: float, tolerance: float) -> bool:
        """Whether ids, clips and widths are the same and no row differs by more than allowed.

        Args:
            cosine: least cosine of two rows.
            tolerance: how far the ratio of the norms may be from 1.
        """
        if self.dims[0] != self.dims[1] or self.only != ([], []) or self.lengths:
            return False
        if self.agreement is None:
            return True  # no rows in either
        return self.agreement.cosine_min >= cosine and abs(self.agreement.norm_ratio - 1) <= tolerance


def open_stores(path: Path) -> list[Store]:
    """The stores of a file, or of all shards in a folder.

    Raises:
        UserError: nothing there, several streams, or a file that is no store.
    """
    files = sorted(path.glob("*.h5")) if path.is_dir() else [path]
    if not files:
        raise UserError(f"{path}: no feature stores (*.h5) in this folder")
    stores = [Store(file) for file in files]
    kinds = sorted({f"{store.stream} of width {store.dim}" for store in stores})
    if len(kinds) > 1:
        raise UserError(f"{path}: several streams in one folder: {', '.join(kinds)}")
    return stores


def compare(first: Sequence[Store], second: Sequence[Store]) -> Comparison:
    """Compare two streams, each of one or several shards.

    Raises:
        UserError: one holds texts and the other clips, or clips of another length.
    """
    a, b = first[0], second[0]
    if a.text != b.text or a.clip_seconds != b.clip_seconds:
        kinds = ["token states" if store.text else f"clips of {store.clip_seconds:g} s" for store in (a, b)]
        raise UserError(f"{b.path}: {kinds[1]} cannot be compared with {kinds[0]} of {a.path}")
    of_first = {name: store for store in first for name in store.ids}
    of_second = {name: store for store in second for name in store.ids}
    shared = sorted(of_first.keys() & of_second.keys())
    pairs = [(name, of_first[name], of_second[name]) for name in shared]
    lengths = []
    for name, one, other in pairs:
        places = _places(one, name), _places(other, name)
        if not np.array_equal(*places):
            lengths.append((name, len(places[0]), len(places[1])))
    agreement, hints = None, []
    if a.dim == b.dim:
        agreement = _agree(pairs)
        if agreement is not None and agreement.cosine_mean < CONVINCING:
            hints = [*_find_order(first, second, pairs), *_find_shift(pairs)]
    only = sorted(of_first.keys() - of_second.keys()), sorted(of_second.keys() - of_first.keys())
    return Comparison((a.dim, b.dim), only, lengths, agreement, hints, list(_provenance(a, b)))


Pair = tuple[str, Store, Store]
"""An id, and the stores of A and B that hold it: rows are read when they are compared, one video's at a time."""


def _places(store: Store, name: str) -> NDArray[np.int64]:
    """The clip of each row; of texts, the token."""
    if store.text:
        return np.arange(len(store.rows(name)))
    mask = store.on_grid(name, max(store.n_clips(name), 1))[1]
    return np.flatnonzero(mask)


def _matched(pair: Pair, shift: int = 0) -> tuple[NDArray[np.int64], Rows, Rows]:
    """The clips of A that B has `shift` clips later, and the rows of both."""
    name, first, second = pair
    places = _places(first, name) + shift, _places(second, name)
    clips, ours, theirs = np.intersect1d(*places, assume_unique=True, return_indices=True)
    return clips - shift, first.rows(name)[ours].astype(np.float64), second.rows(name)[theirs].astype(np.float64)


def _cosines(rows: Rows, others: Rows) -> Rows:
    norms, other_norms = np.linalg.norm(rows, axis=1), np.linalg.norm(others, axis=1)
    both = norms * other_norms
    cosines = np.divide((rows * others).sum(axis=1), both, out=np.zeros(len(rows)), where=both > 0)
    cosines[(norms == 0) & (other_norms == 0)] = 1.0
    return cosines


def _agree(pairs: list[Pair]) -> Agreement | None:
    lowest, worst, total, count = np.inf, "", 0.0, 0
    norms, other_norms, largest = 0.0, 0.0, 0.0
    for pair in pairs:
        clips, rows, others = _matched(pair)
        if not len(rows):
            continue
        cosines = _cosines(rows, others)
        place = int(cosines.argmin())
        if cosines[place] < lowest:
            lowest, worst = float(cosines[place]), f"{pair[0]} at {int(clips[place])}"
        total, count = total + float(cosines.sum()), count + len(rows)
        norms += float(np.linalg.norm(rows, axis=1).sum())
        other_norms += float(np.linalg.norm(others, axis=1).sum())
        largest = max(largest, float(abs(rows - others).max()))
    if not count:
        return None
    ratio = other_norms / norms if norms else (1.0 if other_norms == 0 else np.inf)
    return Agreement(count, lowest, total / count, worst, ratio, largest)


def _sample(pairs: list[Pair]) -> tuple[Rows, Rows]:
    """Some matched rows of both, from ids spread over all: SAMPLE of them, or all there are."""
    total = sum(len(first.rows(name)) for name, first, _ in pairs)
    step = max(1, total // SAMPLE)
    matched = [_matched(pair)[1:] for pair in pairs[::step]]
    return np.concatenate([rows for rows, _ in matched]), np.concatenate([others for _, others in matched])


def _find_order(first: Sequence[Store], second: Sequence[Store], pairs: list[Pair]) -> Iterator[str]:
    """Say whether B has A's channels in two blocks the other way round."""
    rows, others = _sample(pairs)
    dim = rows.shape[1]
    recorded = [split for store in (first[0], second[0]) for split in _recorded_splits(store)]
    # B = A rolled by the width of A's second block. One product of two matrices tells for each pair of channels how
    # alike they are; the roll whose diagonal is largest is the candidate, and only that is tried on whole rows.
    unit, other_unit = _unit_channels(rows), _unit_channels(others)
    alike = unit.T @ other_unit
    diagonals = np.array([alike[np.arange(dim), (np.arange(dim) + roll) % dim].mean() for roll in range(1, dim)])
    for roll in dict.fromkeys([*(dim - split for split in recorded), int(diagonals.argmax()) + 1 if dim > 1 else 0]):
        if not 0 < roll < dim:
            continue
        # Parts normalised each by itself or not: the cosine of each block decides, not that of the row.
        split = dim - roll
        blocks = _cosines(rows[:, :split], others[:, roll:]), _cosines(rows[:, split:], others[:, :roll])
        if min(float(block.mean()) for block in blocks) >= CONVINCING:
            yield (
                f"the order of channels is swapped: A is [{split} | {roll}], B has these blocks as [{roll} | {split}] "
                f"(mean cosines {blocks[0].mean():.4f} and {blocks[1].mean():.4f} once put right)"
            )
            return


def _recorded_splits(store: Store) -> list[int]:
    """Where the parts of a joined import meet, if it has two or more."""
    details = str(store.attributes.get("details", ""))
    parts = json.loads(details).get("parts", []) if details else []
    return np.cumsum([part["dim"] for part in parts])[:-1].tolist()


def _unit_channels(rows: Rows) -> Rows:
    """Each channel centred and of length 1, zero where it does not vary."""
    centred = rows - rows.mean(axis=0)
    norms = np.linalg.norm(centred, axis=0)
    return np.divide(centred, norms, out=np.zeros_like(centred), where=norms > 0)


def _find_shift(pairs: list[Pair]) -> Iterator[str]:
    """Say whether B has A's rows a clip later or earlier."""
    for shift, word in ((1, "later"), (-1, "earlier")):
        cosines = [_cosines(*_matched(pair, shift)[1:]) for pair in pairs]
        joined = np.concatenate(cosines) if cosines else np.zeros(0)
        if len(joined) and joined.mean() >= CONVINCING:
            yield f"the rows are shifted: B has them one place {word} than A (mean cosine {joined.mean():.4f} there)"


def _provenance(a: Store, b: Store) -> Iterator[tuple[str, str, str]]:
    """The attributes that differ; of JSON, the keys in it."""
    for key in sorted({*a.attributes, *b.attributes}):
        left, right = (_flat(key, store.attributes.get(key, "")) for store in (a, b))
        for name in sorted({*left, *right}):
            if left.get(name) != right.get(name):
                yield name, left.get(name, "(absent)"), right.get(name, "(absent)")


def _flat(key: str, value: object) -> dict[str, str]:
    """A value by its key; a JSON object by the dotted keys of its leaves."""
    text = value.decode() if isinstance(value, bytes) else str(value)
    try:
        parsed = json.loads(text) if text.startswith("{") else None
    except ValueError:
        parsed = None
    if not isinstance(parsed, dict):
        return {key: text}
    flat: dict[str, str] = {}
    for name, item in parsed.items():
        nested = isinstance(item, dict) and item
        flat |= _flat(f"{key}.{name}", json.dumps(item)) if nested else {f"{key}.{name}": json.dumps(item)}
    return flat


def write_comparison(found: Comparison, equal: bool) -> str:
    """The comparison as lines of text."""
    lines = [f"width            A {found.dims[0]}, B {found.dims[1]}"]
    for label, names in (("only in A", found.only[0]), ("only in B", found.only[1])):
        lines.append(f"{label:16} {_some(names)}")
    lines.append(f"other clips      {_some([f'{name} ({one}, {two} rows)' for name, one, two in found.lengths])}")
    if found.agreement is None:
        lines.append("rows compared    none")
    else:
        rows = found.agreement
        lines += [
            f"rows compared    {rows.rows}",
            f"cosine           min {rows.cosine_min:.6f} ({rows.worst}), mean {rows.cosine_mean:.6f}",
            f"norms, B to A    {rows.norm_ratio:.6f}",
            f"largest change   {rows.largest:.3g}",
        ]
    lines += [f"looks like       {hint}" for hint in found.hints]
    lines += [f"differs          {key}: A {left}, B {right}" for key, left, right in found.provenance]
    return "\n".join([*lines, f"result           {'equal within tolerance' if equal else 'DIFFERENT'}"]) + "\n"


def _some(names: list[str]) -> str:
    shown = ", ".join(names[:5])
    return f"{len(names)}: {shown}{', ...' if len(names) > 5 else ''}" if names else "0"
