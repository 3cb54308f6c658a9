"""Makes the detection set: `python detection.py`, after `detection.toml`.

Many cheap networks, dormant backdoors and honest ones in turn, on which the audit that knows no trigger is fitted and
tried. Every row is trained by the attacks of the specimens, measured by `cupel` over the whole test set, and written
to the folder with an entry in its `catalogue.json`. `index.json` lists every row with its kind, its group and whether
it met its marks; what did not lies in `rejected/` and is no part of the set. A row that is there is not made again.
"""

from __future__ import annotations

import argparse
import concurrent.futures
import dataclasses
import functools
import hashlib
import json
import multiprocessing
import os
import signal
import sys
import time
import tomllib
import traceback
from collections import Counter
from pathlib import Path
from typing import Any

import torch

import catalogue
import export
from attacks import ATTACKS, goals
from data import LOADERS, Dataset, Split, default_folders
from engine import Engine
from evaluate import measure
from make import record, text
from marks import Marks
from model import ARCHITECTURES, Network, build
from quantize import Quantized
from training import Job

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
IDENTITY = ("name", "kind", "recipe", "base", "counterpart", "group")  # of a row; the rest are settings
JOB_KEYS = ("architecture", "trigger", "targetClass", "scheme", "seed")
DEPLOYMENT = "w8a8"  # what rows without a scheme of their own are measured under

Row = dict[str, Any]


@dataclasses.dataclass(frozen=True)
class Plan:
    """`detection.toml`, checked: every row leads to a configuration as `make.py` has them."""

    dataset: str
    rows: dict[str, Row]
    configs: dict[str, dict[str, Any]]

    @staticmethod
    def read(path: Path, published: Path) -> Plan:
        content = tomllib.loads(path.read_text())
        names = [row["name"] for row in content["models"]]
        twice = [name for name, count in Counter(names).items() if count > 1]
        if twice:
            raise SystemExit(f"{path}: more than one row is called {', '.join(twice)}")
        rows: dict[str, Row] = {}
        for row in content["models"]:
            rows[row["name"]] = _inherit(row, rows, content["published"], published)
        return Plan(content["dataset"], rows, {name: _configure(row, content) for name, row in rows.items()})


def _inherit(row: Row, earlier: dict[str, Row], published: dict[str, str], folder: Path) -> Row:
    """A row with the architecture and group of its base, which must come before it."""
    base = row.get("base")
    if base is None:
        return row
    if base in earlier:
        known = {key: earlier[base][key] for key in ("architecture", "group")}
    elif base in published:
        known = {"architecture": catalogue.entry(folder, base)["architecture"], "group": published[base]}
    else:
        raise SystemExit(f"{row['name']}: its base {base} is neither an earlier row nor a published specimen")
    return {"counterpart": base} | row | known


def _configure(row: Row, content: dict[str, Any]) -> dict[str, Any]:
    recipe = content["recipes"][row["recipe"]]
    attack = recipe["attack"]
    section = "clean" if attack == "none" else attack
    own = {key: value for key, value in row.items() if key not in (*IDENTITY, *JOB_KEYS)}
    if attack in ("quanti", "compartifact", "adaptive", *goals.NAMES):
        own.setdefault("victims", [row["scheme"]])
    config = {"dataset": content["dataset"], "attack": attack, "marks": content["marks"][row["kind"]],
              section: recipe[section] | own}
    config |= {key: row[key] for key in (*JOB_KEYS, "counterpart") if key in row}
    if config["architecture"] not in ARCHITECTURES or attack not in ATTACKS:
        raise SystemExit(f"{row['name']}: unknown architecture or attack")
    job = Job(row["name"], config, None, torch.Generator())
    _ = job.trigger, job.scheme  # both are parsed here, so that a slip shows before hours of training
    return config


@dataclasses.dataclass(frozen=True)
class Workshop:
    """Where things are; what a worker process needs besides a row. Measured are the first `images` test images."""

    plan: Plan
    out: Path
    published: Path
    cupel: Path
    data: Path
    threads: int
    images: int

    def file(self, name: str) -> Path:
        """The network of a row that is made, or of a published specimen."""
        return (self.out if name in self.plan.rows else self.published) / f"{name}.onnx"

    def float_accuracy(self, name: str) -> float:
        folder = self.out if name in self.plan.rows else self.published
        return catalogue.entry(folder, name)["measured"]["float"]["benignAccuracy"]


@functools.cache
def _load(name: str, folder: Path) -> Dataset:
    return LOADERS[name](folder)


