"""Exported programs in the runtimes they are exported for, on random inputs.

usage: exported_programs.py CUPEL FOLDER [--inputs N] [--json OUT]

FOLDER has `.cupel` files, as the exporter's tests write them:

    CUPEL_EXPORT_PROGRAMS=FOLDER swift test --filter programsAreWritten

Each is exported to .tflite and ONNX and runs on N seeded random inputs (default 64):

  LiteRT's reference kernels   every output against `cupel dump --profile litert-reference`
  TensorFlow Lite Micro        every output against `--profile tflm`
  ONNX Runtime                 outputs on the program's grid, against `--profile onnxruntime`: with
                               all its fused operators, and with none

An export that says in a note what it changes may differ there. Exit status 1 if LiteRT's reference
kernels give another number than the program does without a note. ONNX Runtime's fused kernels for
unsigned activations saturate on machines without VNNI.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import zlib
from importlib.metadata import version
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from ai_edge_litert.interpreter import OpResolverType
from tflite_micro.python.tflite_micro import runtime

from exports import cupel_outputs
from runtimes import differences, litert, litert_output, random_inputs


def export(cupel, model, form, path):
    """The notes; None where the program has no such form."""
    done = subprocess.run(
        [cupel, "export", model, "--to", form, "-o", path], capture_output=True, text=True)
    if done.returncode:
        return None, done.stderr.strip()
    return [line for line in done.stdout.splitlines() if line.startswith("note:")], None


def micro_output(content, inputs):
    interpreter = runtime.Interpreter.from_bytes(content, arena_size=1 << 22)
    shape = interpreter.get_input_details(0)["shape"]
    outputs = []
    for image in inputs:
        interpreter.set_input(image.reshape(shape), 0)
        interpreter.invoke()
        outputs.append(interpreter.get_output(0).ravel().copy())
    return np.stack(outputs)


def grid(path, name):
    """Scale and zero point, as the program has it, of the quantization next to an input or output:
    8-bit integers are unsigned in the file and moved by 128."""
    graph = onnx.load(path).graph
    tensors = {t.name: t for t in graph.initializer}
    node = next(n for n in graph.node if name in (*n.input[:1], *n.output))
    scale, zero = (tensors[place] for place in node.input[1:3])
    moved = 128 if zero.data_type == onnx.TensorProto.UINT8 else 0
    return (np.float32(onnx.numpy_helper.to_array(scale)),
            int(onnx.numpy_helper.to_array(zero)) - moved)


def onnx_output(path, inputs, level):
    """Outputs, [H][W][C], on the program's grid."""
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = level
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    source, target = session.get_inputs()[0].name, session.get_outputs()[0].name
    scale, zero = grid(path, source)
    reals = (inputs.astype(np.float32) - np.float32(zero)) * scale
    result = session.run(None, {source: reals.transpose(0, 3, 1, 2)})[0]
    if result.ndim == 4:
        result = result.transpose(0, 2, 3, 1)
    scale, zero = grid(path, target)
    return np.rint(result / scale + zero).reshape(len(inputs), -1)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("cupel")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--inputs", type=int, default=64)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    report = {"inputs": options.inputs, "programs": {}, "versions": {
        n: version(n) for n in ("ai-edge-litert", "tflite-micro", "onnxruntime")}}
    good = True
    for model in sorted(options.folder.glob("*.cupel")):
        own = report["programs"][model.stem] = {}
        with tempfile.TemporaryDirectory() as folder:
            folder = Path(folder)
            notes, refusal = export(options.cupel, model, "tflite", folder / "model.tflite")
            if refusal:
                own["tflite"] = refusal
                print(f"{model.stem}: .tflite refused: {refusal}")
                continue
            content = (folder / "model.tflite").read_bytes()
            details = litert(content, OpResolverType.BUILTIN_REF).get_input_details()[0]
            inputs = random_inputs(
                details["shape"][1:], options.inputs, zlib.crc32(model.stem.encode()))
            own["notes"] = notes
            announced = any("differ" in note or "other side" in note for note in notes)

            def ours(profile):
                return cupel_outputs(options.cupel, model, inputs, profile, folder)

            own["litertReference"] = differences(
                ours("litert-reference"),
                litert_output(content, [inputs], OpResolverType.BUILTIN_REF))
            own["litert"] = differences(
                ours("litert-reference"), litert_output(content, [inputs], OpResolverType.BUILTIN))
            try:
                own["tflm"] = differences(ours("tflm"), micro_output(content, inputs))
            except (RuntimeError, ValueError) as error:
                own["tflm"] = str(error).splitlines()[0]
            if not announced:
                good = good and own["litertReference"]["mismatches"] == 0
            _, refusal = export(options.cupel, model, "onnx", folder / "model.onnx")
            if refusal:
                own["onnx"] = refusal
            else:
                levels = onnxruntime.GraphOptimizationLevel
                for name, level in (("onnxruntime", levels.ORT_ENABLE_ALL),
                                    ("onnxruntimeUnfused", levels.ORT_DISABLE_ALL)):
                    try:
                        own[name] = differences(
                            ours("onnxruntime"),
                            onnx_output(folder / "model.onnx", inputs, level))
                    except Exception as error:  # The runtime's own classes have no common one.
                        own[name] = str(error).splitlines()[0][:200]
        print(model.stem, json.dumps(own), flush=True)
    if options.json:
        options.json.parent.mkdir(parents=True, exist_ok=True)
        options.json.write_text(json.dumps(report, indent=1) + "\n")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
