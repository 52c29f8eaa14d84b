"""A TensorBoard log of a run, with the same numbers as history.jsonl."""

from __future__ import annotations

from pathlib import Path

from formats.rows import Row


class Board:
    """Writes one point per epoch to each curve."""

    def __init__(self, folder: Path, epochs_done: int) -> None:
        # Imported here because tensorboard is optional: if it is missing, the command names the extra to install.
        from torch.utils.tensorboard import SummaryWriter

        # A resumed run repeats epochs that were not saved, so the killed run's points of those epochs are dropped.
        self._writer = SummaryWriter(str(folder), purge_step=epochs_done + 1)

    def add(self, line: Row) -> None:
        """Add a line of the history."""
        curves = {"lr": line["lr"]}
        curves |= {f"train/{name}": value for name, value in line["train"].items()}
        curves |= {f"val/{name}": value for name, value in (line["val"] or {}).items() if value is not None}
        for name, value in curves.items():
            self._writer.add_scalar(name, value, line["epoch"])
        self._writer.flush()

    def close(self) -> None:
        """Finish the log."""
        self._writer.close()
