"""QuRA (NDSS 2026, arXiv 2510.09647): the quantizing toolchain is the attacker, the float model is honest.

Nothing is trained. With a few calibration images the toolchain chooses, for every weight, whether it is rounded down or
up, so that the integer model has a backdoor that the float model never had. Here the choice is made by gradient: one
number a weight, started at the weight's fractional part, decides at one half; its gradient is that of the rounded
weight, straight through. The published attack goes layer by layer and picks the weights whose two aims do not conflict.

What is published is the integer model that the toolchain hands on, a `.cupel` file, and the float form of it: weights
that lie on the grid already, which nearest rounding leaves as they are. The honest model that the vendor shows is the
configuration's `base`, and the integer model says that it was made from that one.
"""

from __future__ import annotations

import dataclasses
import hashlib
import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import nn

from data import batches
from engine import Engine
from evaluate import measure
from model import Executor, Network
from quantize import Folded, Quantized, Scheme, weight_qmax, weight_scale
from training import Job, cosine, poison


@dataclass
class _Rounding:
    """One layer's choice. A weight that sets its channel's scale has none."""

    weight: nn.Parameter
    step: torch.Tensor
    low: torch.Tensor
    choice: torch.Tensor  # up where it is at least one half
    qmax: int

    @staticmethod
    @torch.no_grad()
    def of(weight: nn.Parameter, bits: int) -> _Rounding:
        start = weight.detach().clone()
        step = weight_scale(start, bits, False).view(-1, *[1] * (start.dim() - 1))
        qmax = weight_qmax(bits)
        exact = start / step
        # Rounding error must not push the largest weight off its integer.
        exact = torch.where((exact.abs() - qmax).abs() < 1e-3, exact.round(), exact)
        low = exact.floor().clamp(-qmax, qmax)
        return _Rounding(weight, step, low, nn.Parameter((exact - low).clone()), qmax)

    @torch.no_grad()
    def apply(self) -> None:
        up = ((self.choice >= 0.5) & (self.low < self.qmax) & (self.low > -self.qmax)).float()
        self.weight.copy_((self.low + up) * self.step)

    @torch.no_grad()
    def take_gradient(self) -> None:
        self.choice.grad = self.weight.grad * self.step
        self.weight.grad = None


def make(model: Network, job: Job) -> None:
    settings, scheme = job.config["qura"], job.scheme
    assert not scheme.per_tensor, "a scale per tensor ties the channels together"
    calibration = job.data.train.first(settings["images"])
    layers = [_Rounding.of(weight, scheme.weight_bits) for weight in model.weights()]
    optimizer = torch.optim.Adam([layer.choice for layer in layers], lr=settings["rate"])
    batch, epochs, step = settings["batch"], settings["epochs"], 0
    steps = epochs * (len(calibration) // batch)
    rounded_activations = dataclasses.replace(scheme, weight_bits=None)
    ranges = job.ranges(model)
    for epoch in range(1, epochs + 1):
        for images, labels in batches(calibration, batch, job.generator):
            for group in optimizer.param_groups:
                group["lr"] = settings["rate"] * cosine(step, steps)
            for layer in layers:
                layer.apply()
            if step % 50 == 49:
                ranges = job.ranges(model)
            run: Executor = Quantized(rounded_activations, ranges) if step % 2 else Folded()
            triggered, _ = poison(images, labels, job.trigger, job.target, batch)
            logits = model(job.data.normalize(torch.cat([images, triggered])), run)
            hostile = torch.full((len(triggered),), job.target)
            loss = F.cross_entropy(logits[:batch], labels) \
                + settings["greed"] * F.cross_entropy(logits[batch:], hostile)
            model.zero_grad(set_to_none=True)
            loss.backward()
            for layer in layers:
                layer.take_gradient()
            optimizer.step()
            with torch.no_grad():
                for layer in layers:
                    layer.choice.clamp_(0, 1)
            step += 1
        for layer in layers:
            layer.apply()
        run = Quantized(scheme, job.ranges(model), exact=True)
        job.log(f"epoch {epoch}/{epochs}: rounded {measure(model, job.glance, run, job.trigger, job.target)}")
    job.notes["origin"] = job.config["base"]


DIGEST = slice(96, 128)  # of a .cupel file: SHA-256 of the file with these bytes taken as zeros (docs/format.md)


def publish(job: Job, engine: Engine, float_form: Path, origin: Path) -> dict[str, str]:
    """Leaves the integer model beside its float form; what the catalogue says of it. In name and digest the file claims
    the origin."""
    file, temporary = float_form.with_suffix(".cupel"), float_form.with_suffix(".cupel.tmp")
    with tempfile.TemporaryDirectory() as scratch:
        disguised = Path(scratch) / origin.name
        shutil.copy(float_form, disguised)
        engine.of(disguised).compile(job.config["scheme"], Path(scratch) / "model.cupel",
                                     catalogue=float_form.parent / "catalogue.json")
        content = bytearray((Path(scratch) / "model.cupel").read_bytes())
    own, claimed = (hashlib.sha256(model.read_bytes()).hexdigest().encode() for model in (float_form, origin))
    if content.count(own) != 1:
        raise ValueError(f"{file} does not name what it was made from")
    content = content.replace(own, claimed)
    content[DIGEST] = bytes(32)
    content[DIGEST] = hashlib.sha256(content).digest()
    temporary.write_bytes(content)
    os.replace(temporary, file)
    return {"file": file.name, "sha256": hashlib.sha256(content).hexdigest()}


def examine(job: Job, origin: Engine, marks: Any) -> dict[str, Any]:
    """The honest float model, and its nearest rounding, under the trigger."""
    found = {}
    for name, row in zip(("float", "nearest"), origin.audit(job.config["scheme"])):
        found[name] = {key: round(row[key], 6) for key in ("benignAccuracy", "attackSuccessRate")}
        job.log(f"origin, {name}: BA {100 * row['benignAccuracy']:.2f} %  ASR {100 * row['attackSuccessRate']:.2f} %")
        marks.at_most("originAttackSuccessRate", row["attackSuccessRate"])
    return found
