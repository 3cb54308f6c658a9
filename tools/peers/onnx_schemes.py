"""Every scheme's export to ONNX, loaded and run in ONNX Runtime at its default options.

usage: onnx_schemes.py CUPEL [--images N] [--json OUT]

A network with what classifiers have (convolutions with and without Relu6, a depthwise one, an average
pool with padding that does not count, an addition, a mean, a linear layer) is rounded under each of
Cupel's schemes and exported to ONNX, plainly and with --exact. On N random images (default 64) every
output of ONNX Runtime is compared with `cupel dump --profile onnxruntime`.

Exit status 1 if a file does not load, an exact one differs, or another one differs without a note.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

SCHEMES = ("w8a8", "w4a8", "w8a4", "w4a4")
SEED = 20261130


def network(path):
    random = np.random.default_rng(SEED)
    constants = {}

    def weights(name, *shape):
        fan = int(np.prod(shape[1:])) or 1
        constants[name] = (random.standard_normal(shape) / np.sqrt(fan)).astype(np.float32)
        return name

    node = helper.make_node
    nodes = [
        node("Conv", ["x", weights("w1", 8, 3, 3, 3), weights("b1", 8)], ["c1"],
             pads=[1, 1, 1, 1]),
        node("Relu", ["c1"], ["r1"]),
        node("Conv", ["r1", weights("w2", 8, 1, 3, 3), weights("b2", 8)], ["c2"],
             pads=[1, 1, 1, 1], group=8),
        node("Clip", ["c2", "zero", "six"], ["r2"]),
        node("Conv", ["r2", weights("w3", 8, 8, 1, 1), weights("b3", 8)], ["c3"]),
        node("Add", ["c3", "r1"], ["a"]),
        node("AveragePool", ["a"], ["p"], kernel_shape=[3, 3], strides=[2, 2],
             pads=[1, 1, 1, 1]),
        node("GlobalAveragePool", ["p"], ["g"]),
        node("Flatten", ["g"], ["f"]),
        node("Gemm", ["f", weights("w4", 10, 8), weights("b4", 10)], ["y"], transB=1),
    ]
    constants["zero"], constants["six"] = np.float32(0), np.float32(6)
    graph = helper.make_graph(
        nodes, "g", [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", 3, 12, 12])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["N", 10])],
        [numpy_helper.from_array(np.asarray(v), k) for k, v in constants.items()])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.save(model, path)


def run(cupel, *words):
    return subprocess.run([cupel, *map(str, words)], capture_output=True, text=True)


def dump(cupel, model, integers, folder):
    integers.astype(np.int8).tofile(folder / "in.bin")
    done = run(cupel, "dump", model, "--input", folder / "in.bin", "-o", folder / "tensors",
               "--profile", "onnxruntime", "--output-only")
    done.check_returncode()
    entry = next(e for e in json.loads((folder / "tensors" / "index.json").read_text())
                 if e["isOutput"])
    values = np.load(folder / "tensors" / entry["file"])
    return values.astype(int).reshape(len(integers), -1), entry


def compared(cupel, program, exported, images, folder):
    """Outputs that differ, or why there are none."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    try:
        session = onnxruntime.InferenceSession(
            str(exported), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # ONNX Runtime has many kinds of these.
        return f"does not load: {str(error)[:160]}"
    model = onnx.load(exported)
    constants = {i.name: numpy_helper.to_array(i) for i in model.graph.initializer}
    first = next(n for n in model.graph.node if n.op_type == "QuantizeLinear")
    scale, zero = constants[first.input[1]], int(constants[first.input[2]]) - 128
    reals = ((images - zero) * scale).astype(np.float32)
    outputs = session.run(None, {model.graph.input[0].name: reals})[0].reshape(len(images), -1)
    own, entry = dump(cupel, program, images.transpose(0, 2, 3, 1), folder)
    theirs = np.rint(outputs / np.float32(entry["scale"])).astype(int) + entry["zeroPoint"]
    apart = np.abs(own - theirs)
    return {"elements": int(apart.size), "differing": int(np.count_nonzero(apart)),
            "largest": int(apart.max())}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("cupel")
    parser.add_argument("--images", type=int, default=64)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    random = np.random.default_rng(SEED + 1)
    images = random.integers(-128, 128, (options.images, 3, 12, 12))
    rows, good = [], True
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        network(folder / "model.onnx")
        np.savez(folder / "data.npz",
                 x_train=random.integers(0, 256, (64, 3, 12, 12), np.uint8),
                 y_train=np.arange(64) % 10,
                 x_test=random.integers(0, 256, (32, 3, 12, 12), np.uint8),
                 y_test=np.arange(32) % 10)
        for scheme in SCHEMES:
            program = folder / f"{scheme}.cupel"
            run(options.cupel, "compile", folder / "model.onnx", "--scheme", scheme, "-o", program,
                "--data", folder / "data.npz", "--mean", "0.5", "--std", "0.25", "-q",
                "--calibration", "64").check_returncode()
            for exact in (False, True):
                exported = folder / f"{scheme}.onnx"
                done = run(options.cupel, "export", program, "--to", "onnx", "-o", exported,
                           *(["--exact"] if exact else []))
                name = scheme + (" --exact" if exact else "")
                if done.returncode:
                    result = "refused: " + done.stderr.strip()[:160]
                else:
                    result = compared(options.cupel, program, exported, images, folder)
                told = "note:" in done.stdout
                isFine = isinstance(result, dict) and (
                    result["differing"] == 0 or (told and not exact))
                good = good and (isFine or str(result).startswith("refused"))
                rows.append({"scheme": scheme, "exact": exact, "told": told, "result": result})
                print(f"{name:13} {result}{', told' if told else ''}", flush=True)
    if options.json:
        options.json.write_text(json.dumps({
            "versions": {p: version(p) for p in ("onnxruntime", "onnx", "numpy")}, "seed": SEED,
            "rows": rows}, indent=1) + "\n")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
