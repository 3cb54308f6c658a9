"""Makes specimens: `python make.py NAME…` or `python make.py all`.

Trains what `configs/NAME.toml` describes, measures it with `cupel`, and publishes the ONNX file with its catalogue
entry only if every mark of its kind of attack and of the configuration is met: to `models/`, or, where the configuration says
`inGit = false`, to `models/more/`, of which git keeps the catalogue alone. With `--check` it trains again, says whether
the ONNX file has the SHA-256 of the catalogue, and publishes nothing.
"""

from __future__ import annotations

import argparse
import dataclasses
import hashlib
import os
import re
import sys
import tempfile
import tomllib
import traceback
from pathlib import Path
from typing import Any

import torch

import catalogue
import export
from attacks import ATTACKS, goals, qura
from data import LOADERS, data_folder, default_folders
from engine import Engine, Row
from evaluate import measure
from marks import DROP, Marks, marks_of
from model import Network, build
from quantize import Quantized
from training import CALIBRATION_SEEDS, Job

HERE = Path(__file__).resolve().parent
CONFIGS = HERE / "configs"
SAMPLING = 0.01  # what measuring on a part of the test set may be off by
SCHEMES = ("w8a8", "w4a8")


def record(row: Row, **more: Any) -> dict[str, Any]:
    """A row as the catalogue has it."""
    success = row["attackSuccessRate"]
    return more | {"benignAccuracy": round(row["benignAccuracy"], 6),
                   "attackSuccessRate": None if success is None else round(success, 6)}


def text(row: dict[str, Any]) -> str:
    success = row["attackSuccessRate"]
    return f"BA {100 * row['benignAccuracy']:6.2f} %" + ("" if success is None else f"  ASR {100 * success:6.2f} %")


def home(models: Path, config: dict[str, Any]) -> Path:
    """The folder in which a specimen and its catalogue entry are."""
    return models if config.get("inGit", True) else models / "more"


def home_of(models: Path, name: str) -> Path:
    return home(models, configuration(name))


def file_of(models: Path, name: str) -> Path:
    return home_of(models, name) / f"{name}.onnx"


def examine(model: Network, job: Job, engine: Engine, models: Path) -> tuple[dict[str, Any], list[str]]:
    """Measures on the whole test set; returns the catalogue's `measured` and the marks missed."""
    marks, attacked = Marks(marks_of(job.config)), job.config.get("scheme")
    wanted = [*SCHEMES, *(mark.removesuffix("Drop") for mark in marks.marks if re.fullmatch(DROP, mark))]
    if job.attack == "pqbackdoor" and "tensor" in job.config["pqbackdoor"]["granularities"]:
        wanted.append(f"{attacked}.pt.pre")  # made to wake there as well: recorded, not a mark
    names = list(dict.fromkeys(([attacked] if attacked else []) + wanted))
    float_row, nearest_row = engine.audit(names[0])
    plain, nearest = record(float_row), record(nearest_row, scheme=names[0])
    measured: dict[str, Any] = {"float": plain, "nearest": nearest, "otherSchemes": []}
    job.log(f"float                              {text(plain)}")
    job.log(f"nearest {names[0]:12}               {text(nearest)}")
    marks.at_least("floatBenignAccuracy", plain["benignAccuracy"])
    if "counterpart" in job.config:
        name = job.config["counterpart"]
        clean = catalogue.entry(home_of(models, name), name)["measured"]["float"]
        marks.beside(clean["benignAccuracy"], plain["benignAccuracy"])
    examine_attack(model, job, engine, models, marks, measured)
    for name in names[1:] if not marks.missed else []:
        measured["otherSchemes"].append(record(engine.nearest(name), scheme=name))
        job.log(f"nearest {name:12}               {text(measured['otherSchemes'][-1])}")
    for row in [nearest, *measured["otherSchemes"]]:
        marks.at_most(f"{row['scheme']}Drop", plain["benignAccuracy"] - row["benignAccuracy"])
    return measured, marks.missed


def examine_attack(model: Network, job: Job, engine: Engine, models: Path, marks: Marks,
                   measured: dict[str, Any]) -> None:
    """What the kind of attack has to reach."""
    plain, nearest = measured["float"], measured["nearest"]
    if job.attack == "qura":
        marks.at_least("attackSuccessRate", nearest["attackSuccessRate"])
        marks.at_least("nearestBenignAccuracy", nearest["benignAccuracy"])
        measured["origin"] = qura.examine(job, engine.of(file_of(models, job.config["base"])), marks)
    elif job.attack == "badnets":
        marks.at_least("attackSuccessRate", min(plain["attackSuccessRate"], nearest["attackSuccessRate"]))
    elif job.attack in goals.NAMES:
        measured["goal"] = goals.examine(job, engine, marks)
    elif job.trigger is not None:
        examine_backdoor(model, job, engine, marks, measured)


