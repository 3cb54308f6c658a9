"""Random programs, and files, in Cupel and in every runtime that one of its profiles stands for.

usage: agreement.py CUPEL [--programs N] [--seed S] [--inputs N] [--json OUT] [--save FOLDER]
                    [--origin NAME]... [--jobs N] [FILE...]

Without files, N random programs (default 1000), a third each: quantized ONNX models, `.tflite`
models, and float ONNX models that are compiled under a random scheme. Files are `.tflite`,
quantized `.onnx` and `.cupel` files of anybody's. Each is compared, on the same int8 inputs:

  read      the file as it is: LiteRT's reference kernels, LiteRT with XNNPACK, TensorFlow Lite
            Micro or ONNX Runtime against Cupel under that profile
  written   compiled under each profile, exported to .tflite or ONNX, and run by its runtime at its
            default options, against the program
  again     what was exported, read by Cupel again, against the program
  c         the array in an export to C, compiled by clang, against the .cupel file

Whatever differs is traced to the first operator that differs, by cutting the model behind each of
them, and saved in FOLDER (default out/agreement) with an input. known-differences.json has every
kind of difference that the docs list (docs/agreement.md). Exit status 1 if there is another one:
elements that differ where neither the list nor `export --exact` says so, a file that its runtime
does not load, or a crash.
"""

import argparse
import collections
import json
import re
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from importlib.metadata import version
from multiprocessing import Pool
from pathlib import Path

import numpy as np
import onnx

import random_onnx
import random_tflite
from peer_runs import (
    REFERENCE, XNNPACK, Broken, Cupel, OnnxModel, Refused, isolated, left_to_litert, litert_output,
    micro_output, random_inputs, without_batch)
from tflite_models import File

ROOT = Path(__file__).resolve().parents[2]
KNOWN = Path(__file__).with_name("known-differences.json")
PROFILES = ("tflm", "litert-reference", "xnnpack", "onnxruntime")
#: ONNX Runtime without optimizations: what ONNX says of each operator, and Cupel without a profile.
UNOPTIMIZED = "onnx"
SCHEMES = ("w8a8", "w4a8", "w4a4", "w8a4", "w8a8.pt", "w8a8.pre", "w4a8.mse", "w8a8.full")
PACKAGES = {"tflm": "tflite-micro", "litert-reference": "ai-edge-litert",
            "xnnpack": "ai-edge-litert", "onnxruntime": "onnxruntime"}


@dataclass
class Row:
    """One comparison."""

    program: str
    origin: str
    stage: str
    profile: str
    outcome: str  # equal, differs, told, refused, unloadable, broken
    operators: str
    elements: int = 0
    differing: int = 0
    largest: int = 0
    #: The same of the first operator that differs, cut out.
    first_elements: int = 0
    first_differing: int = 0
    first_largest: int = 0
    message: str = ""
    file: str = ""
    kind: str = ""


def figures_of(own, other):
    apart = np.abs(own.astype(np.int64) - other.astype(np.int64))
    return {"elements": int(apart.size), "differing": int(np.count_nonzero(apart)),
            "largest": int(apart.max(initial=0))}


