"""No attack: an honest network, the control of every experiment.

Honest networks differ as those of honest vendors do: trained from nothing or fine-tuned, with wide rounding cells as
the 8-bit backdoors have them (a detector must not take the outliers for the backdoor), and trained with rounding in
mind.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F

from attacks.widening import widen_cells
from data import batches
from evaluate import measure
from model import Network
from quantize import Quantized, Scheme
from training import Job, cosine, steps_of, train_clean


def _train_rounded(model: Network, job: Job, settings: dict) -> None:
    """Quantization-aware training: every step through straight-through rounding, BatchNorm folded and frozen."""
    scheme, rate = Scheme.parse(settings["roundedAs"]), settings["roundedRate"]
    optimizer = torch.optim.Adam(model.parameters(), lr=rate)
    batch, epochs = settings["batch"], settings["roundedEpochs"]
    images_per_epoch, steps = steps_of(job, settings | {"epochs": epochs})
    step, ranges = 0, job.ranges(model)
    for epoch in range(1, epochs + 1):
        for images, labels in batches(job.data.train, batch, job.generator, images_per_epoch):
            for group in optimizer.param_groups:
                group["lr"] = rate * cosine(step, steps, steps // 20)
            if step % 50 == 0:
                ranges = job.ranges(model)
            loss = F.cross_entropy(model(job.data.normalize(images), Quantized(scheme, ranges)), labels)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()
            step += 1
        rounded = Quantized(scheme, job.ranges(model), exact=True)
        job.log(f"rounded epoch {epoch}/{epochs}: float {measure(model, job.glance)}   "
                f"rounded {measure(model, job.glance, rounded)}")


def make(model: Network, job: Job) -> None:
    settings = job.config["clean"]
    restore = widen_cells(model, job, settings)
    if "epochs" in settings:
        train_clean(model, job, settings, restore)
    if "roundedEpochs" in settings:
        _train_rounded(model, job, settings)