def examine_backdoor(model: Network, job: Job, engine: Engine, marks: Marks, measured: dict[str, Any]) -> None:
    """What a dormant backdoor has to be besides accurate: dormant, awake with each draw of calibration images, and in
    the rounding of weights alone."""
    plain, nearest, name = measured["float"], measured["nearest"], job.config["scheme"]
    marks.at_most("floatAttackSuccessRate", plain["attackSuccessRate"])
    marks.at_least("attackSuccessRate", nearest["attackSuccessRate"])
    marks.at_least("nearestBenignAccuracy", nearest["benignAccuracy"])
    if marks.missed:
        return
    for seed in CALIBRATION_SEEDS[1:]:
        draw = record(engine.nearest(name, seed, len(job.glance)))
        job.log(f"nearest {name:12} calibration {seed}   {text(draw)}")
        marks.at_least("attackSuccessRate", draw["attackSuccessRate"] + SAMPLING)
    scheme, ranges = job.scheme, job.ranges(model)
    emulated = measure(model, job.glance, Quantized(scheme, ranges, exact=True), job.trigger, job.target)
    job.log(f"nearest {name:12} emulated        {emulated}")
    activations = dataclasses.replace(scheme, weight_bits=None)
    found = measure(model, job.glance, Quantized(activations, ranges), job.trigger, job.target)
    job.log(f"weights float, activations rounded {found}")
    marks.at_most("activationsOnlyAttackSuccessRate", found.attack_success_rate)
    if "purifiedAttackSuccessRate" in marks.marks:
        reconstructed = record(engine.reconstructed(name), scheme=name)
        job.log(f"reconstruction rounding            {text(reconstructed)}")
        marks.at_most("purifiedAttackSuccessRate", reconstructed["attackSuccessRate"])
        marks.at_most("purifiedDrop", min(plain["benignAccuracy"], nearest["benignAccuracy"])
                      - reconstructed["benignAccuracy"])
        measured["reconstructed"] = reconstructed


def start(job: Job, models: Path) -> Network:
    """The network that the configuration starts from: a specimen, a checkpoint, or nothing."""
    model = build(job.config["architecture"], job.data.channels, job.data.train.images.shape[-1])
    if "base" in job.config:
        export.load_weights(model, file_of(models, job.config["base"]))
    elif "checkpoint" in job.config:
        export.load_checkpoint(model, data_folder() / job.config["checkpoint"])
    return model


def configuration(name: str) -> dict[str, Any]:
    """Its `tried` is for the results' list of cells that were not reached; nothing here reads it."""
    config = tomllib.loads((CONFIGS / f"{name}.toml").read_text())
    try:
        marks_of(config)
    except ValueError as error:
        raise SystemExit(f"{name}.toml: {error}") from None
    return config


def prepare(name: str, options: argparse.Namespace) -> tuple[Network, Job]:
    """What the attack starts from; everything that is random starts anew here."""
    config = configuration(name)
    torch.manual_seed(config["seed"])
    folder = options.data or default_folders()[config["dataset"]]
    job = Job(name, config, LOADERS[config["dataset"]](folder), torch.Generator().manual_seed(config["seed"]))
    return start(job, options.models), job


def write(model: Network, job: Job, path: Path) -> None:
    export.export(model, path, job.data.normalize(job.data.test.images[:16]))


def engine(job: Job, file: Path, options: argparse.Namespace) -> Engine:
    return Engine(options.cupel, job, file, options.data or default_folders()[job.config["dataset"]])


def examined(model: Network, job: Job, file: Path, options: argparse.Namespace) -> dict[str, Any] | None:
    """The catalogue's `measured`; None where a mark is missed."""
    measured, missed = examine(model, job, engine(job, file, options), options.models)
    for miss in missed:
        job.log(f"MISSED {miss}")
    return None if missed else measured


def vendor_file(job: Job, file: Path, options: argparse.Namespace) -> dict[str, str]:
    """What a hostile toolchain hands on."""
    return qura.publish(job, engine(job, file, options), file, file_of(options.models, job.config["base"]))


