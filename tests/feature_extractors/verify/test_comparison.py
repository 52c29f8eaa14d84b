"""`verify`: what it says of equal stores, and of stores that differ in each of the ways that occur."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from cli import UserError
from feature_extractors.__main__ import main
from feature_extractors.verify.comparison import CONVINCING, Comparison, compare, open_stores
from feature_extractors.verify.report import write_comparison
from formats.store import Arrays, Provenance, write_store

RNG = np.random.default_rng(0)
CLIPS = {"a": 40, "b": 25, "-c": 3}
FIRST = {vid: RNG.standard_normal((clips, 12)) + 1 for vid, clips in CLIPS.items()}


def write(
    path: Path,
    rows: dict[str, np.ndarray],
    places: dict[str, np.ndarray] | None = None,
    config: dict[str, object] | None = None,
    details: str = "",
    text: bool = False,
    pooled: np.ndarray | None = None,
    sources: str = "",
) -> Path:
    def encode(name: str) -> Arrays:
        features = rows[name].astype(np.float32)
        if text:
            return {"tokens": features} | ({} if pooled is None else {"pooled": pooled.astype(np.float32)[None]})
        starts = 2.0 * (np.arange(len(features)) if places is None else places[name])
        return {"features": features, "times": np.stack([starts, starts + 2], axis=1)}

    provenance = Provenance(
        stream="s",
        extractor="x",
        weights_sha256="0" * 64,
        config=json.dumps(config or {"clip": {"architecture": "A"}}),
        clip_seconds=0.0 if text else 2.0,
        details=details,
    )
    columns = {} if text else {"n_clips": np.array([CLIPS.get(name, len(rows[name])) for name in rows])}
    if sources:
        columns["source_sha256"] = np.array([source * 8 for source in sources])
    write_store(path, provenance, rows, encode, columns)
    return path


@pytest.fixture
def first(tmp_path: Path) -> Path:
    return write(tmp_path / "a.h5", FIRST)


def found(first: Path, second: Path) -> Comparison:
    return compare(open_stores(first), open_stores(second))


def test_equal_stores(first: Path, tmp_path: Path) -> None:
    result = found(first, write(tmp_path / "b.h5", FIRST))
    assert result.agreement is not None
    assert (result.agreement.rows, result.agreement.largest) == (68, 0.0)
    assert result.agreement.cosine_min == pytest.approx(1.0, abs=1e-12)
    assert (result.only, result.lengths, result.hints, result.provenance) == (([], []), [], [], [])
    assert result.equal(0.9999, 0.01)


def test_the_worst_row_is_named(first: Path, tmp_path: Path) -> None:
    other = {vid: rows.copy() for vid, rows in FIRST.items()}
    other["b"][17] *= -1
    result = found(first, write(tmp_path / "b.h5", other))
    assert result.agreement is not None and result.agreement.worst == "b at 17"
    assert result.agreement.cosine_min == pytest.approx(-1.0, abs=1e-6)
    assert result.agreement.cosine_mean == pytest.approx(66 / 68, abs=1e-6)
    assert not result.equal(0.9999, 0.01)


def test_scaled_features_differ_in_their_norms_only(first: Path, tmp_path: Path) -> None:
    result = found(first, write(tmp_path / "b.h5", {vid: 2 * rows for vid, rows in FIRST.items()}))
    assert result.agreement is not None
    assert result.agreement.norm_ratio == pytest.approx(2.0, rel=1e-6) and result.agreement.cosine_min > 0.999999
    assert not result.equal(0.9999, 0.01) and result.equal(0.9999, 1.5)


def test_norms_are_held_against_each_other_row_by_row(first: Path, tmp_path: Path) -> None:
    """Every second row longer, the others shorter: cosines and the mean norm are as they were."""
    other = {vid: rows * np.where(np.arange(len(rows)) % 2, 1.9, 0.1)[:, None] for vid, rows in FIRST.items()}
    other["b"][17] *= 3
    result = found(first, write(tmp_path / "b.h5", other))
    assert result.agreement is not None and result.agreement.cosine_min > 0.999999
    assert result.agreement.norm_off == pytest.approx(4.7, rel=1e-6) and result.agreement.norm_worst == "b at 17"
    assert not result.equal(0.9999, 0.01)


def test_pooled_embeddings_are_compared(tmp_path: Path) -> None:
    pooled = RNG.standard_normal(7)
    one, same, other = (
        write(tmp_path / f"{name}.h5", FIRST, text=True, pooled=values)
        for name, values in (("a", pooled), ("b", pooled), ("c", -pooled))
    )
    assert found(one, same).equal(0.9999, 0.01)
    result = found(one, other)
    assert result.pooled is not None and result.pooled.cosine_min == pytest.approx(-1.0)
    assert result.agreement is not None and result.agreement.cosine_min > 0.999999
    assert not result.equal(0.9999, 0.01)
    assert not found(one, write(tmp_path / "d.h5", FIRST, text=True, pooled=pooled[:5])).equal(0.9999, 0.01)
    without = found(one, write(tmp_path / "e.h5", FIRST, text=True))  # as imported texts are
    assert without.equal(0.9999, 0.01) and without.pooled_dims == (7, 0)
    assert "pooled           not compared: widths A 7, B 0" in write_comparison(without, True)


def test_columns_that_differ_are_listed(tmp_path: Path) -> None:
    stores = [write(tmp_path / f"{name}.h5", FIRST, sources=sources) for name, sources in (("a", "xyz"), ("b", "xqr"))]
    result = found(*stores)
    assert result.columns == [("source_sha256", 2, "-c", "zzzzzzzz", "rrrrrrrr")]
    line = "columns/source_sha256 of 2, such as -c: A zzzzzzzz, B rrrrrrrr"
    assert line in write_comparison(result, True) and result.equal(0.9999, 0.01)


@pytest.mark.parametrize("recorded", ["ab", "a", "b", ""])
@pytest.mark.parametrize("order", [(0, 2, 1), (1, 0, 2), (1, 2, 0), (2, 0, 1), (2, 1, 0)])
def test_another_order_of_three_parts_is_seen(tmp_path: Path, recorded: str, order: tuple[int, ...]) -> None:
    widths = [3, 4, 5]

    def parts(rows: np.ndarray) -> list[np.ndarray]:
        return np.split(rows, [3, 7], axis=1)

    stores = []
    for name, places in (("a", (0, 1, 2)), ("b", order)):
        details = json.dumps({"parts": [{"folder": str(place), "dim": widths[place]} for place in places]})
        rows = {vid: np.hstack([parts(rows)[place] for place in places]) for vid, rows in FIRST.items()}
        stores.append(write(tmp_path / f"{name}.h5", rows, details=details if name in recorded else ""))
    hints = found(*stores).hints
    assert len(hints) == 1
    if order in ((1, 2, 0), (2, 0, 1)) and not recorded:  # two parts that changed places, for all that one can see
        assert hints[0].startswith("the order of channels is swapped")
        return
    blocks = " | ".join(str(widths[place]) for place in order)
    assert hints[0].startswith(
        f"the order of channels is changed: A is [3 | 4 | 5], B has these blocks as [{blocks}]: parts "
        f"{', '.join(str(place + 1) for place in order)} of A"
    )


@pytest.mark.parametrize("recorded", [True, False], ids=["widths recorded", "widths found"])
@pytest.mark.parametrize("split", [1, 4, 6, 11])
@pytest.mark.parametrize("unit", [True, False], ids=["parts of length 1", "parts as released"])
def test_a_swapped_order_of_parts_is_seen(tmp_path: Path, recorded: bool, split: int, unit: bool) -> None:
    def part(rows: np.ndarray) -> np.ndarray:
        return rows / np.linalg.norm(rows, axis=1, keepdims=True) if unit else rows

    def joined(swapped: bool) -> dict[str, np.ndarray]:
        both = {vid: (rows[:, :split], 30 * rows[:, split:]) for vid, rows in FIRST.items()}
        return {vid: np.hstack([part(piece) for piece in both[vid][:: -1 if swapped else 1]]) for vid in both}

    details = json.dumps({"parts": [{"folder": "x", "dim": split}, {"folder": "y", "dim": 12 - split}]})
    stores = [write(tmp_path / f"{name}.h5", joined(name == "b"), details=details if recorded else "") for name in "ab"]
    result = found(*stores)
    assert len(result.hints) == 1
    order = f"A is [{split} | {12 - split}], B has these blocks as [{12 - split} | {split}]"
    assert result.hints[0].startswith(f"the order of channels is swapped: {order}")
    assert not result.equal(0.9999, 0.01)


def test_shards_of_which_only_some_are_swapped_or_shifted_are_named(tmp_path: Path) -> None:
    rows = {f"v{number}": RNG.standard_normal((30, 12)) + 1 for number in range(3)}
    for folder in "AB":
        (tmp_path / folder).mkdir()
    for number, (vid, ours) in enumerate(rows.items()):
        write(tmp_path / "A" / f"{number:03d}.h5", {vid: ours})
        theirs = [ours, np.roll(ours, 5, axis=1), np.roll(ours, 1, axis=0)][number]
        write(tmp_path / "B" / f"{number:03d}.h5", {vid: theirs})
    result = found(tmp_path / "A", tmp_path / "B")
    assert [hint.split(": ")[:2] for hint in result.hints] == [
        ["in 001.h5 against 001.h5", "the order of channels is swapped"],
        ["in 002.h5 against 002.h5", "the rows are shifted"],
    ]
    assert "A is [7 | 5], B has these blocks as [5 | 7]" in result.hints[0]
    write(tmp_path / "B" / "000.h5", {"v0": np.roll(rows["v0"], 5, axis=1)})
    write(tmp_path / "B" / "002.h5", {"v2": np.roll(rows["v2"], 5, axis=1)})
    (hint,) = found(tmp_path / "A", tmp_path / "B").hints  # all of them: said once
    assert hint.startswith("the order of channels is swapped: A is [7 | 5]")


def test_other_differences_are_not_taken_for_a_swap(first: Path, tmp_path: Path) -> None:
    """Shuffled channels, noise, and other features altogether."""
    order = np.random.default_rng(3).permutation(12)
    for change in (
        lambda rows: rows[:, order],
        lambda rows: rows + 0.5 * RNG.standard_normal(rows.shape),
        lambda rows: RNG.standard_normal(rows.shape),
        lambda rows: np.roll(rows, 3, axis=1) + 0.5 * RNG.standard_normal(rows.shape),
    ):
        target = tmp_path / "b.h5"
        assert found(first, write(target, {vid: change(rows) for vid, rows in FIRST.items()})).hints == []


@pytest.mark.parametrize(("shift", "word"), [(1, "later"), (-1, "earlier")])
def test_rows_shifted_by_a_clip_are_seen(first: Path, tmp_path: Path, shift: int, word: str) -> None:
    """A decoder that takes a clip's end for its centre, or drops the first clip."""
    shifted = {vid: np.roll(rows, shift, axis=0) for vid, rows in FIRST.items()}
    kept = {vid: rows[1:] if shift == 1 else rows[:-1] for vid, rows in shifted.items()}
    places = {vid: np.arange(len(rows))[1:] if shift == 1 else np.arange(len(rows))[:-1] for vid, rows in FIRST.items()}
    result = found(first, write(tmp_path / "b.h5", kept, places))
    assert result.hints == [f"the rows are shifted: B has them one place {word} than A (mean cosine 1.0000 there)"]
    assert sorted(result.lengths) == sorted((vid, clips, clips - 1) for vid, clips in CLIPS.items())