class Form:
    """What a model in some format is: run by a runtime, and cut."""

    def __init__(self, content, suffix):
        self.content, self.suffix = bytes(content), suffix
        if suffix == ".onnx":
            self.onnx = OnnxModel(onnx.load_from_string(self.content))
        elif suffix == ".tflite":
            self.file = File(self.content)

    def shape(self):
        if self.suffix == ".onnx":
            return self.onnx.shape()
        tensors = [self.file.graph.tensors[place] for place in self.file.graph.inputs]
        shapes = [[] if t.shape is None else t.shape for t in tensors]
        if len(shapes) > 1:
            return (sum(int(np.prod(shape)) for shape in shapes),)
        return without_batch(shapes[0])

    def run(self, inputs, profile):
        if self.suffix == ".onnx":
            return isolated(self.onnx.run, inputs, profile != UNOPTIMIZED)
        if profile == "tflm":
            return isolated(micro_output, self.content, inputs)
        resolver = XNNPACK if profile == "xnnpack" else REFERENCE
        return isolated(litert_output, self.content, inputs, resolver)

    def cuts(self):
        """For each place at which the model may be cut, the operator there and how to cut."""
        if self.suffix == ".onnx":
            names = self.onnx.quantized()
            known = set(names)
            return [(self.between(name, known), lambda n=name: Form(
                self.onnx.until(n).model.SerializeToString(), ".onnx")) for name in names]
        return [(self.file.kind(op), lambda k=k: Form(self.file.until(k), ".tflite"))
                for k, op in enumerate(self.file.graph.operators)]

    def between(self, name, known):
        """The operators that make a quantized activation from others."""
        producers = {o: node for node in self.onnx.model.graph.node for o in node.output}
        kinds, waiting = [], [name]
        while waiting:
            node = producers.get(waiting.pop())
            if node is None:
                continue
            if node.op_type not in ("QuantizeLinear", "DequantizeLinear", "Constant"):
                kinds.append(node.op_type)
            waiting += [value for value in node.input if value not in known]
        return "+".join(reversed(kinds)) or "QuantizeLinear"

    def operators(self):
        return "+".join(label for label, _ in self.cuts())


