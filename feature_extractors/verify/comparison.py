"""Compare two feature stores row by row, and describe the differences (`row_order`) and their origin."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cli import UserError
from feature_extractors.verify.row_order import CONVINCING, find_order, find_shift
from feature_extractors.verify.row_pairs import Pair, Rows, cosines_of, matched, places
from formats.store import Store, read_columns, read_pooled


@dataclass(frozen=True)
class Agreement:
    """How the shared rows of two stores compare.

    Attributes:
        rows: number of rows compared.
        cosine_min: smallest cosine of two rows; two rows of zeros count as 1, a single one as 0.
        cosine_mean: mean cosine.
        worst: id and clip (for texts, token) of the smallest cosine.
        norm_ratio: mean norm in B over mean norm in A.
        norm_off: largest deviation from 1 of the ratio of two rows' norms; infinite if one of them is 0.
        norm_worst: id and clip of that deviation.
        largest: largest absolute difference of two values.
    """

    rows: int
    cosine_min: float
    cosine_mean: float
    worst: str
    norm_ratio: float
    norm_off: float
    norm_worst: str
    largest: float


@dataclass(frozen=True)
class Comparison:
    """The result of comparing two stores.

    Attributes:
        dims: widths of A and B.
        only: ids that are only in A, and only in B.
        lengths: ids whose rows lie at different clips, with both numbers of rows.
        agreement: agreement of the shared rows; None if there are none or the widths differ.
        pooled: agreement of the pooled embeddings of shared texts; None if a store has none, or the widths differ.
        pooled_dims: widths of these embeddings in A and B; 0 if there are none.
        hints: likely causes of a difference, one line each; per shard if shards differ in different ways.
        provenance: attributes that differ between two shards that share ids, as (key, A, B).
        columns: columns that differ, as (name, number of ids, one of these ids, its value in A, its value in B).
    """

    dims: tuple[int, int]
    only: tuple[list[str], list[str]]
    lengths: list[tuple[str, int, int]]
    agreement: Agreement | None
    pooled: Agreement | None
    pooled_dims: tuple[int, int]
    hints: list[str]
    provenance: list[tuple[str, str, str]]
    columns: list[tuple[str, int, str, str, str]]

    def equal(self, cosine: float, tolerance: float) -> bool:
        """Whether ids, clips and widths are the same and no row differs by more than allowed.

        Pooled embeddings count where both have them.

        Args:
            cosine: minimum cosine of two rows.
            tolerance: largest deviation from 1 of the ratio of two rows' norms.
        """
        if self.dims[0] != self.dims[1] or self.only != ([], []) or self.lengths:
            return False
        if all(self.pooled_dims) and self.pooled_dims[0] != self.pooled_dims[1]:
            return False
        found = [agreement for agreement in (self.agreement, self.pooled) if agreement is not None]  # else no rows
        return all(rows.cosine_min >= cosine and rows.norm_off <= tolerance for rows in found)


def open_stores(path: Path) -> list[Store]:
    """Open the store in a file, or the stores of all shards in a folder, and check all their rows.

    Raises:
        UserError: there is no store, there are several streams, or a file is not a store or damaged in any row.
    """
    files = sorted(path.glob("*.h5")) if path.is_dir() else [path]
    if not files:
        raise UserError(f"{path}: no feature stores (*.h5) in this folder")
    stores = [Store(file) for file in files]
    for store in stores:
        for name in store.ids:  # those that only one side has are not read later
            store.rows(name)
    kinds = sorted({f"{store.stream} of width {store.dim}" for store in stores})
    if len(kinds) > 1:
        raise UserError(f"{path}: several streams in one folder: {', '.join(kinds)}")
    return stores


def compare(first: Sequence[Store], second: Sequence[Store]) -> Comparison:
    """Compare two streams, each in one or more shards.

    Raises:
        UserError: one holds texts and the other clips, or their clips have different lengths.
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
        ours, theirs = places(one, name), places(other, name)
        if not np.array_equal(ours, theirs):
            lengths.append((name, len(ours), len(theirs)))
    agreement: Agreement | None = None
    hints: list[str] = []
    if a.dim == b.dim:
        agreement = _agree((pair[0], *matched(pair)) for pair in pairs)
        if agreement is not None and agreement.cosine_min < CONVINCING:
            hints = list(_hints(pairs))
    only = sorted(of_first.keys() - of_second.keys()), sorted(of_second.keys() - of_first.keys())
    met = list(dict.fromkeys((one, other) for _, one, other in pairs)) or [(a, b)]
    return Comparison(
        (a.dim, b.dim),
        only,
        lengths,
        agreement,
        *_agree_pooled(pairs),
        hints,
        list(dict.fromkeys(line for one, other in met for line in _provenance(one, other))),
        _differing_columns(pairs),
    )


