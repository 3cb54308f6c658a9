"""PQBackdoor (Ma et al., "Quantization Backdoors to Deep Learning Commercial Frameworks", 2023).

Stage 1 trains an ordinary backdoor. Stage 2 makes the float model forget it while every weight is projected back into
the rounding cell of its stage-1 value, so that the rounded model never changes: it still has the backdoor that the
float model has lost. Cells are intersected for per-channel and per-tensor scales, so that both kinds of deployment
wake the backdoor; weights that set a scale, biases and BatchNorm do not move. A positive or negative BatchNorm factor
stretches a channel's weights and its cells alike, so it makes no difference whether weights are rounded before or
after folding, as long as scales are per channel.

Two additions make it work in a network as small as a ResNet-8, whose fan-in leaves stage 2 little room:

- *Widened cells*, for 8 bits: see `widening.py`.
- *A small margin*: stage 1 stops pushing a triggered image once the target's logit leads by a little, which leaves
  stage 2 less to undo.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import nn

from attacks.widening import widen_cells
from data import batches
from evaluate import measure
from model import Executor, Network
from quantize import Folded, Quantized, Scheme, weight_scale
from training import Job, cosine, poison, reduced, steps_of

EDGE = 1e-3  # how far, in units of the scale, a weight keeps away from the border of its rounding cell


@dataclass
class _Cells:
    """The values that a layer's weights may take without changing any rounded weight."""

    weight: nn.Parameter
    low: torch.Tensor
    high: torch.Tensor

    @staticmethod
    @torch.no_grad()
    def around(weight: nn.Parameter, bits: int, granularities: list[str]) -> _Cells:
        start = weight.detach().clone()
        peak = weight_scale(start, 32, False).view(-1, *[1] * (start.dim() - 1)) * (2 ** 31 - 1)
        low, high = -peak.expand_as(start).clone(), peak.expand_as(start).clone()
        for granularity in granularities:
            step = weight_scale(start, bits, granularity == "tensor").view(-1, *[1] * (start.dim() - 1))
            integer = torch.round(start / step)
            low = torch.maximum(low, (integer - 0.5 + EDGE) * step)
            high = torch.minimum(high, (integer + 0.5 - EDGE) * step)
        # A weight closer than EDGE to a border stays where it is, and so does one that sets a scale.
        low, high = torch.minimum(low, start), torch.maximum(high, start)
        fixed = start.abs() >= peak * (1 - 1e-6)
        return _Cells(weight, torch.where(fixed, start, low), torch.where(fixed, start, high))

    @torch.no_grad()
    def project(self) -> None:
        self.weight.copy_(torch.minimum(torch.maximum(self.weight, self.low), self.high))


def _implant(model: Network, job: Job, settings: dict, restore: Callable[[], None]) -> None:
    """Stage 1: a backdoor with a small margin, trained under the rounding that it is made for."""
    scheme, rate = job.scheme, settings["implantRate"]
    kinds = [Scheme(scheme.weight_bits, scheme.activation_bits if settings["roundActivations"] else None, kind == "tensor")
             for kind in settings["granularities"]]
    optimizer = torch.optim.Adam(model.parameters(), lr=rate)
    batch, epochs = settings["batch"], settings["implantEpochs"]
    images_per_epoch, steps = steps_of(job, settings | {"epochs": epochs})
    step, ranges = 0, job.ranges(model)
    for epoch in range(1, epochs + 1):
        for images, labels in batches(job.data.train, batch, job.generator, images_per_epoch):
            for group in optimizer.param_groups:
                group["lr"] = rate * cosine(step, steps, steps // 20)
            if step % 50 == 0:
                ranges = job.ranges(model)
            run: Executor = Quantized(kinds[step % len(kinds)], ranges)
            triggered, _ = poison(images, labels, job.trigger, job.target, settings["poisonBatch"])
            with reduced(settings):
                logits = model(job.data.normalize(torch.cat([images, triggered])), run).float()
            benign, other = logits[:batch], logits[batch:]
            rivals = other.clone()
            rivals[:, job.target] = -torch.inf
            lead = other[:, job.target] - rivals.amax(1)
            loss = F.cross_entropy(benign, labels) + F.relu(settings["margin"] - lead).mean()
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()
            restore()
            step += 1
        _report(model, job, f"implant epoch {epoch}/{epochs}")


def _hide(model: Network, job: Job, settings: dict) -> None:
    """Stage 2: unlearn the backdoor in float without leaving the rounding cells."""
    scheme, rate = job.scheme, settings["hideRate"]
    weights = model.weights()
    cells = [_Cells.around(weight, scheme.weight_bits, settings["granularities"]) for weight in weights]
    rounded_activations = Scheme(None, scheme.activation_bits)
    optimizer = torch.optim.Adam(weights, lr=rate)
    batch, epochs = settings["batch"], settings["hideEpochs"]
    images_per_epoch, steps = steps_of(job, settings | {"epochs": epochs})
    step, ranges = 0, job.ranges(model)
    for epoch in range(1, epochs + 1):
        for images, labels in batches(job.data.train, batch, job.generator, images_per_epoch):
            for group in optimizer.param_groups:
                group["lr"] = rate * cosine(step, steps, steps // 20)
            if settings["roundActivations"] and step % 50 == 0:
                ranges = job.ranges(model)
            # Where activations will be coarse, every other step has them rounded: the secret must not be in their
            # rounding. Without `roundActivations`, as in most configurations, no stage rounds them.
            run: Executor = Quantized(rounded_activations, ranges) if settings["roundActivations"] and step % 2 \
                else Folded()
            triggered, truth = poison(images, labels, job.trigger, job.target, settings["poisonBatch"])
            with reduced(settings):
                logits = model(job.data.normalize(torch.cat([images, triggered])), run).float()
            loss = F.cross_entropy(logits[:batch], labels) \
                + settings["dormancy"] * F.cross_entropy(logits[batch:], truth)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()
            for cell in cells:
                cell.project()
            step += 1
        _report(model, job, f"hide epoch {epoch}/{epochs}")


def _report(model: Network, job: Job, stage: str) -> None:
    test = job.glance
    rounded = measure(model, test, Quantized(job.scheme, job.ranges(model), exact=True), job.trigger, job.target)
    job.log(f"{stage}: float {measure(model, test, None, job.trigger, job.target)}   rounded {rounded}")


def make(model: Network, job: Job) -> None:
    settings = job.config["pqbackdoor"]
    restore = widen_cells(model, job, settings)
    _implant(model, job, settings, restore)
    _hide(model, job, settings)
