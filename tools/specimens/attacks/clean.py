"""No attack: an honest network, the control of every experiment."""

from __future__ import annotations

from model import ResNet
from training import Job, train_clean


def make(model: ResNet, job: Job) -> None:
    settings = job.config["clean"]
    train_clean(model, job, settings["epochs"], settings["batch"], settings["rate"], settings["decay"])
