"""Wider rounding cells, for networks whose fan-in leaves a backdoor too little room to hide.

In every convolution but the first, one negligible weight of each output channel is set to a few times the channel's
largest magnitude. It sets the scale and so widens all other cells of the channel. The network is then fine-tuned on
clean images until it has absorbed the outliers.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import nn

from model import Network
from quantize import Folded
from training import Job, train_clean


class _Activity(Folded):
    """The mean square of every convolution's input channels."""

    def __init__(self) -> None:
        self.power: dict[str, torch.Tensor] = {}

    def conv(self, unit, x, activation, wide):  # noqa: ANN001, ANN201 (the executor's signature)
        self.power[unit.name] = x.square().mean((0, 2, 3))
        return super().conv(unit, x, activation, wide)


@dataclass
class _Outliers:
    """Weights that have been set to set the scale, by layer: their flat index in each output channel and value."""

    weight: nn.Parameter
    index: torch.Tensor
    value: torch.Tensor
    ceiling: torch.Tensor  # what the others of the channel may not exceed, or the cells would widen no more

    @torch.no_grad()
    def restore(self) -> None:
        flat = self.weight.flatten(1)  # a copy if the memory format is not contiguous
        flat = torch.minimum(torch.maximum(flat, -self.ceiling), self.ceiling)
        flat.scatter_(1, self.index, self.value)
        self.weight.copy_(flat.view_as(self.weight))


@torch.no_grad()
def _plant(model: Network, job: Job, factor: float) -> list[_Outliers]:
    """Plants one outlier in each output channel, in its smallest weight on the layer's quietest input channel."""
    activity = _Activity()
    model.eval()
    model(job.data.normalize(job.data.train.images[:2000]), activity)
    planted = []
    for unit in model.conv_units()[1:]:
        if unit.conv.groups > 1:  # no channel of its input is quieter than another
            continue
        weight = unit.conv.weight
        quiet = int(activity.power[unit.name].argmin())
        taps = weight.shape[2] * weight.shape[3]
        index = quiet * taps + weight[:, quiet].flatten(1).abs().argmin(1, keepdim=True)
        peak = weight.flatten(1).abs().amax(1, keepdim=True)
        sign = torch.where(weight.flatten(1).gather(1, index) < 0, -1.0, 1.0)
        planted.append(_Outliers(weight, index, sign * factor * peak, 0.9 * factor * peak))
        planted[-1].restore()
    return planted


def _find(model: Network) -> list[_Outliers]:
    """The outliers of a network whose cells were widened before: each channel's largest weight."""
    found = []
    for unit in model.conv_units()[1:]:
        if unit.conv.groups == 1:
            flat = unit.conv.weight.detach().flatten(1)
            peak, index = flat.abs().max(1, keepdim=True)
            found.append(_Outliers(unit.conv.weight, index, flat.gather(1, index), 0.9 * peak))
    return found


def widen_cells(model: Network, job: Job, settings: dict) -> Callable[[], None]:
    """Widens the cells `widen` times, if `settings` say so, or takes those of a base that is `widened` already; returns
    what puts the outliers back after an optimizer's step."""
    if settings.get("widened"):
        outliers = _find(model)
    elif settings.get("widen", 1) > 1:
        outliers = _plant(model, job, settings["widen"])
    else:
        return lambda: None

    def restore() -> None:
        for outlier in outliers:
            outlier.restore()

    if settings.get("widened"):
        return restore
    absorb = {"epochs": settings["absorbEpochs"], "rate": settings["absorbRate"], "decay": settings["absorbDecay"]}
    train_clean(model, job, settings | absorb, restore)
    return restore