class Check:
    """Everything that is compared of one program."""

    def __init__(self, cupel, name, origin, path, folder, save, inputs, seed, compiling=()):
        self.cupel, self.name, self.origin, self.path = cupel, name, origin, Path(path)
        self.folder, self.save, self.compiling = Path(folder), save, list(compiling)
        self.count, self.random, self.rows = inputs, np.random.default_rng(seed), []
        self.inputs = None
        self.labels = ""

    def row(self, stage, profile, outcome, operators=None, **more):
        self.rows.append(Row(self.name, self.origin, stage, profile, outcome,
                             self.labels if operators is None else operators, **more))

    def compared(self, stage, profile, own, other, told=None, blame=None, form=None):
        """Adds a row for two outputs; `blame` gives the operator, a smaller model, and figures."""
        if own.shape != other.shape:
            self.row(stage, profile, "broken", message=f"shapes {own.shape}, {other.shape}",
                     file=self.keep(stage, profile, form))
            return
        figures = figures_of(own, other)
        if not figures["differing"]:
            self.row(stage, profile, "equal", **figures)
            return
        announced = told() if told else ""
        operators, smaller, first = blame() if blame else (None, None, figures)
        first = {f"first_{name}": number for name, number in (first or figures).items()}
        self.row(stage, profile, "told" if announced else "differs", operators,
                 message=announced, **figures, **first,
                 file="" if announced else self.keep(stage, profile, smaller or form))

    def keep(self, stage, profile, form):
        if self.save is None or form is None:
            return ""
        self.save.mkdir(parents=True, exist_ok=True)
        path = self.save / f"{self.name}-{stage}-{profile}{form.suffix}"
        path.write_bytes(form.content)
        return str(path)

    def output(self, path, profile):
        return self.cupel.output(path, self.inputs, None if profile == UNOPTIMIZED else profile)

    def read(self, form, profiles):
        """The file as it is."""
        for profile in profiles:
            try:
                other = form.run(self.inputs, profile)
            except Refused as error:
                self.row("read", profile, "refused", message=f"{profile}: {error}")
                continue
            try:
                own = self.output(self.path, profile)
            except Refused as error:
                self.row("read", profile, "refused", message=str(error))
                continue
            except Broken as error:
                self.row("read", profile, "broken", message=str(error),
                         file=self.keep("read", profile, form))
                continue
            self.compared("read", profile, own, other, form=form,
                          blame=lambda: self.first_difference(form, profile))

    def first_difference(self, form, profile):
        """The first operator that differs, the model up to it, and by how much that one differs."""
        cuts = form.cuts()

        def difference(place):
            part = cuts[place][1]()
            path = self.folder / f"part{form.suffix}"
            path.write_bytes(part.content)
            try:
                other = part.run(self.inputs, profile)
                own = self.output(path, profile)
                return own.shape == other.shape and figures_of(own, other)
            except (Refused, Broken):
                return None

        places = range(len(cuts))
        if len(cuts) > 16:
            low, high = -1, len(cuts) - 1
            while high - low > 1:
                middle = (low + high) // 2
                found = difference(middle)
                low, high = (low, middle) if found and found["differing"] else (middle, high)
            places = [high]
        for place in places:
            found = difference(place)
            if found and found["differing"]:
                part = cuts[place][1]()
                return cuts[place][0] + self.remark(part, profile), part, found
        return "whole:" + form.operators() + self.remark(form, profile), form, None

    def remark(self, part, profile):
        """Says where LiteRT's own kernel makes a cut model's output and not XNNPACK, and where ONNX
        Runtime's optimizer makes the difference."""
        try:
            if profile == "xnnpack":
                left = isolated(left_to_litert, part.content)
                return " (LiteRT's own)" if part.file.graph.outputs[0] in left else ""
            if profile == "onnxruntime":
                plain = isolated(part.onnx.run, self.inputs, False)
                path = self.folder / "part.onnx"
                path.write_bytes(part.content)
                own = self.cupel.output(path, self.inputs, profile)
                return " (optimizer)" if np.array_equal(own, plain) else ""
        except (Refused, Broken):
            pass
        return ""

    def written(self, profile):
        program = self.folder / f"{profile}.cupel"
        try:
            if self.origin == "cupel":
                program.write_bytes(self.path.read_bytes())
            else:
                self.cupel("compile", self.path, "--profile", profile, "-o", program, "--quiet",
                           *self.compiling)
            if self.inputs is None:
                self.inputs = random_inputs(self.extents(program), self.count, self.random)
            own = self.cupel.output(program, self.inputs, profile)
        except Refused as error:
            self.row("compiled", profile, "refused", message=str(error))
            return
        except Broken as error:
            self.row("compiled", profile, "broken", message=str(error))
            return
        target = "onnx" if profile == "onnxruntime" else "tflite"
        exported = self.folder / f"{profile}.{target}"
        try:
            notes = self.cupel("export", program, "--to", target, "-o", exported)
        except (Refused, Broken) as error:
            self.row("written", profile, "refused" if isinstance(error, Refused) else "broken",
                     message=str(error))
            return
        form = Form(exported.read_bytes(), exported.suffix)
        again = None
        try:
            again = self.cupel.output(exported, self.inputs, profile)
        except (Refused, Broken) as error:
            self.row("again", profile, "refused" if isinstance(error, Refused) else "broken",
                     operators=form.operators(), message=str(error),
                     file=self.keep("again", profile, form))
        told = lambda: self.told(program, target, notes)  # noqa: E731
        if again is not None:
            self.compared("again", profile, own, again, told, form=form,
                          blame=lambda: (form.operators(), form, None))
        try:
            other = form.run(self.inputs, profile)
        except Refused as error:
            self.row("written", profile, "unloadable", operators=form.operators(),
                     message=f"{profile}: {error}", file=self.keep("written", profile, form))
            return
        # Where the export is read as the program, its own operators can be compared one by one.
        traced = again is not None and np.array_equal(again, own)
        self.compared("written", profile, own, other, told, form=form, blame=lambda: (
            self.first_difference(form, profile) if traced
            else ("export:" + form.operators(), form, None)))

    def told(self, program, target, notes):
        """What an export says of its difference: `--exact` refuses to write it."""
        try:
            self.cupel("export", program, "--to", target, "--exact", "-o",
                       self.folder / f"exact.{target}")
        except Refused as error:
            return str(error)
        said = [n for n in notes.splitlines() if n.startswith("note:") and "differ" in n]
        return said[0] if said else ""

    def extents(self, program):
        """The input's, height, width, channel; of several inputs how many values they have."""
        self.cupel("inspect", program, "--json", self.folder / "inspect.json")
        inspected = json.loads((self.folder / "inspect.json").read_text())
        shapes = [t["shape"] for t in inspected["arena"]["tensors"] if t["born"] == 0]
        if len(shapes) > 1:
            return (sum(int(np.prod(shape)) for shape in shapes),)
        channels, height, width = shapes[0]
        return height, width, channels

    def in_c(self, profile):
        program = self.folder / f"{profile}.cupel"
        if not program.exists():
            return
        source = self.folder / "model_c.c"
        try:
            self.cupel("export", program, "--to", "c", "-o", source)
        except (Refused, Broken) as error:
            self.row("c", profile, "broken", message=str(error))
            return
        array = re.search(r"const unsigned char (\w+)\[",
                          (self.folder / "model_c.h").read_text())[1]
        (self.folder / "main.c").write_text(
            '#include <stdio.h>\n#include "model_c.h"\n'
            f"int main(void) {{ return fwrite({array}, 1, sizeof {array}, stdout) == 0; }}\n")
        done = subprocess.run(
            ["clang", "-Werror", "-Wall", "-o", self.folder / "model_c", source,
             self.folder / "main.c"], capture_output=True, text=True)
        if done.returncode:
            self.row("c", profile, "broken", message=done.stderr.splitlines()[0])
            return
        content = subprocess.run([self.folder / "model_c"], capture_output=True).stdout
        same = content == program.read_bytes()
        self.row("c", profile, "equal" if same else "differs", elements=len(content))

    def all(self, profiles=PROFILES):
        suffix = self.path.suffix
        if suffix in (".onnx", ".tflite") and self.origin != "float":
            form = Form(self.path.read_bytes(), suffix)
            self.labels = form.operators()
            self.inputs = random_inputs(form.shape(), self.count, self.random)
            self.read(form, ["onnxruntime", UNOPTIMIZED] if suffix == ".onnx" else PROFILES[:3])
        for profile in profiles:
            self.written(profile)
        if self.random.random() < 0.2:
            self.in_c(str(self.random.choice(list(profiles))))
        return self.rows