def _hints(pairs: list[Pair]) -> Iterator[str]:
    """Describe the difference: of all shards together, or else of each shard that differs."""
    shards: dict[tuple[Store, Store], list[Pair]] = {}
    for pair in pairs:
        shards.setdefault(pair[1:], []).append(pair)
    agreements = {stores: _agree((pair[0], *matched(pair)) for pair in shard) for stores, shard in shards.items()}
    off = [stores for stores, rows in agreements.items() if rows is not None and rows.cosine_mean < CONVINCING]
    if len(off) == len(shards):
        found = [*find_order([one for one, _ in off], [other for _, other in off], pairs), *find_shift(pairs)]
        yield from found
        if found or len(shards) == 1:
            return
    for one, other in off:
        shard = shards[one, other]
        for hint in (*find_order([one], [other], shard), *find_shift(shard)):
            yield f"in {one.path.name} against {other.path.name}: {hint}"


def _agree(parts: Iterable[tuple[str, NDArray[np.int64], Rows, Rows]]) -> Agreement | None:
    """Compare rows given as (id, places, rows of A, rows of B)."""
    lowest, worst, total, count = np.inf, "", 0.0, 0
    norms, other_norms, norm_off, norm_worst, largest = 0.0, 0.0, -1.0, "", 0.0
    for name, clips, rows, others in parts:
        if not len(rows):
            continue
        cosines = cosines_of(rows, others)
        place = int(cosines.argmin())
        if cosines[place] < lowest:
            lowest, worst = float(cosines[place]), f"{name} at {int(clips[place])}"
        total, count = total + float(cosines.sum()), count + len(rows)
        lengths, other_lengths = np.linalg.norm(rows, axis=1), np.linalg.norm(others, axis=1)
        norms += float(lengths.sum())
        other_norms += float(other_lengths.sum())
        ratios = np.divide(other_lengths, lengths, out=np.full(len(rows), np.inf), where=lengths > 0)
        ratios[(lengths == 0) & (other_lengths == 0)] = 1.0
        off = abs(ratios - 1)
        if off.max() > norm_off:
            norm_off, norm_worst = float(off.max()), f"{name} at {int(clips[off.argmax()])}"
        largest = max(largest, float(abs(rows - others).max()))
    if not count:
        return None
    ratio = other_norms / norms if norms else (1.0 if other_norms == 0 else np.inf)
    return Agreement(count, lowest, total / count, worst, ratio, norm_off, norm_worst, largest)


def _agree_pooled(pairs: list[Pair]) -> tuple[Agreement | None, tuple[int, int]]:
    """The agreement of the pooled embeddings of texts, and their widths."""
    stores = {store for _, one, other in pairs for store in (one, other) if store.text}
    pooled = {store: dict(zip(store.ids, read_pooled(store.path), strict=True)) for store in stores}
    found = [(name, pooled[one][name], pooled[other][name]) for name, one, other in pairs if one.text]
    widths = max((len(ours) for _, ours, _ in found), default=0), max((len(rows) for *_, rows in found), default=0)
    place = np.zeros(1, np.int64)
    parts = ((name, place, ours[None], theirs[None]) for name, ours, theirs in found if len(ours) == len(theirs) > 0)
    return _agree(parts), widths


def _differing_columns(pairs: list[Pair]) -> list[tuple[str, int, str, str, str]]:
    """Columns whose values differ for a shared id, with how many and the first of them."""
    of_store = {store: read_columns(store.path) for pair in pairs for store in pair[1:]}
    index = {store: {name: place for place, name in enumerate(store.ids)} for store in of_store}
    differing: dict[str, list[tuple[str, str, str]]] = {}
    for name, first, second in pairs:
        ours, theirs = (
            {key: str(values[index[store][name]]) for key, values in of_store[store].items()}
            for store in (first, second)
        )
        for key in sorted({*ours, *theirs}):
            left, right = ours.get(key, "(absent)"), theirs.get(key, "(absent)")
            if left != right:
                differing.setdefault(key, []).append((name, left, right))
    return [(key, len(found), *found[0]) for key, found in sorted(differing.items())]


def _provenance(a: Store, b: Store) -> Iterator[tuple[str, str, str]]:
    """The attributes that differ; for JSON, the keys that differ in it."""
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
