"""The device that --device names, with a stand-in for torch: this package does without it."""

from __future__ import annotations

import argparse
from types import SimpleNamespace

import pytest

from cli import Command, UserError
from cli.device import add_device, choose_device, computes_fast, warn_if_slow


def allocate(name: str) -> None:
    """As torch on a machine with one GPU."""
    if name not in ("cpu", "cuda", "cuda:0"):
        raise RuntimeError(f"invalid device ordinal: {name}\nand many more lines")


@pytest.mark.parametrize(
    ("name", "gpu", "chosen"),
    [
        ("auto", None, "cpu"),
        ("auto", "cuda:0", "cuda:0"),
        ("auto", "cuda", "cuda"),
        ("cpu", "cuda", "cpu"),
        ("cuda:0", "cuda", "cuda:0"),
        ("cuda", None, "cuda"),
    ],
)
def test_a_device_that_is_there(name: str, gpu: str | None, chosen: str) -> None:
    assert choose_device(name, gpu, allocate) == chosen


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("cuda:7", "--device cuda:7: invalid device ordinal: cuda:7"),
        ("meta", "--device meta: must be auto, cpu, cuda or cuda:N"),
        ("cuda:", "--device cuda:: must be auto, cpu, cuda or cuda:N"),
        ("", "--device : must be auto, cpu, cuda or cuda:N"),
    ],
)
def test_a_device_that_is_not(name: str, message: str) -> None:
    with pytest.raises(UserError) as raised:
        choose_device(name, "cuda", allocate)
    assert str(raised.value) == message


def test_arguments(capsys: pytest.CaptureFixture[str]) -> None:
    found = []

    def run(arguments: argparse.Namespace) -> None:
        """Run."""
        found.append((arguments.threads, arguments.device))

    command = Command("package", "Does things.")
    add_device(command.verb("run", run))
    command.main(["run"])
    command.main(["run", "--threads", "3", "--device", "cuda:1"])
    assert found == [(1, "auto"), (3, "cuda:1")]
    with pytest.raises(SystemExit):
        command.main(["run", "--threads", "0"])
    assert "--threads: must be a whole number from 1" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("precision", "device", "supported", "warned"),
    [
        ("float32", "cpu", (), False),
        ("bfloat16", "cpu", (), True),
        ("bfloat16", "cpu:0", ("fp16",), True),
        ("bfloat16", "cpu", ("bf16",), False),
        ("bfloat16", "cuda", (), False),
        ("float16", "cpu", ("bf16",), True),
        ("float16", "cpu", ("fp16",), False),
    ],
)
def test_a_slow_precision(
    precision: str, device: str, supported: tuple[str, ...], warned: bool, caplog: pytest.LogCaptureFixture
) -> None:
    onednn = SimpleNamespace(
        _is_mkldnn_bf16_supported=lambda: "bf16" in supported, _is_mkldnn_fp16_supported=lambda: "fp16" in supported
    )
    warn_if_slow("train.precision", precision, device, onednn)
    slow = f"train.precision: {precision} is many times slower than float32 on this processor"
    assert caplog.messages == [slow] * warned


def test_torch_without_onednn_knows_no_slow_precision() -> None:
    assert computes_fast("bfloat16", SimpleNamespace())