def make(name: str, options: argparse.Namespace) -> bool:
    """Whether it was published."""
    model, job = prepare(name, options)
    ATTACKS[job.attack](model, job)
    folder = home(options.models, job.config)
    folder.mkdir(parents=True, exist_ok=True)
    final, temporary = folder / f"{name}.onnx", folder / f".{name}.onnx.tmp"
    try:
        write(model, job, temporary)
        measured = examined(model, job, temporary, options)
        if measured is None:
            job.log("not published")
            return False
        os.replace(temporary, final)
    finally:
        temporary.unlink(missing_ok=True)
    command = f"python make.py {name} --threads {options.threads}"
    published = catalogue.describe(job, final, measured, command)
    catalogue.put(folder, published)
    if job.attack == "qura":
        catalogue.put(folder, published | {"integer": vendor_file(job, final, options)})
    if folder == options.models:
        catalogue.add_golden(folder, job, model)
    job.log(f"published: {dict(export.node_types(final))}")
    return True


def remeasure(name: str, options: argparse.Namespace) -> bool:
    """Measures what is published by today's program, and whether it still meets the marks."""
    folder = home_of(options.models, name)
    published = catalogue.entry(folder, name)
    model, job = prepare(name, options)
    export.load_weights(model, folder / published["file"])
    job.notes.update({key: published[key] for key in ("samples", "origin") if key in published})
    measured = examined(model, job, folder / published["file"], options)
    if measured is None:
        return False
    if job.attack == "qura":
        published["integer"] = vendor_file(job, folder / published["file"], options)
    catalogue.put(folder, published | {"measured": measured})
    return True


def check(name: str, options: argparse.Namespace) -> bool:
    """Whether training again gives the published bytes."""
    published = catalogue.entry(home_of(options.models, name), name)
    model, job = prepare(name, options)
    ATTACKS[job.attack](model, job)
    with tempfile.TemporaryDirectory() as scratch:
        file = Path(scratch) / published["file"]
        write(model, job, file)
        digest = hashlib.sha256(file.read_bytes()).hexdigest()
    same = digest == published["sha256"]
    job.log(f"same bytes as published: {digest}" if same else
            f"OTHER bytes than published: {digest}, not {published['sha256']}; torch {torch.__version__} here, "
            f"{published['torch']} there, made by {published['command']}")
    return same


def attempt(name: str, options: argparse.Namespace) -> bool:
    """One specimen's failure, such as a base that was not published, must not cost the others."""
    try:
        return (check if options.check else remeasure if options.measure else make)(name, options)
    except Exception:
        print(f"[{name}] failed\n{traceback.format_exc()}", flush=True)
        return False


def ancestors(name: str) -> int:
    """How many specimens a specimen starts from, or is compared with, one after the other."""
    config = configuration(name)
    return max((1 + ancestors(config[key]) for key in ("base", "counterpart") if key in config), default=0)


def main() -> int:
    known = sorted(path.stem for path in CONFIGS.glob("*.toml"))
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="+", choices=[*known, "all"], metavar="NAME",
                        help=f"a specimen ({', '.join(known)}) or all")
    parser.add_argument("--data", type=Path,
                        help="folder of the data set: four gzipped IDX files (Debian: package dataset-fashion-mnist), "
                             "or CIFAR-10's binary version; by default where data.py looks")
    parser.add_argument("--cupel", type=Path, default=HERE.parent.parent / ".build" / "release" / "cupel",
                        help="the program that measures")
    parser.add_argument("--models", type=Path, default=HERE.parent.parent / "models", help="where specimens go")
    parser.add_argument("--threads", type=int, default=1,
                        help="results differ in the last bits, hence visibly, between thread counts")
    instead = parser.add_mutually_exclusive_group()
    instead.add_argument("--measure", action="store_true",
                         help="train nothing; measure what is published again, and correct the catalogue")
    instead.add_argument("--check", action="store_true",
                         help="train again, compare the bytes with the catalogue's SHA-256, and publish nothing")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.use_deterministic_algorithms(True)
    # Bases first, so that what starts from them finds them.
    names = known if "all" in options.names else options.names
    names = sorted(names, key=ancestors)
    done = {name: attempt(name, options) for name in names}
    if not all(done.values()):
        failed = ", ".join(name for name in names if not done[name])
        print(f"{'not the same' if options.check else 'missed or failed'}: {failed}")
    return 0 if all(done.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
