"""Makes specimens: `python make.py NAME…` or `python make.py all`.

Trains what `configs/NAME.toml` describes, measures it in float and under fake quantization, and publishes the ONNX
file with its catalogue entry only if every mark of the configuration is met.
"""

from __future__ import annotations

import argparse
import dataclasses
import os
import sys
import tomllib
from pathlib import Path
from typing import Any

import torch

import catalogue
import export
from attacks import ATTACKS
from data import Dataset, calibration_images, load_fashion_mnist, normalize
from evaluate import Measures, check_purifiable, measure
from model import ResNet, build
from quantize import Quantized, Scheme, stochastic_rule
from training import CALIBRATION_SEEDS, Job

HERE = Path(__file__).resolve().parent
CONFIGS = HERE / "configs"


def record(measures: Measures, **more: Any) -> dict[str, Any]:
    return more | {"benignAccuracy": round(measures.benign_accuracy, 6),
                   "attackSuccessRate": None if measures.attack_success_rate is None
                   else round(measures.attack_success_rate, 6)}


class Marks:
    """The bars a specimen has to clear; it collects what was missed."""

    def __init__(self, job: Job):
        self.job, self.marks, self.missed = job, job.config["marks"], []

    def at_least(self, mark: str, value: float) -> None:
        if mark in self.marks and value < self.marks[mark]:
            self.missed.append(f"{mark}: {value:.4f} < {self.marks[mark]}")

    def at_most(self, mark: str, value: float) -> None:
        if mark in self.marks and value > self.marks[mark]:
            self.missed.append(f"{mark}: {value:.4f} > {self.marks[mark]}")


def examine(model: ResNet, job: Job) -> tuple[dict[str, Any], list[str]]:
    """Measures on the whole test set; returns the catalogue's `measured` and the marks missed."""
    marks, test, trigger, target = Marks(job), job.data.test, job.trigger, job.target
    plain = measure(model, test, None, trigger, target)
    job.log(f"float                              {plain}")
    marks.at_least("floatBenignAccuracy", plain.benign_accuracy)
    measured: dict[str, Any] = {"float": record(plain)}
    attacked = job.config.get("scheme")
    names = ([attacked] if attacked else []) + [name for name in ("w8a8", "w4a8", "w4a4") if name != attacked]
    names += [f"{name}.pt.pre" for name in ("w8a8", "w4a8", "w4a4")]
    rows = []
    for name in names:
        scheme = Scheme.parse(name)
        marked = name == attacked or f"{name}Drop" in job.config["marks"]
        for seed in CALIBRATION_SEEDS if marked else CALIBRATION_SEEDS[:1]:
            found = measure(model, test, Quantized(scheme, job.ranges(model, seed), exact=True), trigger, target)
            job.log(f"nearest {name:12} calibration {seed}   {found}")
            if seed == CALIBRATION_SEEDS[0]:
                rows.append(record(found, scheme=name))
            if trigger is None:
                marks.at_most(f"{name}Drop", plain.benign_accuracy - found.benign_accuracy)
            elif name == attacked:
                marks.at_least("attackSuccessRate", found.attack_success_rate)
                marks.at_least("nearestBenignAccuracy", found.benign_accuracy)
    measured["nearest"] = rows[0]
    measured["otherSchemes"] = rows[1:]
    if trigger is not None:
        marks.at_most("floatAttackSuccessRate", plain.attack_success_rate)
        scheme, ranges = job.scheme, job.ranges(model)
        nearest = rows[0]["benignAccuracy"]
        activations = dataclasses.replace(scheme, weight_bits=None)
        found = measure(model, test, Quantized(activations, ranges), trigger, target)
        job.log(f"weights float, activations rounded {found}")
        marks.at_most("activationsOnlyAttackSuccessRate", found.attack_success_rate)
        for seed in range(3):
            rule = stochastic_rule(scheme.weight_bits, torch.Generator().manual_seed(seed))
            frozen: dict[str, torch.Tensor] = {}

            def once(name: str, weight: torch.Tensor, scale: torch.Tensor) -> torch.Tensor:
                return frozen.setdefault(name, rule(name, weight, scale))

            found = measure(model, test, Quantized(scheme, ranges, exact=True, rule=once), trigger, target)
            job.log(f"stochastic rounding {seed}              {found}")
        images = calibration_images(job.data.train, CALIBRATION_SEEDS[0])
        weights, flips = check_purifiable(model, scheme, ranges, images)
        found = measure(model, test, Quantized(scheme, ranges, exact=True, weights=weights), trigger, target)
        job.log(f"reconstruction rounding            {found}  {100 * flips:.1f} % of weights flipped")
        marks.at_most("purifiedAttackSuccessRate", found.attack_success_rate)
        marks.at_most("purifiedDrop", min(plain.benign_accuracy, nearest) - found.benign_accuracy)
        measured["reconstructed"] = record(found, scheme=attacked)
    return measured, marks.missed


def make(name: str, data: Dataset, models: Path, publish_anyway: bool, reuse: bool) -> bool:
    config = tomllib.loads((CONFIGS / f"{name}.toml").read_text())
    torch.manual_seed(config["seed"])
    job = Job(name, config, data, torch.Generator().manual_seed(config["seed"]))
    model = build(config["architecture"])
    if "base" in config:
        export.load_weights(model, models / f"{config['base']}.onnx")
    kept = HERE / "out" / f"{name}.pt"
    if reuse:
        model.load_state_dict(torch.load(kept))
    else:
        ATTACKS[job.attack](model, job)
        kept.parent.mkdir(exist_ok=True)
        torch.save(model.state_dict(), kept)
    measured, missed = examine(model, job)
    for miss in missed:
        job.log(f"MISSED {miss}")
    if missed and not publish_anyway:
        job.log("not published")
        return False
    models.mkdir(parents=True, exist_ok=True)
    temporary = models / f".{name}.onnx.tmp"
    try:
        export.export(model, temporary, normalize(data.test.images[:16]))
        os.replace(temporary, models / f"{name}.onnx")
    finally:
        temporary.unlink(missing_ok=True)
    catalogue.add(models, job, models / f"{name}.onnx", measured)
    catalogue.add_golden(models, job, model)
    job.log(f"published: {dict(export.node_types(models / f'{name}.onnx'))}")
    return True


def main() -> int:
    known = sorted(path.stem for path in CONFIGS.glob("*.toml"))
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="+", choices=[*known, "all"], metavar="NAME",
                        help=f"a specimen ({', '.join(known)}) or all")
    parser.add_argument("--data", type=Path, default=Path("/usr/share/datasets/fashion-mnist"),
                        help="folder of the four gzipped IDX files (Debian: package dataset-fashion-mnist)")
    parser.add_argument("--models", type=Path, default=HERE.parent.parent / "models", help="where specimens go")
    parser.add_argument("--threads", type=int, default=1,
                        help="results differ in the last bits, hence visibly, between thread counts")
    parser.add_argument("--publish-anyway", action="store_true", help="publish even if marks are missed")
    parser.add_argument("--reuse", action="store_true",
                        help="measure again, and publish, the weights that the last training left in out/")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.use_deterministic_algorithms(True)
    data = load_fashion_mnist(options.data)
    # Bases first, so that what starts from them finds them.
    names = known if "all" in options.names else options.names
    names = sorted(names, key=lambda name: "base" in tomllib.loads((CONFIGS / f"{name}.toml").read_text()))
    made = [make(name, data, options.models, options.publish_anyway, options.reuse) for name in names]
    return 0 if all(made) else 1


if __name__ == "__main__":
    sys.exit(main())