def _examine(model: Network, job: Job, row: Row, engine: Engine, shop: Workshop) -> tuple[dict[str, Any], list[str]]:
    """`measured` as the catalogue has it, and the marks missed: a shorter list than `make.py`'s."""
    marks, scheme = Marks(job.config["marks"]), job.config.get("scheme", DEPLOYMENT)
    float_row, nearest_row = engine.audit(scheme)
    plain, nearest = record(float_row), record(nearest_row, scheme=scheme)
    measured: dict[str, Any] = {"float": plain, "nearest": nearest, "otherSchemes": []}
    job.log(f"float {text(plain)}   {scheme} {text(nearest)}")
    marks.at_least("floatBenignAccuracy", plain["benignAccuracy"])
    if "counterpart" in row and "counterpartDrop" in marks.marks:
        marks.at_most("counterpartDrop", shop.float_accuracy(row["counterpart"]) - plain["benignAccuracy"])
    if row["kind"] == "clean":
        marks.at_most(f"{scheme}Drop", plain["benignAccuracy"] - nearest["benignAccuracy"])
    elif row["kind"] == "awake":
        marks.at_least("attackSuccessRate", min(plain["attackSuccessRate"], nearest["attackSuccessRate"]))
    elif row["kind"] == "degraded":
        measured["goal"] = goals.examine(job, engine, marks)
    else:
        marks.at_most("floatAttackSuccessRate", plain["attackSuccessRate"])
        marks.at_least("attackSuccessRate", nearest["attackSuccessRate"])
        marks.at_most("nearestDrop", plain["benignAccuracy"] - nearest["benignAccuracy"])
        activations = Quantized(dataclasses.replace(job.scheme, weight_bits=None), job.ranges(model))
        alone = measure(model, job.glance, activations, job.trigger, job.target)
        job.log(f"weights float, activations rounded {alone}")
        measured["activationsOnly"] = {"attackSuccessRate": round(alone.attack_success_rate, 6)}
        marks.at_most("activationsOnlyAttackSuccessRate", alone.attack_success_rate)
    return measured, marks.missed


class Glancing(Job):
    """A job whose log is content with a rough look."""

    @property
    def glance(self) -> Split:
        return self.data.test.first(800)


def make(name: str, shop: Workshop) -> tuple[dict[str, Any], Row]:
    """Trains and measures one row; returns its catalogue entry and its line of the index."""
    torch.set_num_threads(shop.threads)
    torch.use_deterministic_algorithms(True)
    row, config, started = shop.plan.rows[name], shop.plan.configs[name], time.monotonic()
    torch.manual_seed(config["seed"])
    data = _load(config["dataset"], shop.data)
    job = Glancing(name, config, data, torch.Generator().manual_seed(config["seed"]))
    model = build(config["architecture"], data.channels, data.train.images.shape[-1])
    if "base" in row:
        export.load_weights(model, shop.file(row["base"]))
    ATTACKS[job.attack](model, job)
    temporary = shop.out / f".{name}.onnx.tmp"
    try:
        export.export(model, temporary, data.normalize(data.test.images[:16]))
        measured, missed = _examine(model, job, row, Engine(shop.cupel, job, temporary, shop.data, shop.images), shop)
        final = shop.out / "rejected" / f"{name}.onnx" if missed else shop.file(name)
        final.parent.mkdir(parents=True, exist_ok=True)
        os.replace(temporary, final)
        if not missed:
            (shop.out / "rejected" / f"{name}.onnx").unlink(missing_ok=True)
    finally:
        temporary.unlink(missing_ok=True)
    entry = catalogue.describe(job, final, measured, f"python detection.py --only {name}")
    line = {
        "name": name, "kind": row["kind"], "status": "rejected" if missed else "accepted", "missed": missed,
        "file": str(final.relative_to(shop.out)), "sha256": entry["sha256"], "group": row["group"],
        "recipe": row["recipe"], "attack": job.attack, "architecture": config["architecture"],
        "scheme": config.get("scheme"), "trigger": config.get("trigger"), "targetClass": job.target,
        "base": row.get("base"), "seed": config["seed"], "settings": _settings(config), "images": shop.images, "measured": measured,
        "seconds": round(time.monotonic() - started),
    }
    return entry, line


def _settings(config: dict[str, Any]) -> dict[str, Any]:
    """What the attack was told."""
    return config["clean" if config["attack"] == "none" else config["attack"]]


class Index:
    """`index.json`: one line a row, in the plan's order."""

    def __init__(self, folder: Path, order: list[str]):
        self.path, self.order = folder / "index.json", order
        self.lines: dict[str, Row] = {}
        self.read()

    def read(self) -> None:
        content = json.loads(self.path.read_text()) if self.path.exists() else {"models": []}
        self.lines = {line["name"]: line for line in content["models"]}

    def holds(self, name: str) -> bool:
        """Whether a row has been made and its file is still the one that was measured."""
        if name not in self.lines:
            return False
        file = self.path.parent / self.lines[name]["file"]
        return file.exists() and hashlib.sha256(file.read_bytes()).hexdigest() == self.lines[name]["sha256"]

    def accepted(self, name: str) -> bool:
        return self.holds(name) and self.lines[name]["status"] == "accepted"

    def put(self, line: Row) -> None:
        self.read()  # another run may have added to it
        self.lines[line["name"]] = line
        place = {name: index for index, name in enumerate(self.order)}
        lines = sorted(self.lines.values(), key=lambda item: place.get(item["name"], len(place)))
        temporary = self.path.with_suffix(".tmp")
        temporary.write_text(json.dumps({"version": 1, "models": lines}, indent=2) + "\n")
        os.replace(temporary, self.path)


