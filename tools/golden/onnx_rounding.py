#!/usr/bin/env python3
"""Small quantized ONNX models whose results lie at or next to ties, and what ONNX Runtime computes.

    pip install onnxruntime==1.31.1 onnx numpy
    python tools/golden/onnx_rounding.py Tests/ModelImportTests/Golden/rounding.json

Sums, differences, products, average pools and requantizations, uint8 and int8, on grids whose scales
are powers of two (where every fourth result is a tie) and others; with and without a Relu that ONNX
Runtime does not merge with the quantization behind it. Run on x86-64 with AVX2 and ONNX Runtime's
default options, and as "plain" with its optimizations off. Models, inputs and outputs are in base64: int8, channels last, unsigned integers
moved by 128.
"""

import base64
import json
import sys
from importlib.metadata import version
from pathlib import Path

import numpy as np
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

SEED = 20261130
random = np.random.default_rng(SEED)
node = helper.make_node


def pack(values):
    return base64.b64encode(np.ascontiguousarray(values).tobytes()).decode()


def signed(values):
    return (values.astype(np.int16) - (128 if values.dtype == np.uint8 else 0)).astype(np.int8)


def run(content, x, level=None):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    if level is not None:
        options.graph_optimization_level = level
    session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    return session.run(["y"], {"x": x})[0]


class Net:
    """A model from the integers x to the integers y."""

    def __init__(self, kind, shape):
        self.kind, self.shape = kind, shape
        self.nodes, self.constants = [], {}

    def add(self, operator, inputs, output=None, **attributes):
        output = output or f"v{len(self.nodes)}"
        self.nodes.append(node(operator, inputs, [output], **attributes))
        return output

    def constant(self, value, dtype):
        name = f"c{len(self.constants)}"
        self.constants[name] = np.asarray(value, dtype)
        return name

    def grid(self, scale, zero):
        return [self.constant(scale, np.float32), self.constant(zero, self.kind)]

    def quantize(self, value, grid, output=None):
        return self.add("QuantizeLinear", [value, *grid], output)

    def dequantize(self, value, grid):
        return self.add("DequantizeLinear", [value, *grid])

    def case(self, name):
        kind = TensorProto.UINT8 if self.kind == np.uint8 else TensorProto.INT8
        graph = helper.make_graph(
            self.nodes, "g", [helper.make_tensor_value_info("x", kind, self.shape)],
            [helper.make_tensor_value_info("y", kind, None)],
            [numpy_helper.from_array(v, k) for k, v in self.constants.items()])
        sets = [helper.make_opsetid("", 21), helper.make_opsetid("com.microsoft", 1)]
        content = helper.make_model(graph, opset_imports=sets, ir_version=10).SerializeToString()
        limits = np.iinfo(self.kind)
        x = random.integers(limits.min, limits.max + 1, self.shape).astype(self.kind)
        if x.size >= 256:
            x.ravel()[:256] = np.arange(limits.min, limits.max + 1)
        off = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
        y, plain = run(content, x), run(content, x, off)
        return {"name": f"{name}_{np.dtype(self.kind).name}", "model": pack(np.frombuffer(content, np.uint8)),
                "input": pack(np.moveaxis(signed(x), 1, -1)),
                "output": pack(np.moveaxis(signed(y), 1, -1)),
                "plain": pack(np.moveaxis(signed(plain), 1, -1))}


def of_two(name, kind, operator, grids, relu=False):
    """An operator of the input's two channels, each on a grid of its own."""
    net = Net(kind, (1, 2, 32, 32))
    source = net.grid(*grids[0])
    real = net.dequantize("x", source)
    one = net.constant([1], np.int64)
    sides = []
    for channel, grid in ((0, source), (1, net.grid(*grids[1]))):
        bounds = [net.constant([channel], np.int64), net.constant([channel + 1], np.int64)]
        part = net.add("Slice", [real, *bounds, one])
        sides.append(net.dequantize(net.quantize(part, grid), grid))
    result = net.add(operator, sides)
    if relu:
        result = net.add("Relu", [result])
    net.quantize(result, net.grid(*grids[2]), "y")
    return net.case(name)


def pool(name, kind, grids, own=False, relu=False, **attributes):
    net = Net(kind, (1, 3, 9, 8))
    source, target = net.grid(*grids[0]), net.grid(*grids[1])
    if own:
        net.add("QLinearAveragePool", ["x", *source, *target], "y", domain="com.microsoft",
                **attributes)
        return net.case(name)
    result = net.add("AveragePool", [net.dequantize("x", source)], **attributes)
    if relu:
        result = net.add("Relu", [result])
    net.quantize(result, target, "y")
    return net.case(name)


def requantization(name, kind, grids):
    net = Net(kind, (1, 1, 16, 16))
    source, target = net.grid(*grids[0]), net.grid(*grids[1])
    net.quantize(net.dequantize("x", source), target, "y")
    return net.case(name)


def cases():
    for kind, moved in ((np.uint8, 128), (np.int8, 0)):
        halves = [(2.0**-6, moved), (2.0**-6, moved + 3), (2.0**-5, moved + 1)]
        uneven = [(0.0371, moved - 7), (0.0213, moved + 40), (0.0291, moved + 3)]
        for title, grids in (("halves", halves), ("uneven", uneven)):
            for operator in ("Add", "Sub", "Mul"):
                yield of_two(f"{operator.lower()}_{title}", kind, operator, grids)
                yield of_two(f"{operator.lower()}_relu_{title}", kind, operator, grids, relu=True)
        same = [(0.0371, moved - 7)] * 2
        two = {"kernel_shape": [2, 2], "strides": [2, 2]}
        padded = {"kernel_shape": [3, 3], "pads": [1, 1, 1, 1]}
        yield pool("pool_2x2", kind, same, **two)
        yield pool("pool_2x2_half", kind, [(2.0**-6, moved)] * 2, **two)
        yield pool("pool_uncounted", kind, same, **padded)
        yield pool("pool_counted", kind, same, count_include_pad=1, **padded)
        yield pool("pool_ceil", kind, same, kernel_shape=[3, 3], strides=[2, 2], ceil_mode=1)
        yield pool("pool_other", kind, uneven[:2], **padded)
        yield pool("pool_relu", kind, same, relu=True, **two)
        yield pool("qlinear_pool_other", kind, uneven[:2], own=True, **padded)
        for ratio in (0.5, 2.0, 1.5):
            yield requantization(f"requantize_{ratio}", kind,
                                 [(0.0371, moved - 7), (np.float32(0.0371) * ratio, moved + 5)])


def main():
    records = list(cases())
    Path(sys.argv[1]).write_text(json.dumps({
        "versions": {p: version(p) for p in ("onnxruntime", "onnx", "numpy")}, "seed": SEED,
        "cases": records}, indent=1) + "\n")
    print(len(records), "cases")


if __name__ == "__main__":
    main()