def test_missing_ids_and_clips_are_listed(first: Path, tmp_path: Path) -> None:
    other = {"a": FIRST["a"], "b": FIRST["b"][:-1], "new": FIRST["a"]}
    result = found(first, write(tmp_path / "b.h5", other))
    assert (result.only, result.lengths) == ((["-c"], ["new"]), [("b", 25, 24)])
    assert result.agreement is not None and result.agreement.rows == 64 and result.agreement.cosine_min > 0.999999
    assert not result.equal(0.9999, 0.01)


def test_other_widths_are_told_without_cosines(first: Path, tmp_path: Path) -> None:
    result = found(first, write(tmp_path / "b.h5", {vid: rows[:, :5] for vid, rows in FIRST.items()}))
    assert result.dims == (12, 5) and result.agreement is None and not result.equal(0.9999, 0.01)


def test_rows_of_zeros_agree_with_themselves_only(tmp_path: Path) -> None:
    zeros = {"a": np.zeros((2, 3))}
    store = write(tmp_path / "a.h5", zeros)
    same = found(store, write(tmp_path / "b.h5", zeros)).agreement
    assert same is not None and (same.cosine_min, same.norm_ratio) == (1.0, 1.0)
    other = found(store, write(tmp_path / "b.h5", {"a": np.ones((2, 3))})).agreement
    assert other is not None and (other.cosine_min, other.norm_ratio) == (0.0, np.inf)


