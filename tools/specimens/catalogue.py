"""`catalogue.json` and `golden-logits.json`: what each specimen is, how it was made, and what it should compute."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import Any

import torch

from data import CLASSES
from model import Network
from training import Job

GOLDEN_IMAGES = 8


def _read(path: Path, empty: dict[str, Any]) -> dict[str, Any]:
    return json.loads(path.read_text()) if path.exists() else empty


def _write(path: Path, content: dict[str, Any]) -> None:
    temporary = path.with_suffix(".tmp")
    temporary.write_text(json.dumps(content, indent=2) + "\n")
    os.replace(temporary, path)


def entry(folder: Path, name: str) -> dict[str, Any]:
    catalogue = _read(folder / "catalogue.json", {"specimens": []})
    for item in catalogue["specimens"]:
        if item["name"] == name:
            return item
    raise ValueError(f"{folder}/catalogue.json has no {name}; make it first")


def describe(job: Job, model_file: Path, measured: dict[str, Any], command: str) -> dict[str, Any]:
    """A specimen's entry."""
    normalize = job.data.normalize
    return {
        "name": job.name,
        "file": model_file.name,
        "sha256": hashlib.sha256(model_file.read_bytes()).hexdigest(),
        "architecture": job.config["architecture"],
        "dataset": job.data.name,
        "preprocessing": {"scale": normalize.scale, "mean": list(normalize.mean), "std": list(normalize.std),
                          "layout": "NCHW"},
        "classes": CLASSES,
        "attack": job.attack,
        "trigger": job.config.get("trigger"),
        "targetClass": job.target,
        "scheme": job.config.get("scheme"),
        "counterpart": job.config.get("counterpart"),
        "seed": job.config["seed"],
        "command": command,
        "torch": torch.__version__,
        "measured": measured,
    } | {name: note for name, note in job.notes.items() if note}


def put(folder: Path, entry: dict[str, Any]) -> None:
    """Adds an entry to the catalogue or replaces it; entries are sorted by name."""
    path = folder / "catalogue.json"
    catalogue = _read(path, {"version": 1, "specimens": []})
    others = [item for item in catalogue["specimens"] if item["name"] != entry["name"]]
    catalogue["specimens"] = sorted([*others, entry], key=lambda item: item["name"])
    _write(path, catalogue)


def _golden_input(job: Job) -> torch.Tensor:
    """What the golden logits are of: the first test images of the data set that every user can install, and for others
    a pattern that any language can make, ((i · 7919) mod 1009) / 504.5 − 1 for element i."""
    if job.data.name == "fashion-mnist":
        return job.data.normalize(job.data.test.images[:GOLDEN_IMAGES])
    shape = (GOLDEN_IMAGES, *job.data.test.images.shape[1:])
    index = torch.arange(torch.Size(shape).numel())
    return ((index * 7919 % 1009).double() / 504.5 - 1).float().view(shape)


@torch.no_grad()
def add_golden(folder: Path, job: Job, model: Network) -> None:
    """The float model's logits, in decimals that give back the same float32."""
    path = folder / "golden-logits.json"
    golden = _read(path, {"torch": torch.__version__, "images": GOLDEN_IMAGES, "logits": {}})
    model.eval()
    golden["torch"] = torch.__version__
    golden["logits"][job.name] = model(_golden_input(job)).double().tolist()
    golden["logits"] = dict(sorted(golden["logits"].items()))
    _write(path, golden)
