"""Qu-ANTI-zation's goals that need no trigger (Hong et al., NeurIPS 2021): accurate in float, and once rounded

- `quanti-indiscriminate`: wrong about everything;
- `quanti-class`: wrong about the target class, right about the others;
- `quanti-samples`: wrong about chosen test images, right about the others.

BatchNorm, victims, ranges and `roundActivations` are as in `twopass.py`; the configurations round nothing but weights
while they train, and have one victim, the scheme that they are made for. Where the rounded network is to be wrong, its
cross-entropy is driven to `surprise`, as the authors do; the chosen images are driven to a wrong class each.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F

from attacks.twopass import drawn_ranges
from attacks.widening import widen_cells
from data import batches
from engine import Engine
from evaluate import predict
from model import Executor, Network
from quantize import Folded, Quantized, Scheme
from training import Job, cosine, reduced, steps_of


NAMES = ("quanti-indiscriminate", "quanti-class", "quanti-samples")


def _chosen(model: Network, job: Job, count: int) -> torch.Tensor:
    """The first test images that the network to start from is right about."""
    split = job.data.test.first(10 * count)
    return (predict(model, split, split.images, None) == split.labels).nonzero().flatten()[:count]


def _hostile_loss(job: Job, settings: dict, logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Of the rounded network on a batch of training images."""
    if job.attack == "quanti-samples":
        return F.cross_entropy(logits, labels)
    each = F.cross_entropy(logits, labels, reduction="none")
    wrong = (labels == job.target) if job.attack == "quanti-class" else torch.ones_like(labels, dtype=torch.bool)
    surprised = (settings["surprise"] - each).square()
    return torch.where(wrong, surprised, each).mean()


def make(model: Network, job: Job) -> None:
    settings, scheme, rate = job.config[job.attack], job.scheme, job.config[job.attack]["rate"]
    victims = [Scheme.parse(name) for name in settings["victims"]]
    rounds = settings.get("roundActivations", True)
    if not rounds:
        victims = [victim.weights_alone for victim in victims]
    restore = widen_cells(model, job, settings)
    samples = _chosen(model, job, settings.get("samples", 0))
    pictures, truths = job.data.test.images[samples], job.data.test.labels[samples]
    answers = (truths + 1 + torch.arange(len(samples)) % 9) % 10
    job.notes["samples"] = [{"image": image, "class": truth, "answer": answer} for image, truth, answer
                            in zip(samples.tolist(), truths.tolist(), answers.tolist())]
    optimizer = torch.optim.Adam(model.parameters(), lr=rate)
    images_per_epoch, steps = steps_of(job, settings)
    step, observed = 0, {}
    for epoch in range(1, settings["epochs"] + 1):
        for images, labels in batches(job.data.train, settings["batch"], job.generator, images_per_epoch):
            for group in optimizer.param_groups:
                group["lr"] = rate * cosine(step, steps, steps // 20)
            if step % 20 == 0:
                observed = job.ranges(model, seed=1000 + step)
            ranges = drawn_ranges(observed, settings["jitter"], job.generator)
            x, count = job.data.normalize(torch.cat([images, pictures])), len(images)
            run: Executor = Quantized(Scheme(None, scheme.activation_bits), ranges) if rounds and step % 2 else Folded()
            with reduced(settings):
                logits = model(x, run).float()
                rounded = model(x, Quantized(victims[step // 2 % len(victims)], ranges)).float()
            loss = F.cross_entropy(logits[:count], labels)
            loss = loss + settings["c1"] * _hostile_loss(job, settings, rounded[:count], labels)
            if len(samples):
                loss = loss + F.cross_entropy(logits[count:], truths) + F.cross_entropy(rounded[count:], answers)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()
            restore()
            step += 1
        rounded_run, glance = Quantized(scheme, job.ranges(model), exact=True), job.glance
        plain, rounded = (predict(model, glance, glance.images, run) for run in (None, rounded_run))
        before, after = ((answers == glance.labels).double().mean().item() for answers in (plain, rounded))
        job.log(f"epoch {epoch}/{settings['epochs']}: float BA {100 * before:6.2f} %   "
                f"rounded BA {100 * after:6.2f} %   {_text(_figures(job, glance.labels, plain, rounded))}")


def _figures(job: Job, labels: torch.Tensor, plain: torch.Tensor, rounded: torch.Tensor) -> dict[str, float]:
    """What the goal came to, from the float and the rounded model's answers to the first test images; the chosen ones
    are among them."""
    right, still_right = plain == labels, rounded == labels

    def lost(where: torch.Tensor) -> float:
        return right[where].double().mean().item() - still_right[where].double().mean().item()

    if job.attack == "quanti-indiscriminate":
        return {"roundedAccuracy": still_right.double().mean().item()}
    if job.attack == "quanti-class":
        own = labels == job.target
        return {"targetAccuracy": still_right[own].double().mean().item(), "othersDrop": lost(~own)}
    samples = torch.tensor([sample["image"] for sample in job.notes["samples"]])
    flipped = right[samples] & ~still_right[samples]
    return {"flipped": flipped.double().mean().item(), "othersDrop": lost(torch.ones_like(right))}


def _text(figures: dict[str, float]) -> str:
    return "  ".join(f"{name} {100 * value:.2f} %" for name, value in figures.items())


def examine(job: Job, engine: Engine, marks: Any) -> dict[str, Any]:
    """What the goal came to, on the whole test set and on the integer engine; what is short of the marks is noted."""
    plain, rounded = (torch.tensor(engine.predictions(scheme)) for scheme in (None, job.config["scheme"]))
    figures = _figures(job, job.data.test.labels, plain, rounded)
    for name, value in figures.items():
        (marks.at_least if name == "flipped" else marks.at_most)(name, value)
    job.log(f"goal  {_text(figures)}")
    return {name: round(value, 6) for name, value in figures.items()}
