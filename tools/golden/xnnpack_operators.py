#!/usr/bin/env python3
"""Records what LiteRT with XNNPACK computes with small `.tflite` models, as golden values.

    pip install ai-edge-litert==2.3.0 tflite-micro flatbuffers numpy
    python tools/golden/xnnpack_operators.py Tests/ModelImportTests/Golden

The models are those of tflite_operators.py, in tflite/, and a few more with scales about the limits
of what LiteRT hands to XNNPACK, which are written to xnnpack/. There operators.json has inputs and
outputs, in base64, the versions, and which instruction sets the processor had. An operator that
LiteRT keeps for its own kernels is recorded as well: the profile says what LiteRT computes.
"""

import base64
import importlib.metadata
import json
import pathlib
import sys

import numpy as np
from ai_edge_litert.interpreter import Interpreter, OpResolverType

from tflite_any_rank import any_rank
from tflite_model import OPERATOR, RELU, options, run
from tflite_operators import IMAGES, Cases, methods, pack

SEED = 20261130
#: XNNPACK does not take the first, and LiteRT's own fast kernel is not its reference kernel; the
#: second it takes, in an arithmetic that the profile does not have (docs/arithmetic.md).
LEFT_OUT = {"convolution_int4", "sum_of_two_axes"}


class LimitCases(any_rank(Cases)):
    def add_even(self):
        """Scales that are powers of two: every second sum is a tie."""
        return self._binary(OPERATOR.ADD, "Add", (1, 4, 3, 5), 0.05, out_scale=0.1)

    def add_coarse(self):
        """A ratio below 2^-10: LiteRT's own kernel."""
        return self._binary(OPERATOR.ADD, "Add", (1, 4, 3, 5), 40.0, out_scale=60.0)

    def sub_fine(self):
        return self._binary(
            OPERATOR.SUB, "Sub", (1, 4, 3, 5), 0.011, activation=RELU, out_scale=0.0019)

    def mul_coarse(self):
        """A ratio below 2^-16: LiteRT's own kernel."""
        return self._binary(OPERATOR.MUL, "Mul", (1, 4, 3, 5), 0.01, out_scale=40.0)

    def quantize_half(self):
        return self._unary(OPERATOR.QUANTIZE, (1, 8, 8, 4), (1, 8, 8, 4), 0.05, -6, 0.1, 17,
                           version=2)

    def quantize_third(self):
        return self._unary(OPERATOR.QUANTIZE, (1, 8, 8, 4), (1, 8, 8, 4), 0.05, 9, 0.15, -70,
                           version=2)

    def quantize_fine(self):
        """A ratio above 2^7: LiteRT's own kernel."""
        return self._unary(OPERATOR.QUANTIZE, (1, 8, 8, 4), (1, 8, 8, 4), 0.05, 3, 0.0003, 5,
                           version=2)

    def mean_large(self):
        return self._mean((1, 17, 13, 40), (1, 1, 1, 40), [1, 2], True, 0.0021)

    def mean_two(self):
        """Every second sum is a tie."""
        return self._mean((1, 1, 2, 60), (1, 1, 1, 60), [1, 2], True, 0.05)

    def leaky_relu_small(self):
        """A slope that leaves a ratio below 2^-8: LiteRT's own kernel."""
        return self._unary(OPERATOR.LEAKY_RELU, (1, 8, 8, 4), (1, 8, 8, 4), 0.05, 60, 0.05, -60,
                           opts=options("LeakyRelu", alpha=0.003), version=2)

    def leaky_relu_half(self):
        return self._unary(OPERATOR.LEAKY_RELU, (1, 8, 8, 4), (1, 8, 8, 4), 0.05, 4, 0.05, 4,
                           opts=options("LeakyRelu", alpha=0.5), version=2)

    def resize_bilinear_large(self):
        return self._bilinear((1, 5, 7, 3), (1, 23, 31, 3))

    def resize_bilinear_small_halves(self):
        return self._bilinear((1, 19, 13, 4), (1, 10, 9, 4), halves=True)

    def resize_bilinear_odd_corners(self):
        return self._bilinear((1, 6, 9, 3), (1, 17, 14, 3), corners=True)

    def relu_other_grid(self):
        """LiteRT's own kernel."""
        return self._unary(OPERATOR.RELU, (1, 8, 8, 4), (1, 8, 8, 4), 0.05, 4, 0.0333, -128,
                           version=2)

    def logistic_wide(self):
        return self._unary(OPERATOR.LOGISTIC, (1, 8, 8, 4), (1, 8, 8, 4), 0.0625, 0, 1 / 256, -128,
                           version=2)


def instruction_sets():
    flags = pathlib.Path("/proc/cpuinfo").read_text().split("flags", 1)[1].split("\n")[0].split()
    return [f for f in ("sse4_1", "avx", "avx2", "avx512bw", "avx512_vnni") if f in flags]


def main(folder):
    folder = pathlib.Path(folder)
    (folder / "xnnpack").mkdir(parents=True, exist_ok=True)
    cases = []
    for case in json.loads((folder / "tflite" / "operators.json").read_text())["integer"]:
        content = (folder / "tflite" / f"{case['name']}.tflite").read_bytes()
        if case["name"] in LEFT_OUT:
            continue
        probe = Interpreter(model_content=content)
        if probe.get_input_details()[0]["dtype"] != np.int8:
            continue
        integers = np.frombuffer(base64.b64decode(case["input"]), np.int8).reshape(IMAGES, -1)
        cases.append({
            "name": case["name"], "folder": "tflite", "input": case["input"],
            "output": pack(run(content, integers, OpResolverType.AUTO))})
    random = np.random.default_rng(SEED)
    for name, make in methods(LimitCases(random)):
        model, source, target = make()
        content = model.content(source, target)
        shape = model.tensors[source].shape
        integers = random.integers(-128, 128, (IMAGES, *shape[1:])).astype(np.int8)
        (folder / "xnnpack" / f"{name}.tflite").write_bytes(content)
        cases.append({
            "name": name, "folder": "xnnpack", "input": pack(integers),
            "output": pack(run(content, integers, OpResolverType.AUTO))})
    document = {
        "versions": {"ai-edge-litert": importlib.metadata.version("ai-edge-litert")},
        "processor": instruction_sets(), "seed": SEED, "cases": cases}
    text = json.dumps(document, separators=(",", ":")).replace('{"name"', '\n{"name"')
    (folder / "xnnpack" / "operators.json").write_text(text + "\n")


if __name__ == "__main__":
    main(sys.argv[1])
