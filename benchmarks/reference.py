"""Wrapper to time the public reference, wjun0830/QD-DETR, from a user's checkout. None of its code is included here.

It was written for a GPU: on a CPU, the single `.cuda()` in its forward pass is replaced by a no-op.
"""

from __future__ import annotations

import importlib.util
import random
import sys
from collections.abc import Iterator
from importlib.machinery import ModuleSpec
from pathlib import Path
from typing import Any

import torch


class Reference:
    """Network, criterion, optimiser and data set of the reference for one of its two recipes.

    Args:
        checkout: folder of the repository.
        recipe: "hl" (QVHighlights) or "tvsum".
        folder: features and annotations in its layout, made by `write_files` of `benchmarks/recipes.py`.
        video_dim: width of the video features, without endpoint features.
        device: cpu or cuda.
    """

    def __init__(self, checkout: Path, recipe: str, folder: Path, video_dim: int, device: str = "cpu") -> None:
        if str(checkout) not in sys.path:
            sys.path.insert(0, str(checkout))
        if device == "cpu":
            torch.Tensor.cuda = lambda self, *_, **__: self  # type: ignore[assignment]
        if "pandas" not in sys.modules and importlib.util.find_spec("pandas") is None:
            # The reference imports pandas, but nothing that is timed uses it. torch asks all modules for their spec.
            sys.modules["pandas"] = importlib.util.module_from_spec(ModuleSpec("pandas", loader=None))
        from qd_detr.config import BaseOptions
        from qd_detr.model import build_model
        from qd_detr.start_end_dataset import StartEndDataset, prepare_batch_inputs, start_end_collate

        options = BaseOptions()
        options.initialize()
        opt = options.parser.parse_args(["--dset_name", recipe])
        opt.device, opt.t_feat_dim, opt.v_feat_dim = device, 512, video_dim + 2
        opt.max_v_l = 1000 if recipe == "tvsum" else 75
        random.seed(0)
        torch.manual_seed(0)
        self.network, self._criterion = build_model(opt)
        self.network.to(device)
        self._criterion.to(device)
        self._device = torch.device(device)
        lr = 1e-3 if recipe == "tvsum" else 1e-4
        self._optimizer = torch.optim.AdamW(self.network.parameters(), lr=lr, weight_decay=1e-4)
        streams = ["i3d"] if recipe == "tvsum" else ["slowfast", "clip_visual"]
        self.items = StartEndDataset(
            dset_name=recipe,
            data_path=str(folder / "rows.jsonl"),
            v_feat_dirs=[str(folder / name) for name in streams],
            q_feat_dir=str(folder / "clip_text"),
            max_v_l=opt.max_v_l,
            dset_domain="BK",
            ctx_mode="video_tef",
        )
        self._collate, self._prepare = start_end_collate, prepare_batch_inputs

    def batches(self, size: int) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
        """Batches as its DataLoader makes them without workers: each item's files are opened and read."""
        while True:
            for first in range(0, len(self.items) - size + 1, size):
                _, batch = self._collate([self.items[i] for i in range(first, first + size)])
                yield self._prepare(batch, self._device)

    def step(self, inputs: dict[str, Any], targets: dict[str, Any]) -> None:
        """One training step as in its `train_epoch`, without the deterministic kernels that ours uses."""
        torch.use_deterministic_algorithms(False)
        self.network.train()
        self._criterion.train()
        terms = self._criterion(self.network(**inputs), targets)
        weights = self._criterion.weight_dict
        loss = sum(value * weights[name] for name, value in terms.items() if name in weights)
        self._optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), 0.1)
        self._optimizer.step()
        for value in terms.values():
            float(value.detach())

    @torch.no_grad()
    def predict(self, inputs: dict[str, Any]) -> None:
        """The forward pass of inference, without postprocessing."""
        torch.use_deterministic_algorithms(False)
        self.network.eval()
        self.network(**inputs)
