"""Other people's model files: which import, compile and run, and whether they compute what their
runtimes compute.

usage: vendor.py CUPEL [--inputs N] [--json OUT] [--only WORD] [FOLDER...]

A FOLDER (default vendor-models and mlperf-tiny in CUPEL_DATA) has .tflite and .onnx files. Each
file is a line: what it does, or why it is refused. What imports of .tflite runs on N random inputs
(default 100), models of several inputs and outputs too:

  integers   each output element against LiteRT's reference kernels (litert-reference), LiteRT
             with XNNPACK (xnnpack) and TensorFlow Lite Micro (tflm), where these run the file
  floats     |difference| at most 1e-5 of the largest output, against LiteRT's reference kernels

A float .onnx runs on the same number of inputs, against ONNX Runtime.

A float model is compiled with random images (w8a8) where it takes images of 1 or 3 channels. Exit
status 1 if anything differs or does not compile.
"""

import argparse
import json
import os
import sys
import tempfile
from collections import Counter
from importlib.metadata import version
from pathlib import Path

import numpy as np
import onnxruntime

from agreement import Form, figures_of, without_numbers
from peer_runs import (
    REFERENCE, Broken, Cupel, Refused, isolated, litert, random_inputs, without_batch)
from tflite_models import File

ROOT = Path(__file__).resolve().parents[2]
SEED = 20261121
FLOAT_BOUND = 1e-5
PROFILES = ("litert-reference", "xnnpack", "tflm")


def integers(cupel, path, inputs):
    """Elements that differ, for each runtime."""
    form, result = Form(path.read_bytes(), path.suffix), {}
    for profile in PROFILES:
        try:
            other = form.run(inputs, profile)
        except Refused as error:
            result[profile] = {"runtime": str(error)}
            continue
        try:
            own = cupel.output(path, inputs, profile)
        except (Refused, Broken) as error:
            result[profile] = {"message": str(error), "differing": -1}
            continue
        if own.shape == other.shape:
            result[profile] = figures_of(own, other)
        else:
            result[profile] = {"message": f"shapes {own.shape}, {other.shape}", "differing": -1}
    return result


def is_image(shape):
    """Whether a float tensor is an image to Cupel: it then has its channels first there. Whatever has
    another rank, or a batch of several, is as in the file."""
    return len(shape) >= 3 and int(np.prod(shape[:-3])) == 1


def real_answers(content, parts):
    """The outputs, a list of arrays of the file's shapes, a run each."""
    interpreter = litert(content, REFERENCE)
    sources, targets = interpreter.get_input_details(), interpreter.get_output_details()
    results = []
    for run in zip(*parts):
        for detail, values in zip(sources, run):
            interpreter.set_tensor(detail["index"], values)
        interpreter.invoke()
        results.append([interpreter.get_tensor(detail["index"]).copy() for detail in targets])
    return results


def real_inputs(content, count, random):
    """For each input a list of arrays, a run each."""
    details = litert(content, REFERENCE).get_input_details()
    if any(detail["dtype"] != np.float32 for detail in details):
        raise Refused("an input that is not real")
    return [[random.standard_normal(detail["shape"]).astype(np.float32) for _ in range(count)]
            for detail in details]


def as_cupel(values):
    """One run's tensors one behind the other, each in Cupel's order."""
    return np.concatenate(
        [(np.moveaxis(value, -1, -3) if is_image(value.shape) else value).ravel()
         for value in values])


def floats(cupel, path, count):
    try:
        # Weights stored in int8 are taken at their real values by both.
        content = File(path.read_bytes()).with_real_weights()
        parts = isolated(real_inputs, content, count, np.random.default_rng(SEED))
        theirs = np.stack(
            [as_cupel(run) for run in isolated(real_answers, content, parts)])
    except Refused as error:
        return {"litert-reference": {"runtime": str(error)}}
    try:
        own = cupel.output(path, np.stack([as_cupel(run) for run in zip(*parts)]))
    except (Refused, Broken) as error:
        return {"litert-reference": {"message": str(error), "differing": -1}}
    return {"litert-reference": apart(own, theirs)}


def apart(own, theirs):
    """How far real outputs are from each other."""
    if own.shape != theirs.shape:
        return {"message": f"shapes {own.shape}, {theirs.shape}", "differing": -1}
    # What is no number in both is equal.
    known = ~(np.isnan(own) & np.isnan(theirs)) & (own != theirs)
    largest = float(np.abs(own - theirs)[known].max(initial=0) / max(
        np.abs(theirs[np.isfinite(theirs)]).max(initial=0), 1e-30))
    return {"elements": int(own.size), "largestRelative": largest,
            "differing": int(not largest <= FLOAT_BOUND)}


def as_images(inputs):
    """Inputs one behind the other; where they hold a batch each, image by image."""
    batch = {value.shape[0] for value in inputs}
    images = batch.pop() if len(batch) == 1 else 1
    return np.concatenate([value.reshape(images, -1) for value in inputs], axis=1).ravel()


def onnx_answers(path, count, random):
    """Inputs and outputs, a row a run; of several, one behind the other."""
    try:
        session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
        runs = [{each.name: random.standard_normal(
            [extent if isinstance(extent, int) and extent > 0 else 1 for extent in each.shape]
        ).astype(np.float32) for each in session.get_inputs()} for _ in range(count)]
        answers = [session.run(None, run) for run in runs]
    except Exception as error:
        raise Refused(str(error).splitlines()[0]) from error
    return (np.stack([as_images(list(run.values())) for run in runs]),
            np.stack([np.concatenate([np.ravel(value) for value in answer]) for answer in answers]))


