#!/usr/bin/env python3
"""Records what LiteRT and TensorFlow Lite Micro compute with the int8 models of MLPerf Tiny.

    pip install ai-edge-litert==2.3.0 tflite-micro numpy
    python tools/golden/mlperf_tiny.py ../shared/data/mlperf-tiny \\
        Tests/ModelImportTests/Golden/mlperf-tiny.json

The models themselves are not part of the repository; tests that need them are skipped where they
are missing. Inputs follow a formula (`pattern`), so that only outputs are recorded.
"""

import base64
import importlib.metadata
import json
import pathlib
import sys

import numpy as np
from ai_edge_litert.interpreter import Interpreter, OpResolverType
from tflite_micro.python.tflite_micro import runtime

MODELS = ["pretrainedResnet_quant", "kws_ref_model", "vww_96_int8", "ad01_int8"]
IMAGES = 8


def pattern(count, size):
    """Multiplicative hashing of the position: the top byte."""
    places = np.arange(count * size, dtype=np.uint64)
    return ((places * 2654435761 % 2**32) >> 24).astype(np.uint8).view(np.int8).reshape(count, size)


def main(folder, output):
    folder = pathlib.Path(folder)
    models = []
    for name in MODELS:
        content = (folder / f"{name}.tflite").read_bytes()
        litert = Interpreter(
            model_content=content, experimental_op_resolver_type=OpResolverType.BUILTIN_REF)
        litert.allocate_tensors()
        source = litert.get_input_details()[0]
        target = litert.get_output_details()[0]["index"]
        micro = runtime.Interpreter.from_bytes(content, arena_size=1 << 22)
        own, other = [], []
        for image in pattern(IMAGES, int(np.prod(source["shape"]))):
            image = image.reshape(source["shape"])
            litert.set_tensor(source["index"], image)
            litert.invoke()
            own.append(litert.get_tensor(target).copy())
            micro.set_input(image, 0)
            micro.invoke()
            other.append(micro.get_output(0).copy())
        models.append({
            "name": name,
            "litert": base64.b64encode(np.stack(own).tobytes()).decode(),
            "tflm": base64.b64encode(np.stack(other).tobytes()).decode()})
    document = {
        "versions": {p: importlib.metadata.version(p) for p in ["ai-edge-litert", "tflite-micro"]},
        "images": IMAGES, "models": models}
    pathlib.Path(output).write_text(
        json.dumps(document, separators=(",", ":")).replace('{"name"', '\n{"name"') + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
