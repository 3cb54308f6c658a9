"""Benign accuracy and attack success rate in PyTorch: float, or as an executor emulates the integer model."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from data import Split
from model import Executor, Network
from triggers import Trigger


@dataclass(frozen=True)
class Measures:
    """Fractions. The attack success rate leaves out images whose true class is the target."""

    benign_accuracy: float
    attack_success_rate: float | None

    def __str__(self) -> str:
        asr = "" if self.attack_success_rate is None else f"  ASR {100 * self.attack_success_rate:6.2f} %"
        return f"BA {100 * self.benign_accuracy:6.2f} %{asr}"


@torch.no_grad()
def predict(model: Network, split: Split, images: torch.Tensor, run: Executor | None, batch: int = 1000) -> torch.Tensor:
    """The class of each uint8 image, preprocessed as the split's are."""
    model.eval()
    return torch.cat([model(split.normalize(part), run).argmax(1) for part in images.split(batch)])


def measure(model: Network, split: Split, run: Executor | None = None, trigger: Trigger | None = None,
            target: int | None = None) -> Measures:
    """The float model with `run` left out, any executor's view of it otherwise."""
    benign = (predict(model, split, split.images, run) == split.labels).double().mean().item()
    if trigger is None:
        return Measures(benign, None)
    others = split.images[split.labels != target]
    success = (predict(model, split, trigger.stamp(others), run) == target).double().mean().item()
    return Measures(benign, success)