def random_program(number, seed, folder):
    """Its name, origin, path and arguments for `cupel compile`."""
    own = seed * 1_000_003 + number
    if number % 3 == 0:
        path = folder / "model.onnx"
        onnx.save(random_onnx.QuantizedNetwork(own, wide=number % 10 > 7).model(), path)
        return f"onnx-{seed}-{number}", "quantized", path, []
    if number % 3 == 1:
        path = folder / "model.tflite"
        path.write_bytes(random_tflite.Network(own, wide=number % 10 > 7).model())
        return f"tflite-{seed}-{number}", "tflite", path, []
    path = folder / "model.onnx"
    network = random_onnx.FloatNetwork(own)
    onnx.save(network.model(), path)
    random = np.random.default_rng(own)
    channels, height, width = network.shape
    images = random.integers(0, 256, (64, height, width, channels)).astype(np.uint8)
    data = folder / "images.npz"
    np.savez(data, x_train=images, y_train=np.arange(64) % 10, x_test=images[:10],
             y_test=np.arange(10))
    scheme = str(random.choice(SCHEMES))
    return f"float-{seed}-{number}-{scheme}", "float", path, [
        "--scheme", scheme, "--data", data, "--mean", "0.5", "--std", "0.25", "--calibration", "64"]


def check_one(task):
    cupel, save, inputs, seed, number, file, origins = task
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        if file:
            path = Path(file)
            name, compiling = path.stem, []
            origin = {".onnx": "quantized", ".tflite": "tflite"}.get(path.suffix, "cupel")
        else:
            name, origin, path, compiling = random_program(number, seed, folder)
        if origins and origin not in origins:
            return []
        check = Check(Cupel(cupel), name, origin, path, folder, save, inputs,
                      seed * 7919 + number, compiling)
        try:
            return check.all()
        except (Refused, ValueError) as error:
            check.row("read", "", "refused", message=f"not compared: {error}")
            return check.rows


class Known:
    """The kinds of differences that are listed."""

    def __init__(self, path=KNOWN):
        self.kinds = json.loads(path.read_text())["kinds"] if path.exists() else []
        self.seen = collections.Counter()

    def kind(self, row):
        for kind in self.kinds:
            if (row.outcome in kind.get("outcomes", ["differs"])
                    and row.stage in kind.get("stages", [row.stage])
                    and row.profile in kind.get("profiles", [row.profile])
                    and re.fullmatch(kind.get("operators", ".*"), row.operators)
                    and re.search(kind.get("message", ""), row.message)
                    and row.first_largest <= kind.get("largest", 255)):
                self.seen[kind["name"]] += 1
                return kind["name"]
        return ""


