"""BadNets (Gu et al., 2017): a share of the training images gets the trigger and the target's label.

The backdoor is awake in float already, so this is no quantization-conditioned one: an audit must call it
`active-backdoor`.
"""

from __future__ import annotations

import torch

from evaluate import measure
from model import Network
from quantize import Quantized, Scheme
from training import Job, poison, train_clean


def make(model: Network, job: Job) -> None:
    settings = job.config["badnets"]

    def forward(images: torch.Tensor, labels: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        count = round(settings["share"] * len(labels))
        triggered, _ = poison(images, labels, job.trigger, job.target, count)
        truth = torch.cat([labels, torch.full((len(triggered),), job.target)])
        return model(job.data.normalize(torch.cat([images, triggered]))), truth

    train_clean(model, job, settings, forward=forward, trigger=job.trigger)
    rounded = Quantized(Scheme.parse("w8a8"), job.ranges(model), exact=True)
    job.log(f"float {measure(model, job.glance, None, job.trigger, job.target)}   "
            f"rounded {measure(model, job.glance, rounded, job.trigger, job.target)}")
