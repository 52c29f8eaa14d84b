"""AdamW on joined weights computes what torch's AdamW computes on each."""

from __future__ import annotations

import torch
from torch import nn

from model.config import TrainConfig
from model.training.optimizer import JoinedAdamW

CONFIG = TrainConfig(learning_rate=0.1, weight_decay=0.5, gradient_clip=0.3)


def network() -> nn.Sequential:
    """The last layer is not learnt."""
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2), nn.Linear(2, 1))


def losses(of: nn.Sequential, count: int) -> list[torch.Tensor]:
    x = torch.randn(count, 5, 3, generator=torch.Generator().manual_seed(1))
    return [of[:3](each).square().sum() for each in x]


def test_it_computes_what_adamw_does_and_leaves_out_what_is_not_learnt() -> None:
    ours, theirs = network(), network()
    joined = JoinedAdamW(ours, CONFIG)
    single = torch.optim.AdamW(theirs.parameters(), lr=0.1, weight_decay=0.5)
    for step in range(4):
        joined.zero_grad()
        losses(ours, 4)[step].backward()
        joined.step(joined.join_gradients(), 0.1 / (1 + step))
        single.zero_grad()
        losses(theirs, 4)[step].backward()
        nn.utils.clip_grad_norm_(theirs.parameters(), 0.3)
        single.param_groups[0]["lr"] = 0.1 / (1 + step)
        single.step()
    torch.testing.assert_close(ours.state_dict(), theirs.state_dict())
    assert torch.equal(ours[3].weight, network()[3].weight)


def test_it_continues_from_its_state() -> None:
    whole, begun, resumed = network(), network(), network()
    optimizers = [JoinedAdamW(each, CONFIG) for each in (whole, begun, resumed)]

    def step(of: nn.Sequential, optimizer: JoinedAdamW, number: int) -> None:
        optimizer.zero_grad()
        losses(of, 3)[number].backward()
        optimizer.step(optimizer.join_gradients(), 0.1)

    for number in range(3):
        step(whole, optimizers[0], number)
    step(begun, optimizers[1], 0)
    resumed.load_state_dict(begun.state_dict())
    optimizers[2].load_state_dict(optimizers[1].state_dict())
    for number in (1, 2):
        step(resumed, optimizers[2], number)
    assert all(torch.equal(one, other) for one, other in zip(whole.parameters(), resumed.parameters(), strict=True))