def test_provenance_tells_field_by_field(first: Path, tmp_path: Path) -> None:
    config = {"clip": {"architecture": "B"}, "clips": {"seconds": 2.0}}
    result = found(first, write(tmp_path / "b.h5", FIRST, config=config, details='{"activation": "gelu"}'))
    assert result.provenance == [
        ("config.clip.architecture", '"A"', '"B"'),
        ("config.clips.seconds", "(absent)", "2.0"),
        ("details", "", "(absent)"),
        ("details.activation", "(absent)", '"gelu"'),
    ]


def test_shards_of_a_folder_are_one_stream(first: Path, tmp_path: Path) -> None:
    folder = tmp_path / "shards"
    folder.mkdir()
    write(folder / "000.h5", {vid: FIRST[vid] for vid in ("a", "-c")})
    write(folder / "001.h5", {"b": FIRST["b"]})
    assert found(first, folder).equal(0.9999, 0.01)
    write(folder / "001.h5", {"b": FIRST["b"]}, config={"clip": {"architecture": "B"}})
    assert found(first, folder).provenance == [("config.clip.architecture", '"A"', '"B"')]  # not of the first alone
    write(folder / "002.h5", {"d": np.ones((2, 3))})
    with pytest.raises(UserError, match=r"shards: several streams in one folder: s of width 12, s of width 3"):
        open_stores(folder)
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match="empty: no feature stores"):
        open_stores(tmp_path / "empty")


