"""Other people's model files: which import, and whether those compute what their runtimes compute.

usage: vendor.py CUPEL [--folder FOLDER] [--inputs N] [--json OUT] [--only WORD]

FOLDER (default vendor-models in CUPEL_DATA) has .tflite and .onnx files. Each file is a line: "imports"
or why it is refused. What imports of .tflite runs on N seeded random inputs (default 100):

  integers   each output element against LiteRT's reference kernels (profile litert-reference), and
             against TensorFlow Lite Micro (profile tflm) where it runs the file; equal to the bit
  floats     |difference| at most 1e-5 of the largest output, against LiteRT's reference kernels

Exit status 1 if anything differs.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections import Counter
from importlib.metadata import version
from pathlib import Path

import numpy as np
from ai_edge_litert.interpreter import OpResolverType

from runtimes import ROOT, SEED, litert, random_inputs

FLOAT_BOUND = 1e-5
#: What quantized types are less in a program.
MOVED = {np.int8: 0, np.uint8: 128}


def refusal(done):
    return f"status {done.returncode}: " + done.stderr.strip().replace("\n", " ")


def dump(cupel, path, batch, profile=None):
    """The output, an image a row; a text where the file is refused."""
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        np.ascontiguousarray(batch).tofile(folder / "inputs.bin")
        command = [cupel, "dump", path, "--input", folder / "inputs.bin", "-o", folder / "tensors",
                   "--output-only", "-q"]
        command += ["--profile", profile] if profile else []
        done = subprocess.run(command, capture_output=True, text=True, timeout=600)
        if done.returncode:
            return refusal(done)
        entries = json.loads((folder / "tensors" / "index.json").read_text())
        output = next(entry for entry in entries if entry["isOutput"])
        return np.load(folder / "tensors" / output["file"]).reshape(len(batch), -1)


def answers(interpreter, batch):
    source, target = interpreter.get_input_details()[0], interpreter.get_output_details()[0]
    results = []
    for image in batch:
        interpreter.set_tensor(source["index"], image.reshape(source["shape"]))
        interpreter.invoke()
        results.append(interpreter.get_tensor(target["index"]).ravel().copy())
    return np.stack(results)


def micro_answers(content, batch):
    """None where TensorFlow Lite Micro does not run the file."""
    try:
        from tflite_micro.python.tflite_micro import runtime
        interpreter = runtime.Interpreter.from_bytes(content, arena_size=1 << 24)
        shape = interpreter.get_input_details(0)["shape"]
        results = []
        for image in batch:
            interpreter.set_input(image.reshape(shape), 0)
            interpreter.invoke()
            results.append(interpreter.get_output(0).ravel().copy())
        return np.stack(results)
    except Exception:  # noqa: BLE001 - it says only that it could not
        return None


def grid(detail):
    """Scale, zero point and type of a quantized tensor; None of a float one."""
    scale, zero = detail["quantization"]
    kind = detail["dtype"]
    return None if kind == np.float32 or not scale else (np.float32(scale), zero, kind)


def quantizer(content):
    """The grid behind a float input, and before a float output, of an integer model."""
    from tflite_models import File
    file = File(content)
    found = {}
    for operator in file.graph.operators:
        for kind, place, other in (("QUANTIZE", operator.inputs[0], operator.outputs[0]),
                                   ("DEQUANTIZE", operator.outputs[0], operator.inputs[0])):
            if file.kind(operator) == kind:
                tensor = file.graph.tensors[other]
                found[place] = (np.float32(tensor.quantization.scale[0]),
                                int(tensor.quantization.zeroPoint[0]),
                                {9: np.int8, 3: np.uint8}.get(tensor.type))
    return found


def integers(cupel, path, content, interpreter, count):
    """Elements that differ, for each runtime."""
    source, target = interpreter.get_input_details()[0], interpreter.get_output_details()[0]
    edges = quantizer(content)
    inner = grid(source) or edges.get(source["index"])
    outer = grid(target) or edges.get(target["index"])
    if inner is None or outer is None or inner[2] not in MOVED or outer[2] not in MOVED:
        return {"rule": "no grid at an edge"}
    held = random_inputs(source["shape"][1:] if len(source["shape"]) else (), count, SEED)
    stored = (held.astype(np.int16) + MOVED[inner[2]]).astype(inner[2])
    batch = stored
    if grid(source) is None:
        batch = (stored.astype(np.float32) - np.float32(inner[1])) * inner[0]
    result = {}

    def compared(theirs, profile):
        own = dump(cupel, path, held, profile)
        if isinstance(own, str):
            return {"rule": own}
        if grid(target) is None:
            theirs = np.rint(theirs / outer[0]) + outer[1]
        theirs = theirs.astype(np.int64) - MOVED[outer[2]]
        if own.shape != theirs.shape:
            return {"rule": f"gives {own.shape}, the runtime {theirs.shape}", "differing": -1}
        return {"differing": int(np.count_nonzero(own != theirs)), "elements": int(own.size)}

    result["litert"] = compared(answers(interpreter, batch), "litert-reference")
    micro = micro_answers(content, batch)
    if micro is not None:
        result["tflm"] = compared(micro, "tflm")
    return result


def floats(cupel, path, interpreter, count):
    source, target = interpreter.get_input_details()[0], interpreter.get_output_details()[0]
    batch = np.random.default_rng(SEED).standard_normal(
        (count, *source["shape"][1:])).astype(np.float32)
    theirs = answers(interpreter, batch)
    shape = target["shape"]
    if len(shape) >= 3:
        extent = shape[-3:] if len(shape) > 3 else shape
        theirs = theirs.reshape(count, *extent).transpose(0, 3, 1, 2).reshape(count, -1)
    own = dump(cupel, path, batch.transpose(0, 3, 1, 2) if batch.ndim == 4 else batch)
    if isinstance(own, str):
        return {"rule": own}
    if own.shape != theirs.shape:
        return {"rule": f"gives {own.shape}, the runtime {theirs.shape}", "differing": -1}
    apart = float(np.abs(own - theirs).max() / max(np.abs(theirs).max(), 1e-30))
    return {"litert": {"largestRelative": apart, "differing": int(not apart <= FLOAT_BOUND)}}


def judged(cupel, path, count):
    done = subprocess.run([cupel, "inspect", path], capture_output=True, text=True, timeout=600)
    if done.returncode:
        return {"refused": refusal(done)}
    if path.suffix != ".tflite":
        return {"imports": True}
    content = path.read_bytes()
    try:
        interpreter = litert(content, OpResolverType.BUILTIN_REF)
    except Exception as error:  # noqa: BLE001 - whatever a runtime throws
        return {"imports": True, "runtime": str(error).splitlines()[0][:120]}
    is_float = "(float," in done.stdout.splitlines()[0]
    try:
        own = (floats(cupel, path, interpreter, count) if is_float
               else integers(cupel, path, content, interpreter, count))
    except Exception as error:  # noqa: BLE001 - a file that one of the two cannot run
        own = {"rule": f"{type(error).__name__}: {error}"[:160]}
    return {"imports": True, "isFloat": is_float, **own}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("cupel")
    data = Path(os.environ.get("CUPEL_DATA", ROOT / "../shared/data"))
    parser.add_argument("--folder", type=Path, default=data / "vendor-models")
    parser.add_argument("--inputs", type=int, default=100)
    parser.add_argument("--only")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    if not options.folder.is_dir():
        sys.exit(f"no models: {options.folder} does not exist")
    files = {}
    for path in sorted(options.folder.iterdir()):
        if path.suffix not in (".tflite", ".onnx") or (options.only and options.only not in path.name):
            continue
        files[path.name] = own = judged(options.cupel, path, options.inputs)
        print(f"{path.name}: {own.get('refused') or own}", flush=True)
    bad = sorted(
        name for name, own in files.items()
        if any(isinstance(part, dict) and part.get("differing") for part in own.values())
        or own.get("differing"))
    counts = Counter((name.rsplit(".", 1)[1], "imports" in own) for name, own in files.items())
    print(f"import: {sum(n for (_, good), n in counts.items() if good)} of {len(files)} "
          f"({dict((k[0], n) for k, n in counts.items() if k[1])}); differ: {bad or 'none'}")
    if options.json:
        options.json.write_text(json.dumps(
            {"inputs": options.inputs, "seed": SEED, "versions": {
                p: version(p) for p in ("ai-edge-litert", "tflite-micro", "numpy")},
             "files": files}, indent=1) + "\n")
    sys.exit(1 if bad else 0)


if __name__ == "__main__":
    main()
