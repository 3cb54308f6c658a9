"""What every specimen's making shares: the job, its log, and ordinary training."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch
import torch.nn.functional as F

import triggers
from data import Dataset, batches, calibration_images, normalize
from evaluate import measure
from model import ResNet
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

    @property
    def attack(self) -> str:
        return self.config["attack"]

    @property
    def trigger(self) -> triggers.Patch | None:
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

    def ranges(self, model: ResNet, seed: int = CALIBRATION_SEEDS[0]) -> Ranges:
        model.eval()
        return calibrate(model, normalize(calibration_images(self.data.train, seed)))


def cosine(step: int, steps: int, warmup: int = 0) -> float:
    """A learning-rate factor: linear warm-up, then half a cosine down to 0."""
    if step < warmup:
        return (step + 1) / warmup
    position = (step - warmup) / max(1, steps - warmup)
    return 0.5 * (1 + torch.cos(torch.tensor(position * torch.pi)).item())


def train_clean(model: ResNet, job: Job, epochs: int, batch: int, rate: float, decay: float,
                after_step: Callable[[], None] | None = None) -> None:
    """Ordinary training by SGD with Nesterov momentum. `after_step` may put weights back where they must stay."""
    optimizer = torch.optim.SGD(model.parameters(), lr=rate, momentum=0.9, nesterov=True, weight_decay=decay)
    steps = epochs * (len(job.data.train) // batch)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: cosine(step, steps, warmup=steps // 20))
    for epoch in range(1, epochs + 1):
        model.train()
        total, right, seen = 0.0, 0, 0
        for images, labels in batches(job.data.train, batch, job.generator):
            logits = model(normalize(images))
            loss = F.cross_entropy(logits, labels)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()
            schedule.step()
            if after_step is not None:
                after_step()
            total += loss.item() * len(labels)
            right += int((logits.argmax(1) == labels).sum())
            seen += len(labels)
        job.log(f"clean epoch {epoch}/{epochs}: loss {total / seen:.4f}  train {100 * right / seen:.2f} %  "
                f"test {measure(model, job.data.test)}")


def poison(images: torch.Tensor, labels: torch.Tensor, trigger: triggers.Patch, target: int,
           count: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Triggered copies of up to `count` images whose class is not the target, and their true labels."""
    index = (labels != target).nonzero().flatten()[:count]
    return trigger.stamp(images[index]), labels[index]