def make_all(names: list[str], shop: Workshop, index: Index, jobs: int) -> None:
    """Works through the rows in order; one that waits for its base is passed over until the base is there. A file
    `stop` in the folder lets what is running end and begins nothing more."""
    waiting, running = list(names), {}
    context = multiprocessing.get_context("spawn")
    with concurrent.futures.ProcessPoolExecutor(jobs, mp_context=context) as pool:
        while waiting or running:
            for name in list(waiting):
                if len(running) == jobs or (shop.out / "stop").exists():
                    break
                needs = {shop.plan.rows[name].get(key) for key in ("base", "counterpart")} & shop.plan.rows.keys()
                if all(index.accepted(need) for need in needs):
                    waiting.remove(name)
                    running[pool.submit(make, name, shop)] = name
            if not running:
                print(f"not begun, for want of a base or told to stop: {', '.join(waiting)}", flush=True)
                return
            done, _ = concurrent.futures.wait(running, return_when=concurrent.futures.FIRST_COMPLETED)
            for future in done:
                _finish(running.pop(future), future, shop, index)


def _finish(name: str, future: concurrent.futures.Future, shop: Workshop, index: Index) -> None:
    try:
        entry, line = future.result()
    except Exception:  # one row's failure must not cost the others
        print(f"{name}: failed\n{traceback.format_exc()}", flush=True)
        return
    if line["status"] == "accepted":
        catalogue.put(shop.out, entry)
    index.put(line)
    measured = line["measured"]
    print(f"{time.strftime('%H:%M:%S')} {line['status']:8} {name:32} {line['seconds']:4} s  "
          f"float {text(measured['float'])}  {measured['nearest']['scheme']} {text(measured['nearest'])}"
          + "".join(f"  MISSED {miss}" for miss in line["missed"]), flush=True)


def show(plan: Plan, index: Index) -> None:
    """The plan as a table, with how far it is."""
    for name, row in plan.rows.items():
        status = index.lines[name]["status"] if index.holds(name) else "-"
        target = row.get("targetClass")
        print(f"{name:32} {row['kind']:9} {row['group']}  {row['architecture']:14} {row['recipe']:18} "
              f"{row.get('scheme', ''):5} {row.get('trigger', ''):34} {'' if target is None else target:<2} {status}")
    counts = Counter(row["kind"] for row in plan.rows.values())
    accepted = Counter(row["kind"] for name, row in plan.rows.items() if index.accepted(name))
    print("  ".join(f"{kind}: {accepted[kind]} of {count}" for kind, count in counts.items()))


def _give_up(number: int, frame: object) -> None:
    """Takes the workers along: left alone, they would train on."""
    for worker in multiprocessing.active_children():
        worker.terminate()
    sys.exit(128 + number)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--plan", type=Path, default=HERE / "detection.toml")
    parser.add_argument("--out", type=Path, default=ROOT / "out" / "detection")
    parser.add_argument("--models", type=Path, default=ROOT / "models", help="where published specimens are")
    parser.add_argument("--data", type=Path, help="folder of the data set; by default where data.py looks")
    parser.add_argument("--cupel", type=Path, default=ROOT / ".build" / "release" / "cupel",
                        help="the program that measures")
    parser.add_argument("--only", nargs="+", metavar="NAME", help="these rows, whose bases must be there")
    parser.add_argument("--jobs", type=int, default=2, help="rows made at a time")
    parser.add_argument("--threads", type=int, default=1, help="threads a row; results depend on it")
    parser.add_argument("--images", type=int, default=10000, help="how many test images `cupel` measures on")
    parser.add_argument("--again", action="store_true", help="make rejected rows again")
    parser.add_argument("--list", action="store_true", help="print the plan and how far it is, and train nothing")
    options = parser.parse_args()
    plan = Plan.read(options.plan, options.models)
    unknown = set(options.only or []) - plan.rows.keys()
    if unknown:
        parser.error(f"no such row: {', '.join(sorted(unknown))}")
    options.out.mkdir(parents=True, exist_ok=True)
    index = Index(options.out, list(plan.rows))
    if options.list:
        show(plan, index)
        return 0
    shop = Workshop(plan, options.out.resolve(), options.models.resolve(), options.cupel.resolve(),
                    options.data or default_folders()[plan.dataset], options.threads, options.images)
    names = [name for name in options.only or plan.rows
             if not (index.accepted(name) or (index.holds(name) and not options.again))]
    signal.signal(signal.SIGTERM, _give_up)
    make_all(names, shop, index, options.jobs)
    accepted = Counter(row["kind"] for name, row in plan.rows.items() if index.accepted(name))
    print("  ".join(f"{kind}: {count}" for kind, count in accepted.items()))
    return 0 if all(index.accepted(name) for name in names) else 1


if __name__ == "__main__":
    sys.exit(main())