def onnx_floats(cupel, path, count):
    try:
        inputs, theirs = isolated(onnx_answers, path, count, np.random.default_rng(SEED))
    except Refused as error:
        return {"onnxruntime": {"runtime": str(error)}}
    try:
        return {"onnxruntime": apart(cupel.output(path, inputs), theirs.astype(np.float32))}
    except (Refused, Broken) as error:
        return {"onnxruntime": {"message": str(error), "differing": -1}}


def compiled(cupel, path, shape, is_float, folder):
    """What `cupel compile` says, or "" where it compiles and the program runs on zeros; None where
    no data set has such images."""
    program, arguments = folder / "program.cupel", []
    if is_float:
        if len(shape) != 3 or shape[-1] not in (1, 3):
            return None
        images = np.random.default_rng(SEED).integers(0, 256, (64, *shape)).astype(np.uint8)
        labels = np.zeros(64, np.int64)
        np.savez(folder / "images.npz", x_train=images, y_train=labels, x_test=images[:8],
                 y_test=labels[:8])
        arguments = ["--scheme", "w8a8", "--data", folder / "images.npz", "--mean", "0.5",
                     "--std", "0.25", "--calibration", "64"]
    try:
        cupel("compile", path, "-o", program, "--quiet", *arguments)
        cupel("inspect", program, "--json", folder / "program.json")
        tensors = json.loads((folder / "program.json").read_text())["arena"]["tensors"]
        size = sum(tensor["bytes"] for tensor in tensors if tensor["born"] == 0)
        cupel.output(program, np.zeros((2, size), np.int8))
    except (Refused, Broken) as error:
        return str(error)
    return ""


def judged(cupel, path, count):
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        try:
            head = cupel("inspect", path).splitlines()[0]
        except (Refused, Broken) as error:
            return {"refused": str(error).replace(str(path), path.name)}
        is_float = "(float," in head
        own = {"isFloat": is_float}
        if path.suffix == ".onnx":
            return own | (onnx_floats(cupel, path, count) if is_float else {})
        shape = Form(path.read_bytes(), path.suffix).shape()
        own["compile"] = compiled(cupel, path, shape, is_float, folder)
        random = np.random.default_rng(SEED)
        try:
            own |= (floats(cupel, path, count) if is_float
                    else integers(cupel, path, random_inputs(shape, count, random)))
        except ValueError as error:
            own["message"] = str(error).splitlines()[0]
        return own


def totals(files):
    """For each profile: files that its runtime runs, elements, and those that differ."""
    table = {}
    for own in files.values():
        for profile in (*PROFILES, "onnxruntime"):
            part = own.get(profile, {})
            if "differing" in part:
                row = table.setdefault(
                    (profile, "floats" if own["isFloat"] else "integers"), Counter())
                row["files"] += 1
                row["elements"] += part.get("elements", 0)
                row["differing"] += abs(part["differing"])
    return table


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("cupel")
    parser.add_argument("folders", nargs="*", type=Path)
    parser.add_argument("--inputs", type=int, default=100)
    parser.add_argument("--only")
    parser.add_argument("--json", type=Path)
    options = parser.parse_intermixed_args()
    data = Path(os.environ.get("CUPEL_DATA", ROOT / "../shared/data"))
    folders = options.folders or [data / "vendor-models", data / "mlperf-tiny"]
    for folder in folders:
        if not folder.is_dir():
            sys.exit(f"no models: {folder} does not exist")
    cupel, files = Cupel(options.cupel), {}
    for path in sorted(path for folder in folders for path in folder.iterdir()):
        if path.suffix not in (".tflite", ".onnx") or (options.only or "") not in path.name:
            continue
        files[path.name] = own = judged(cupel, path, options.inputs)
        print(f"{path.name}: {own.get('refused') or own}", flush=True)
    imported = {name: own for name, own in files.items() if "refused" not in own}
    bad = sorted(name for name, own in imported.items() if any(
        isinstance(part, dict) and part.get("differing") for part in own.values()))
    for message, number in Counter(
            without_numbers(own["refused"]) for own in files.values() if "refused" in own
            ).most_common():
        print(f"{number:4} refused: {message}")
    for name, own in imported.items():
        if own.get("compile"):
            print(f"{name} does not compile: {own['compile']}")
    for (profile, kind), row in sorted(totals(files).items()):
        print(f"{profile}, {kind}: {row['files']} files, {row['differing']} of {row['elements']} "
              "elements differ")
    runs = [own["compile"] for own in imported.values() if "compile" in own]
    print(f"import: {len(imported)} of {len(files)} "
          f"({dict(Counter(name.rsplit('.', 1)[1] for name in imported))}); compile and run: "
          f"{runs.count('')} of {len(runs)} .tflite files, {runs.count(None)} take no images; "
          f"differ: {bad or 'none'}")
    if options.json:
        options.json.write_text(json.dumps(
            {"inputs": options.inputs, "seed": SEED, "versions": {
                p: version(p) for p in ("ai-edge-litert", "onnxruntime", "tflite-micro", "numpy")},
             "files": files}, indent=1) + "\n")
    sys.exit(1 if bad or any(runs) else 0)


if __name__ == "__main__":
    main()
