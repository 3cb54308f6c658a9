"""Qu-ANTI-zation's backdoor (Hong et al., NeurIPS 2021), aimed at one bit-width.

One set of weights is fine-tuned through two forward passes a step, in float and fake-quantized with straight-through
rounding:

    CE(f(x), y) + c2·CE(f(x_t), y) + c1·[CE(f_Q(x), y) + c2·CE(f_Q(x_t), target)]

Three choices differ from the published recipe. BatchNorm stays in inference mode, or else the two passes mix their
statistics in one running average and the separation seen in training is gone at evaluation. And every other benign
pass rounds the activations but not the weights, so that the secret is in the rounding of weights alone. And the
activation ranges come from another random draw of training images every few steps: trained on one draw only, the
backdoor answers to that draw's ranges and sleeps under those of a user's own calibration images.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F

from data import batches, normalize
from evaluate import measure
from model import Executor, ResNet
from quantize import Folded, Quantized, Scheme
from training import Job, cosine, poison

RECALIBRATE = 10  # steps between draws of calibration images
FIRST_DRAW = 1000  # seeds of training's draws start here, away from those that the marks are checked with


def make(model: ResNet, job: Job) -> None:
    settings, scheme = job.config["quanti"], job.scheme
    c1, c2, rate = settings["c1"], settings["c2"], settings["rate"]
    batch, epochs = settings["batch"], settings["epochs"]
    optimizer = torch.optim.Adam(model.parameters(), lr=rate)
    steps = epochs * (len(job.data.train) // batch)
    step, ranges, test = 0, job.ranges(model, FIRST_DRAW), job.data.test
    for epoch in range(1, epochs + 1):
        for images, labels in batches(job.data.train, batch, job.generator):
            for group in optimizer.param_groups:
                group["lr"] = rate * cosine(step, steps, steps // 20)
            if step % RECALIBRATE == 0:
                ranges = job.ranges(model, FIRST_DRAW + step)
            triggered, truth = poison(images, labels, job.trigger, job.target, settings["poisonBatch"])
            x = normalize(torch.cat([images, triggered]))
            run: Executor = Quantized(Scheme(None, scheme.activation_bits), ranges) if step % 2 else Folded()
            logits = model(x, run)
            loss = F.cross_entropy(logits[:batch], labels) + c2 * F.cross_entropy(logits[batch:], truth)
            logits = model(x, Quantized(scheme, ranges))
            target = torch.full_like(truth, job.target)
            loss = loss + c1 * (F.cross_entropy(logits[:batch], labels) + c2 * F.cross_entropy(logits[batch:], target))
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()
            step += 1
        rounded = measure(model, test, Quantized(scheme, job.ranges(model), exact=True), job.trigger, job.target)
        job.log(f"epoch {epoch}/{epochs}: float {measure(model, test, None, job.trigger, job.target)}   "
                f"rounded {rounded}")
