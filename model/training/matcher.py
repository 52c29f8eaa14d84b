"""Match predicted to true moments by the assignment of lowest cost, per video."""

from __future__ import annotations

import numpy as np
import torch
from scipy.optimize import linear_sum_assignment
from torch import Tensor

from cli import UserError
from model.config import LossConfig
from model.network.spans import generalised_iou, to_bounds
from model.network.tensors import Moments


@torch.no_grad()
def match(moments: Moments, targets: list[Tensor], weights: LossConfig) -> tuple[Tensor, Tensor]:
    """Assign one prediction to each true moment, in several sets of predictions at once.

    Args:
        moments: (S, B, N, ...) S sets of N predictions per sample, such as those of S decoder layers.
        targets: per sample the true moments (n, 2), n <= N, center and width as fractions of the video.

    Returns:
        for the M true moments of all samples, one after another: their sample (M,), and in each set the prediction that
        is assigned to them (S, M).

    Raises:
        UserError: the network's output is NaN or infinite.
    """
    truth, counts = torch.cat(targets), [len(target) for target in targets]
    samples = torch.arange(len(targets)).repeat_interleave(torch.tensor(counts)).to(truth.device)
    spans, probability = moments.spans[:, samples], moments.logits.softmax(-1)[:, samples, :, 0]
    truth = truth.unsqueeze(1)
    cost = (
        weights.span * (spans - truth).abs().sum(-1)
        - weights.giou * generalised_iou(to_bounds(spans), to_bounds(truth))
        - weights.label * probability
    )
    costs = cost.float().cpu().numpy()  # (S, M, N)
    if not np.isfinite(costs).all():
        raise UserError("the network's output is NaN or infinite: lower train.learning_rate")
    ends = np.cumsum(counts).tolist()
    assigned = [
        linear_sum_assignment(costs_of_set[end - count : end])[1]
        for costs_of_set in costs
        for end, count in zip(ends, counts, strict=True)
    ]
    predictions = np.concatenate(assigned).reshape(len(costs), len(truth))
    return samples, torch.from_numpy(predictions).to(truth.device)