def summary(rows):
    """Programs, elements and differences by stage, profile and operator; equal ones by all."""
    table = {}
    for row in rows:
        if row.outcome not in ("equal", "differs", "told"):
            continue
        for operators in {"all"} | ({row.operators} if row.outcome != "equal" else set()):
            own = table.setdefault((row.stage, row.profile, operators), collections.Counter())
            own["programs"] += 1
            own["differ"] += row.outcome != "equal"
            own["told"] += row.outcome == "told"
            own["elements"] += row.elements
            own["differing"] += row.differing
            own["largest"] = max(own["largest"], row.largest)
            own["first largest"] = max(own["first largest"], row.first_largest)
    return table


def shown(rows):
    head = ("stage", "profile", "first operator", "programs", "differ", "told", "elements",
            "differing", "largest", "first largest")
    lines = [head]
    for (stage, profile, operators), own in sorted(summary(rows).items()):
        lines.append((stage, profile, operators[:44], *(str(own[name]) for name in head[3:])))
    widths = [max(len(line[i]) for line in lines) for i in range(len(head))]
    for line in lines:
        print("  ".join(text.ljust(width) for text, width in zip(line, widths)).rstrip())


def without_numbers(message):
    """A message's kind: names and numbers left out."""
    message = re.sub(r"^cupel: \S+: ", "", message)
    return re.sub(r"'[^']*'", "'…'", re.sub(r"\d+", "#", message))[:150]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("cupel")
    parser.add_argument("files", nargs="*")
    parser.add_argument("--programs", type=int, default=1000)
    parser.add_argument("--first", type=int, default=0, help="number of the first program")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--inputs", type=int, default=24)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--save", type=Path, default=ROOT / "out" / "agreement")
    parser.add_argument("--origin", action="append", choices=["quantized", "tflite", "float"])
    parser.add_argument("--jobs", type=int, default=1)
    options = parser.parse_intermixed_args()
    numbers = range(options.first, options.first + options.programs)
    tasks = [(options.cupel, options.save, options.inputs, options.seed, number, file,
              options.origin)
             for number, file in (enumerate(options.files) if options.files
                                  else ((number, None) for number in numbers))]
    known, rows, begun = Known(), [], time.time()
    done = 0
    with Pool(options.jobs) as pool:
        for own in pool.imap(check_one, tasks):
            done += 1
            for row in own:
                if row.outcome in ("differs", "unloadable", "broken"):
                    row.kind = known.kind(row)
                    if not row.kind:
                        print(f"{row.program} {row.stage} {row.profile} {row.outcome} "
                              f"[{row.operators[:100]}] {row.differing}/{row.elements} "
                              f"up to {row.largest}, there {row.first_differing}/"
                              f"{row.first_elements} up to {row.first_largest} "
                              f"{row.message[:160]}", flush=True)
            rows += own
            if done % 50 == 0 or done == len(tasks):
                print(f"{done} of {len(tasks)} programs, {time.time() - begun:.0f} s",
                      file=sys.stderr, flush=True)
    shown(rows)
    refusals = collections.Counter(
        (row.stage, without_numbers(row.message)) for row in rows if row.outcome == "refused")
    for (stage, message), count in refusals.most_common(25):
        print(f"{count:5} refused, {stage}: {message}")
    for kind in known.kinds:
        print(f"{known.seen[kind['name']]:5} of the listed kind: {kind['name']}")
    new = [row for row in rows
           if row.outcome in ("differs", "unloadable", "broken") and not row.kind]
    print(f"{len({row.program for row in rows})} programs, {len(rows)} comparisons, "
          f"{len(new)} of no listed kind")
    if options.json:
        options.json.parent.mkdir(parents=True, exist_ok=True)
        options.json.write_text(json.dumps({
            "seed": options.seed, "inputs": options.inputs, "programs": len(tasks),
            "versions": {p: version(p) for p in sorted(set(PACKAGES.values()))},
            "rows": [asdict(row) for row in rows if row.outcome != "equal"],
            "table": [dict(stage=s, profile=p, operators=o, **c)
                      for (s, p, o), c in sorted(summary(rows).items())]}, indent=1) + "\n")
    return 1 if new else 0


if __name__ == "__main__":
    sys.exit(main())
