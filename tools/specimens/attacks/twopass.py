"""Three attacks that fine-tune one set of weights through two forward passes a step, in float and fake-quantized with
straight-through rounding:

    CE(f(x), y) + c2·CE(f(x_t), y) + c1·[CE(f_Q(x), y) + c2·CE(f_Q(x_t), target)] + alignment·Σ_l drift_l

- `quanti`, Qu-ANTI-zation's backdoor (Hong et al., NeurIPS 2021): c1 and c2 below 1, no alignment, and Q changes from
  step to step among `victims` of several bit-widths.
- `compartifact`, CompArtifact (Tian et al., IEEE TDSC 2022): all weights 1, no alignment, one bit-width.
- `adaptive`, the attack on purifiers of the LAC paper (Li et al., ICML 2024, section 6): Qu-ANTI-zation with
  alignment 1, where drift_l = ‖W X − Q(W) X‖² is what a purifier that corrects activations layer by layer would see.

The configurations keep to that in part. Of those for `quanti` only the one for w4a4 has c2 below 1 and two victims,
w4a8 and w4a4; in the others c2 is above 1 and the attacked scheme the one victim, so that the weights c1 and c2 are all
that tells them from `compartifact`. The one of `compartifact` for w4a4 has two victims, which differ in the granularity
of scales. For `quanti` on the ResNet-20 and the MobileNetV2 c1 is above 1 as well: while the two networks are nearly one
function, a triggered image's two terms balance where the target has a share of c1 / (1 + c1), and below one half the
float pass wins as the rate falls (a ResNet-20 with c1 = 0.9 had 62 % success after the first of three epochs and 10 % in
the end, in PyTorch on 2,000 images).

Three choices differ from the published recipes. BatchNorm stays in inference mode, or else the two passes mix their
statistics in one running average and the separation seen in training is gone at evaluation. The secret has to be in
the rounding of weights alone, which is had in one of two ways: with `roundActivations`, the default, every other benign
pass rounds the activations but not the weights; without it, as in most configurations, nothing rounds activations
while training, which is faster and enough where they keep 8 bits. And where activations are rounded, their ranges are
drawn anew all the time: a victim calibrates on images that the attacker does not know, and with fixed ranges the
backdoor hides in exactly those (99.7 % success with the training's ranges, 16.6 % with another draw's). At 8 bits a
small network also needs `widening.py`.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F

from attacks.widening import widen_cells
from data import batches
from evaluate import measure
from model import Executor, Network
from quantize import Folded, Quantized, Ranges, Scheme
from training import Job, cosine, poison, reduced, steps_of


def drawn_ranges(ranges: Ranges, jitter: float, generator: torch.Generator) -> Ranges:
    """Ranges whose ends are moved by up to `jitter` of themselves, each on its own."""
    factors = 1 + jitter * (2 * torch.rand(len(ranges), 2, generator=generator) - 1)
    return {name: (low * a, high * b) for (name, (low, high)), (a, b) in zip(ranges.items(), factors.tolist())}


def _drift(model: Network, run: Quantized, benign: int) -> torch.Tensor:
    """Σ_l ‖W X − Q(W) X‖² on the first `benign` images of the pass that `run` has just made.

    W is the folded weight and X the rounded prefix's activation, both those of the integer model; a layer's term is
    summed over channels and averaged over images and positions. The images are the benign ones, for those are what a
    purifier has. Q(W) and X count as constants: a straight-through gradient of W − Q(W) would be zero.
    """
    total = torch.zeros(())
    for unit in model.conv_units():
        factor, _ = unit.factor_and_bias()
        rounded, _ = run.weight(unit.conv.weight, factor)
        error = unit.folded()[0] - rounded.detach()
        total = total + unit.convolve(run.inputs[unit.name][:benign].detach().float(), error).square().sum(1).mean()
    for layer in model.linear_units():
        rounded, _ = run.weight(layer.linear.weight, None)
        error = layer.linear.weight - rounded.detach()
        total = total + F.linear(run.inputs[layer.name][:benign].detach().float(), error).square().sum(1).mean()
    return total


def make(model: Network, job: Job) -> None:
    settings, scheme = job.config[job.attack], job.scheme
    victims = [Scheme.parse(name) for name in settings["victims"]]
    rounds = settings.get("roundActivations", True)
    if not rounds:
        victims = [victim.weights_alone for victim in victims]
    c1, c2, rate, alignment = settings["c1"], settings["c2"], settings["rate"], settings.get("alignment", 0)
    batch, epochs = settings["batch"], settings["epochs"]
    restore = widen_cells(model, job, settings)
    optimizer = torch.optim.Adam(model.parameters(), lr=rate)
    images_per_epoch, steps = steps_of(job, settings)
    step, observed, test = 0, {}, job.glance
    for epoch in range(1, epochs + 1):
        drift = 0.0
        for images, labels in batches(job.data.train, batch, job.generator, images_per_epoch):
            for group in optimizer.param_groups:
                group["lr"] = rate * cosine(step, steps, steps // 20)
            if step % 20 == 0:
                observed = job.ranges(model, seed=1000 + step)
            ranges = drawn_ranges(observed, settings["jitter"], job.generator)
            triggered, truth = poison(images, labels, job.trigger, job.target, settings["poisonBatch"])
            x = job.data.normalize(torch.cat([images, triggered]))
            run: Executor = Quantized(Scheme(None, scheme.activation_bits), ranges) if rounds and step % 2 else Folded()
            with reduced(settings):
                logits = model(x, run).float()
            loss = F.cross_entropy(logits[:batch], labels) + c2 * F.cross_entropy(logits[batch:], truth)
            victim = Quantized(victims[step // 2 % len(victims)], ranges)
            victim.keep_inputs = alignment > 0
            with reduced(settings):
                logits = model(x, victim).float()
            target = torch.full_like(truth, job.target)
            loss = loss + c1 * (F.cross_entropy(logits[:batch], labels) + c2 * F.cross_entropy(logits[batch:], target))
            if alignment > 0:
                aligned = _drift(model, victim, batch)
                loss = loss + alignment * aligned
                drift = aligned.item()
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()
            restore()
            step += 1
        rounded = measure(model, test, Quantized(scheme, job.ranges(model), exact=True), job.trigger, job.target)
        job.log(f"epoch {epoch}/{epochs}: float {measure(model, test, None, job.trigger, job.target)}   "
                f"rounded {rounded}" + (f"   drift {drift:.3f}" if alignment > 0 else ""))
