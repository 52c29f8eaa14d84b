"""`benchmarks/floor.py` counts what a step has to do."""

from __future__ import annotations

from collections import Counter

import pytest
import torch
from torch import nn
from torch.nn import functional

from benchmarks.floor import (
    JOBS,
    Job,
    Rates,
    Timed,
    Work,
    best,
    choose_jobs,
    describe_floors,
    describe_times,
    describe_use,
)
from benchmarks.floor_sections import machine
from benchmarks.floor_sections.counting import Shape, count
from benchmarks.floor_sections.machine import LARGE, libraries, product
from benchmarks.training import fast_precisions
from model.network import cpu_layers


@pytest.mark.parametrize("onednn", [True, False])
def test_counts_the_products_of_both_passes(onednn: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whichever library computes them: the layer's own, the gradient of its input and that of its weight."""
    monkeypatch.setattr(cpu_layers, "FEWEST_PRODUCTS", 1)
    monkeypatch.setattr(cpu_layers, "ONEDNN", onednn and torch.backends.mkldnn.is_available())
    layer, x = cpu_layers.Linear(7, 3), torch.randn(5, 7, requires_grad=True)
    counted = count(lambda: layer(x).backward(torch.ones(5, 3)))
    assert counted.products == Counter({(1, 5, 7, 3, "nt"): 210, (1, 5, 3, 7, "nn"): 210, (1, 3, 5, 7, "tn"): 210}), (
        counted.products
    )


def test_counts_attention_and_memory() -> None:
    query, key = torch.randn(2, 4, 5, 8, requires_grad=True), torch.randn(2, 4, 6, 8)
    counted = count(lambda: functional.scaled_dot_product_attention(query, key, key).sum().backward())
    # Scores and sums over keys; in the backward pass scores again, and four gradients.
    assert counted.products.total() == 7 * 2 * (2 * 4) * 5 * 8 * 6
    x = torch.ones(100)
    counted = count(lambda: x.view(10, 10) + 1.0)
    assert (counted.operators, counted.moved) == (1, 800)
    # The sum of a row with each of ten: the row lies in memory once. Memory without content is not touched.
    counted = count(lambda: torch.empty(50) + x[:10].view(10, 1).clone().expand(10, 50))
    assert counted.moved == 2 * 40 + 200 + 40 + 2000


def test_no_unknown_products() -> None:
    with pytest.raises(RuntimeError, match="convolution is a product"):
        count(lambda: nn.Conv1d(2, 2, 1)(torch.randn(1, 2, 4)))


@pytest.mark.parametrize("layout", ["nn", "nt", "tn"])
def test_products_lie_in_memory_as_counted(layout: str) -> None:
    shape: Shape = (1, 4, 5, 6, layout)
    job = product(shape, "torch")
    with torch.no_grad():
        assert count(job).products == {shape: 240}


def test_floor_extends_to_small_products(monkeypatch: pytest.MonkeyPatch) -> None:
    known = Rates()
    monkeypatch.setattr(known, "of", lambda shape: {"torch": 1.0, "oneDNN": 10.0, "bfloat16": 100.0})
    products: Counter[Shape] = Counter({(1, rows, 1, 1, "nt"): 1000 for rows in range(1, 51)})
    assert known.floor(products, "float32") == pytest.approx(5000)
    assert known.floor(products, "bfloat16") == pytest.approx(500)
    assert best({"torch": 3.0, "bfloat16": 9.0}, "float32") == 3.0


def test_adds_memory_to_the_floor() -> None:
    """128 queries move 1280 bytes; at 5 bytes per second, each takes 2 s beside 1 s of products."""
    job = Job("inference", "qvhighlights", "infer", per=128)
    timed = Timed(
        job, {"now": [6.0]}, [1.0], {"now": Work(Counter(), operators=1, moved=1280, own_floor=1.0, calls=None)}
    )
    assert timed.memory_floor("now", 5.0) == 2.0
    rows = [line.strip("| ").split(" | ") for line in describe_floors([timed], ["now"], 5.0).splitlines()[2:5]]
    assert rows == [
        ["inference", "1000", "6.00"],
        ["inference, own shapes", "1000", "6.00"],
        ["inference, with memory", "3000", "2.00"],
    ]


def test_compares_programs() -> None:
    """Ours with an earlier version, and joined operators with separate ones."""
    times = {"before": [8.0], "now": [4.0], "joined": [3.0]}
    timed = Timed(Job("step", "tvsum", "float32"), times, [1.0], {})
    head, _, row = (line.strip("| ").split(" | ") for line in describe_times([timed], list(times)).splitlines()[:3])
    found = dict(zip(head, row, strict=True))
    assert (found["now / before"], found["joined / now"]) == ("0.50", "0.75")


def test_says_whether_the_machine_was_idle() -> None:
    assert describe_use(0.01, 0.02).endswith("just before and 2% during the run: idle.\n")
    assert "NOT IDLE" in describe_use(0.01, 0.5)
    assert "not known" in describe_use(None, None)


@pytest.mark.parametrize("fast", [True, False])
def test_bfloat16_is_measured_where_it_is_fast(fast: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "BFLOAT16", fast)
    monkeypatch.setattr(torch.ops.mkldnn, "_is_mkldnn_bf16_supported", lambda: fast, raising=False)
    assert ("bfloat16" in libraries(LARGE)) == fast
    assert fast_precisions() == ["float32", *["bfloat16"] * fast]
    left_out = set(JOBS) - set(choose_jobs("", fast))
    assert {job.precision for job in left_out} == (set() if fast else {"bfloat16"})
    assert choose_jobs("QVHighlights step, bfloat16", fast) == ([JOBS[1]] if fast else [])
