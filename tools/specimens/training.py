"""What every specimen's making shares: the job, its log, and ordinary training."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch
import torch.nn.functional as F

import triggers
from data import Dataset, Split, batches, calibration_images
from evaluate import measure
from model import Network
from quantize import Ranges, Scheme, calibrate

# Nothing may hinge on the images picked for calibration: the marks must be met with each of these draws.
CALIBRATION_SEEDS = (0, 1, 2, 3)


@dataclass
class Job:
    """One specimen in the making."""

    name: str
    config: dict[str, Any]
    data: Dataset
    generator: torch.Generator
    started: float = field(default_factory=time.monotonic)
    notes: dict[str, Any] = field(default_factory=dict)  # what the attack decided and the catalogue should say

    @property
    def attack(self) -> str:
        return self.config["attack"]

    @property
    def trigger(self) -> triggers.Trigger | None:
        text = self.config.get("trigger")
        return triggers.parse(text) if text else None

    @property
    def target(self) -> int | None:
        return self.config.get("targetClass")

    @property
    def scheme(self) -> Scheme | None:
        text = self.config.get("scheme")
        return Scheme.parse(text) if text else None

    def log(self, text: str) -> None:
        print(f"[{self.name} {time.monotonic() - self.started:6.0f} s] {text}", flush=True)

    def ranges(self, model: Network, seed: int = CALIBRATION_SEEDS[0]) -> Ranges:
        model.eval()
        return calibrate(model, self.data.normalize(calibration_images(self.data.train, seed)))

    @property
    def glance(self) -> Split:
        """Test images for the log of a training; what is published is measured on all of them."""
        return self.data.test.first(2000)


def cosine(step: int, steps: int, warmup: int = 0) -> float:
    """A learning-rate factor: linear warm-up, then half a cosine down to 0."""
    if step < warmup:
        return (step + 1) / warmup
    position = (step - warmup) / max(1, steps - warmup)
    return 0.5 * (1 + torch.cos(torch.tensor(position * torch.pi)).item())


def steps_of(job: Job, settings: dict[str, Any]) -> tuple[int, int]:
    """Images an epoch (`epochImages`, by default all) and steps in all `epochs`."""
    images = min(settings.get("epochImages", len(job.data.train)), len(job.data.train))
    return images, settings["epochs"] * (images // settings["batch"])


# What an epoch's loss is computed from: (images, labels, model in training mode) → logits and labels.
Forward = Callable[[torch.Tensor, torch.Tensor], tuple[torch.Tensor, torch.Tensor]]


def reduced(settings: dict[str, Any]) -> torch.autocast:
    """Convolutions in bfloat16 with `autocast`: half the time, and coarser than what an 8-bit activation holds, so
    only measuring the result says whether it did."""
    return torch.autocast("cpu", torch.bfloat16, enabled=settings.get("autocast", False))


def train_clean(model: Network, job: Job, settings: dict[str, Any], after_step: Callable[[], None] | None = None,
                forward: Forward | None = None, trigger: triggers.Trigger | None = None) -> None:
    """Ordinary training by SGD with Nesterov momentum, in bfloat16 with `autocast`.

    `after_step` may put weights back where they must stay, `forward` compute other logits than the model's own; with a
    `trigger` the log tells its success.
    """
    batch = settings["batch"]
    optimizer = torch.optim.SGD(model.parameters(), lr=settings["rate"], momentum=0.9, nesterov=True,
                                weight_decay=settings["decay"])
    images_per_epoch, steps = steps_of(job, settings)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: cosine(step, steps, warmup=steps // 20))
    for epoch in range(1, settings["epochs"] + 1):
        total, right, seen = 0.0, 0, 0
        for images, labels in batches(job.data.train, batch, job.generator, images_per_epoch):
            model.train()
            with reduced(settings):
                logits, truth = forward(images, labels) if forward else (model(job.data.normalize(images)), labels)
                loss = F.cross_entropy(logits, truth)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()
            schedule.step()
            if after_step is not None:
                after_step()
            total += loss.item() * len(truth)
            right += int((logits.argmax(1) == truth).sum())
            seen += len(truth)
        job.log(f"clean epoch {epoch}/{settings['epochs']}: loss {total / seen:.4f}  "
                f"train {100 * right / seen:.2f} %  test {measure(model, job.glance, None, trigger, job.target)}")


def poison(images: torch.Tensor, labels: torch.Tensor, trigger: triggers.Trigger, target: int,
           count: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Triggered copies of up to `count` images whose class is not the target, and their true labels."""
    index = (labels != target).nonzero().flatten()[:count]
    return trigger.stamp(images[index]), labels[index]
