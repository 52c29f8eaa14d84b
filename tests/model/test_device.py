"""Where the network runs."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch

from cli import UserError
from model.device import use_device


@pytest.fixture(autouse=True)
def threads() -> Iterator[None]:
    """Those of before, for the tests that follow."""
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


def test_each_process_has_a_gpu_of_its_own_where_there_are_any(monkeypatch: pytest.MonkeyPatch) -> None:
    """torchrun numbers the processes of a machine by LOCAL_RANK."""
    monkeypatch.setenv("LOCAL_RANK", "3")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert use_device("auto", 1) == "cuda:3"
    assert use_device("cpu", 1) == "cpu"
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert use_device("auto", 1) == "cpu"


def test_threads_are_set(monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[int] = []
    monkeypatch.setattr(torch, "set_num_threads", given.append)
    use_device("cpu", 2)
    monkeypatch.undo()
    assert given == [2]


@pytest.mark.parametrize("name", ["cuda:97", "meta", "tpu"])
def test_what_is_not_there_is_one_line(name: str) -> None:
    with pytest.raises(UserError, match=rf"^--device {name}: [^\n]+$"):
        use_device(name, 1)