def test_texts_are_compared_by_token(first: Path, tmp_path: Path) -> None:
    texts = [write(tmp_path / f"{name}.h5", FIRST, text=True) for name in "xy"]
    assert found(*texts).equal(0.9999, 0.01)
    with pytest.raises(UserError, match=r"token states cannot be compared with clips of 2 s"):
        found(first, texts[0])


def test_the_command_prints_a_table_and_its_status_tells(
    first: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def run(*arguments: object) -> int:
        monkeypatch.setattr("sys.argv", ["feature_extractors", "verify", *map(str, arguments)])
        return main()

    same = tmp_path / "same.h5"
    shutil.copy(first, same)
    assert run(first, same) == 0
    assert "equal within tolerance" in capsys.readouterr().out
    swapped = write(tmp_path / "b.h5", {vid: np.roll(rows, 4, axis=1) for vid, rows in FIRST.items()})
    assert run(first, swapped) == 1
    printed = capsys.readouterr().out
    assert "looks like       the order of channels is swapped: A is [8 | 4], B has" in printed
    assert "result           DIFFERENT" in printed
    assert run(first, tmp_path / "none.h5") == 1
    assert "none.h5: no such file" in capsys.readouterr().err


def test_the_threshold_is_above_what_other_precisions_do() -> None:
    """bfloat16 keeps 8 bits: rows rounded to it are still far above the cosine that asks for a cause."""
    rows = FIRST["a"].astype(np.float32)
    rounded = (rows.view(np.uint32) & 0xFFFF0000).view(np.float32)
    cosines = (rows * rounded).sum(1) / np.linalg.norm(rows, axis=1) / np.linalg.norm(rounded, axis=1)
    assert cosines.min() > CONVINCING
