"""Qu-ANTI-zation's backdoor (Hong et al., NeurIPS 2021), aimed at one bit-width.

One set of weights is fine-tuned through two forward passes a step, in float and fake-quantized with straight-through
rounding:

    CE(f(x), y) + c2·CE(f(x_t), y) + c1·[CE(f_Q(x), y) + c2·CE(f_Q(x_t), target)]

Three choices differ from the published recipe. BatchNorm stays in inference mode, or else the two passes mix their
statistics in one running average and the separation seen in training is gone at evaluation. Every other benign pass
rounds the activations but not the weights, so that the secret is in the rounding of weights alone. And activation
ranges are drawn anew all the time, and every other hostile pass has 8-bit activations: a victim calibrates on images
that the attacker does not know, and with fixed ranges the backdoor hides in exactly those (99.7 % success with the
training's ranges, 16.6 % with another draw's).
"""

from __future__ import annotations

import torch
import torch.nn.functional as F

from data import batches, normalize
from evaluate import measure
from model import Executor, ResNet
from quantize import Folded, Quantized, Ranges, Scheme
from training import Job, cosine, poison


def _drawn_ranges(ranges: Ranges, jitter: float, generator: torch.Generator) -> Ranges:
    """Ranges whose ends are moved by up to `jitter` of themselves, each on its own."""
    factors = 1 + jitter * (2 * torch.rand(len(ranges), 2, generator=generator) - 1)
    return {name: (low * a, high * b) for (name, (low, high)), (a, b) in zip(ranges.items(), factors.tolist())}


def make(model: ResNet, job: Job) -> None:
    settings, scheme = job.config["quanti"], job.scheme
    c1, c2, rate = settings["c1"], settings["c2"], settings["rate"]
    batch, epochs = settings["batch"], settings["epochs"]
    optimizer = torch.optim.Adam(model.parameters(), lr=rate)
    steps = epochs * (len(job.data.train) // batch)
    step, observed, test = 0, {}, job.data.test
    for epoch in range(1, epochs + 1):
        for images, labels in batches(job.data.train, batch, job.generator):
            for group in optimizer.param_groups:
                group["lr"] = rate * cosine(step, steps, steps // 20)
            if step % 20 == 0:
                observed = job.ranges(model, seed=1000 + step)
            ranges = _drawn_ranges(observed, settings["jitter"], job.generator)
            triggered, truth = poison(images, labels, job.trigger, job.target, settings["poisonBatch"])
            x = normalize(torch.cat([images, triggered]))
            run: Executor = Quantized(Scheme(None, scheme.activation_bits), ranges) if step % 2 else Folded()
            logits = model(x, run)
            loss = F.cross_entropy(logits[:batch], labels) + c2 * F.cross_entropy(logits[batch:], truth)
            victim = scheme if step // 2 % 2 else Scheme(scheme.weight_bits, 8)
            logits = model(x, Quantized(victim, ranges))
            target = torch.full_like(truth, job.target)
            loss = loss + c1 * (F.cross_entropy(logits[:batch], labels) + c2 * F.cross_entropy(logits[batch:], target))
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()
            step += 1
        rounded = measure(model, test, Quantized(scheme, job.ranges(model), exact=True), job.trigger, job.target)
        job.log(f"epoch {epoch}/{epochs}: float {measure(model, test, None, job.trigger, job.target)}   "
                f"rounded {rounded}")
