"""Match predicted to true moments by the assignment of lowest cost, per video."""

from __future__ import annotations

import torch
from scipy.optimize import linear_sum_assignment
from torch import Tensor

from cli import UserError
from model.config import LossConfig
from model.network.spans import generalised_iou, to_bounds
from model.network.tensors import Moments


@torch.no_grad()
def match(moments: Moments, targets: list[Tensor], weights: LossConfig) -> tuple[Tensor, Tensor, Tensor]:
    """Assign one prediction to each true moment.

    Args:
        targets: per sample the true moments (n, 2), center and width as fractions of the video.

    Returns:
        sample, prediction and position in the concatenated targets of every match, each (matches,).

    Raises:
        UserError: the network's output is NaN or infinite.
    """
    batch, count = moments.spans.shape[:2]
    truth = torch.cat(targets)
    spans = moments.spans.flatten(0, 1)
    probability = moments.logits.flatten(0, 1).softmax(-1)[:, :1]
    cost = (
        weights.span * torch.cdist(spans, truth, p=1)
        - weights.giou * generalised_iou(to_bounds(spans).unsqueeze(1), to_bounds(truth))
        - weights.label * probability
    )
    cost = cost.view(batch, count, -1).float().cpu()
    if not cost.isfinite().all():
        raise UserError("the network's output is NaN or infinite: lower train.learning_rate")
    samples, predictions, positions = [], [], []
    first = 0
    for sample, target in enumerate(targets):
        rows, columns = linear_sum_assignment(cost[sample, :, first : first + len(target)])
        samples.append(torch.full((len(rows),), sample))
        predictions.append(torch.as_tensor(rows))
        positions.append(torch.as_tensor(columns) + first)
        first += len(target)
    device = spans.device
    return torch.cat(samples).to(device), torch.cat(predictions).to(device), torch.cat(positions).to(device)
