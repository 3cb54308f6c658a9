#!/usr/bin/env python3
"""Small ONNX models in the forms in which exporters write them, and what ONNX Runtime computes.

    pip install onnxruntime==1.31.1 onnx numpy
    python tools/golden/onnx_forms.py Tests/ModelImportTests/Golden/forms.json

The file's form is that of `functions.json` (`onnx_functions.py`). Graph optimizations are off: what
counts is the meaning of the operators as the file has them. `most` is how many outputs may differ by
one: next to a tie a sum in float32 may round otherwise than the sum of integers.
"""

import base64
import json
import sys
from importlib.metadata import version
from pathlib import Path

import numpy as np
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

random = np.random.default_rng(20261129)
IMAGES = 4


def pack(values):
    return base64.b64encode(np.ascontiguousarray(values).tobytes()).decode()


class Net:
    def __init__(self):
        self.nodes, self.constants, self.count = [], [], 0

    def const(self, value, kind=np.float32):
        self.count += 1
        name = f"c{self.count}"
        self.constants.append(numpy_helper.from_array(np.asarray(value, kind), name))
        return name

    def op(self, kind, inputs, **attributes):
        self.count += 1
        self.nodes.append(
            helper.make_node(kind, inputs, [f"v{self.count}"], f"n{self.count}", **attributes))
        return f"v{self.count}"

    def quantize(self, x, scale, zero, kind=np.uint8):
        return self.op("QuantizeLinear", [x, self.const(scale), self.const(zero, kind)])

    def real(self, q, scale, zero, kind=np.uint8, **attributes):
        zero = np.broadcast_to(zero, np.shape(scale))
        return self.op("DequantizeLinear", [q, self.const(scale), self.const(zero, kind)], **attributes)

    def both(self, x, scale, zero, kind=np.uint8):
        return self.real(self.quantize(x, scale, zero, kind), scale, zero, kind)

    def weights(self, shape, axis=0):
        scale = random.uniform(0.002, 0.006, shape[axis]).astype(np.float32)
        q = self.const(random.integers(-127, 128, shape), np.int8)
        return self.real(q, scale, 0, np.int8, axis=axis)

    def asymmetric(self, shape, zero=20):
        q = self.const(random.integers(0, 256, shape), np.uint8)
        return self.real(q, 0.004, zero)

    def model(self, shape, output, operator_set=17):
        graph = helper.make_graph(
            self.nodes, "g", [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, *shape])],
            [helper.make_tensor_value_info(output, TensorProto.FLOAT, None)], self.constants)
        sets = [helper.make_opsetid("", operator_set)]
        return helper.make_model(graph, opset_imports=sets, ir_version=9).SerializeToString()


def run(content, images):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    return np.concatenate([session.run(None, {"x": x[None]})[0] for x in images])


def channels_last(values):
    return values.transpose(0, 2, 3, 1) if values.ndim == 4 else values


def quantized(name, build, shape=(3, 5, 6), out=(0.03, 128), own=(0.02, 117, np.uint8), most=0,
              kind=np.uint8, raw=None, opset=17):
    """`build` gives the real output, on the grid `out`; `raw` scales pixels of 0 to 255."""
    net = Net()
    output = build(net)
    content = net.model(shape, output, opset)
    low, high = np.iinfo(own[2]).min, np.iinfo(own[2]).max
    q = random.integers(low, high + 1, (IMAGES, *shape))
    if raw is not None:
        q = random.integers(0, 256, (IMAGES, *shape))
        x = q.astype(np.float32) * np.float32(raw)
    else:
        x = (q.astype(np.float32) - np.float32(own[1])) * np.float32(own[0])
    y = run(content, x.astype(np.float32))
    result = np.rint(y.astype(np.float64) / np.float32(out[0])) + out[1]
    moved = 128 if own[2] == np.uint8 else 0
    return {"name": name, "model": pack(np.frombuffer(content, np.uint8)),
            "input": pack(channels_last(q - moved).astype(np.int8)),
            "output": pack(channels_last(result - (128 if kind == np.uint8 else 0)).astype(np.int8)),
            "most": most}


def quantized_cases():
    def on(build, **options):
        """From x on its grid to `build`'s result on the output's."""
        name = options.pop("name")
        scale, zero = options.get("out", (0.03, 128))
        return quantized(
            name, lambda n: n.both(build(n, n.both("x", 0.02, 117)), scale, zero), **options)

    def same(name, build, **options):
        return quantized(
            name, lambda n: build(n, n.both("x", 0.02, 117)), out=(0.02, 117), **options)

    def integers(name, build, own=(0.02, 117, np.uint8), **options):
        return quantized(
            name, lambda n: n.real(build(n, n.quantize("x", *own)), *own), out=own[:2], own=own,
            kind=own[2], **options)

    def channels(values):
        return np.float32(values).reshape(1, -1, 1, 1)

    conv = lambda n, x, o=5, i=3, k=1, **a: n.op("Conv", [x, n.weights((o, i, k, k))], **a)
    bias = lambda n: n.const(random.standard_normal(5))
    yield on(lambda n, x: n.op("Conv", [x, n.asymmetric((5, 3, 3, 3)), bias(n)], pads=[1] * 4),
             name="asymmetric convolution", out=(0.1, 60), most=1)
    yield on(lambda n, x: n.op("Conv", [x, n.asymmetric((3, 1, 3, 3))], pads=[1] * 4, group=3),
             name="asymmetric depthwise", out=(0.08, 60))
    yield on(lambda n, x: n.op("Conv", [x, n.asymmetric((4, 2, 3, 3))], group=2), shape=(4, 5, 6),
             name="asymmetric groups", out=(0.08, 60))
    yield on(lambda n, x: n.op("ConvTranspose", [x, n.asymmetric((3, 4, 3, 3))], pads=[1] * 4),
             name="asymmetric transposed", out=(0.08, 60))
    yield on(lambda n, x: n.op("Gemm", [x, n.asymmetric((12, 5)), bias(n)]), shape=(12,),
             name="asymmetric matrix", out=(0.1, 30))
    yield on(lambda n, x: n.op("Add", [n.op("MatMul", [x, n.op(
        "Transpose", [n.weights((5, 12))], perm=[1, 0])]), bias(n)]), shape=(12,),
        name="transposed weights")
    yield on(lambda n, x: n.op("Gemm", [x, n.real(n.op("Clip", [
        n.quantize(n.const(random.standard_normal((5, 12)) / 3), 0.005, 0, np.int8),
        n.const(-100, np.int8), n.const(90, np.int8)]), 0.005, 0, np.int8)], transB=1, alpha=0.5),
        shape=(12,), name="clipped quantized weights")
    yield on(lambda n, x: n.op("Conv", [x, n.real(n.op("Clip", [
        n.const(random.integers(-128, 128, (5, 3, 1, 1)), np.int8), n.const(-7, np.int8),
        n.const(7, np.int8)]), 0.0517, 0, np.int8)]), name="clipped stored weights")
    yield integers("clipped activation", lambda n, q: n.op(
        "Clip", [q, n.const(60, np.uint8), n.const(200, np.uint8)]))
    yield on(lambda n, x: n.op("Gemm", [x, n.weights((12, 5), axis=1), n.const(
        random.standard_normal((1, 5)))], beta=-2.0), shape=(12,), name="beta")
    yield on(lambda n, x: n.op("Gemm", [x, n.weights((12, 5), axis=1), n.const([[0.7]])],
                               alpha=-1.5), shape=(12,), name="negative alpha")
    yield on(lambda n, x: n.op("Conv", [x, n.weights((5, 3, 1, 1)), n.real(
        n.const([900, -700, 0, 4000, -3000], np.int32), 0.0005, 0, np.int32)]), most=1,
        name="bias on a grid of its own")
    yield on(lambda n, x: n.op("Conv", [x, n.weights((5, 3, 1, 1)), n.real(
        n.const([90, -70, 0, 40, -30], np.int8), 0.01, 3, np.int8)]), most=1, name="bias of int8")
    yield on(lambda n, x: n.op("Mul", [x, n.const(1.37)]), name="product with a number")
    yield on(lambda n, x: n.op("Div", [x, n.const(0.7)]), name="quotient by a number")
    yield on(lambda n, x: n.op("Relu", [n.op("Sub", [n.const(0.5), n.op("Div", [n.op(
        "Add", [x, n.const(0.3)]), n.const(1.3)])])]), name="steps")
    yield on(lambda n, x: n.op("Mul", [x, n.const(channels([0.5, 1.7, -1.1]))]),
             name="product with channels", most=2)
    yield on(lambda n, x: n.op("Add", [n.op("Mul", [n.op(
        "Conv", [x, n.weights((5, 3, 3, 3)), bias(n)], pads=[1] * 4), n.const(
        channels([0.5, 1.5, 1.1, -0.7, 0.9]))]), n.const(channels(range(5)))]), out=(0.05, 100),
        name="layer and arithmetic", most=2)
    yield on(lambda n, x: n.op("Reshape", [conv(n, x, 3), n.const([1, 5, 3, 6], np.int64)]),
             name="reshape before quantization")
    yield same("reshape at the output", lambda n, x: n.op(
        "Reshape", [x, n.const([1, 5, 3, 6], np.int64)]))
    yield on(lambda n, x: n.op("Clip", [n.op("Reshape", [x, n.const([1, 6, 3, 5], np.int64)]),
                                        n.const(-1), n.const(1)]), name="bounds behind a reshape")
    yield on(lambda n, x: n.op("Conv", [n.op("Reshape", [x, n.const([1, 6, 3, 5], np.int64)]),
                                        n.weights((2, 6, 3, 3))]), name="layer behind a reshape")
    yield same("flattened output", lambda n, x: n.op("Flatten", [x]))
    yield same("concatenation of one", lambda n, x: n.op("Concat", [x], axis=1))
    yield same("concatenation of 70", lambda n, x: n.op("Concat", [x] * 70, axis=3), shape=(2, 1, 2))
    yield integers("padding of integers", lambda n, q: n.op(
        "Pad", [q, n.const([0, 0, 1, 2, 0, 0, 0, 1], np.int64)]))
    yield integers("padding of int8", lambda n, q: n.op(
        "Pad", [q, n.const([0, 0, 1, 2, 0, 0, 0, 1], np.int64), n.const(-7, np.int8)]),
        own=(0.02, 3, np.int8))
    yield integers("pool of one pixel", lambda n, q: n.op(
        "MaxPool", [q], kernel_shape=[2, 2], strides=[2, 2], ceil_mode=1), shape=(30, 1, 1))
    yield quantized("no zero points", lambda n: n.op("DequantizeLinear", [n.op(
        "QuantizeLinear", [n.op("Conv", [n.op("DequantizeLinear", [n.op(
            "QuantizeLinear", ["x", n.const(0.02)], output_dtype=TensorProto.INT8),
            n.const(0.02)]), n.weights((5, 3, 1, 1))]), n.const(0.03)],
        output_dtype=TensorProto.INT8), n.const(0.03)]), out=(0.03, 0), own=(0.02, 0, np.int8),
        kind=np.int8, opset=21)
    yield quantized("pixels over 255", lambda n: n.both(
        n.op("Div", ["x", n.const(255)]), 1 / 255, 0), out=(1 / 255, 0), raw=1)
    yield quantized("normalized pixels", lambda n: n.both(n.op("Div", [n.op("Sub", [n.op(
        "Div", ["x", n.const(255)]), n.const(channels([0.485, 0.456, 0.406]))]), n.const(
        channels([0.229, 0.224, 0.225]))]), 0.0187, 114), out=(0.0187, 114), raw=1, most=2)


def float_case(name, build, shape=(3, 5, 6)):
    net = Net()
    output = build(net)
    content = net.model(shape, output)
    x = random.standard_normal((IMAGES, *shape)).astype(np.float32)
    return {"name": name, "model": pack(np.frombuffer(content, np.uint8)), "input": pack(x),
            "output": pack(run(content, x).astype(np.float32))}


def float_cases():
    kernel = lambda n, *shape: n.const(random.standard_normal(shape))
    yield float_case("half precision", lambda n: n.op("Conv", ["x", n.op(
        "Cast", [n.const(random.standard_normal((4, 3, 3, 3)), np.float16)], to=1)]))
    yield float_case("normalization", lambda n: n.op("Div", [n.op("Sub", [n.op(
        "Div", ["x", n.const(255)]), n.const(np.float32([0.4, 0.5, 0.6]).reshape(1, 3, 1, 1))]),
        n.const(np.float32([0.2, 0.3, 0.4]).reshape(3, 1, 1))]))
    yield float_case("one less a layer", lambda n: n.op("Sub", [
        n.const(1), n.op("Conv", ["x", kernel(n, 4, 3, 3, 3)])]))
    yield float_case("layer less a bias", lambda n: n.op("Sub", [
        n.op("Conv", ["x", kernel(n, 4, 3, 3, 3)]), kernel(n, 4, 1, 1)]))
    yield float_case("concatenation of one", lambda n: n.op("Concat", ["x"], axis=1))
    for mode, dilations, strides, ceil in [
            ("SAME_UPPER", [2, 1], [3, 2], 0), ("SAME_LOWER", [3, 2], [3, 2], 1),
            ("SAME_UPPER", [1, 1], [3, 3], 1), ("SAME_LOWER", [2, 2], [1, 1], 0)]:
        yield float_case(
            f"pool {mode} {dilations} {strides} {ceil}", lambda n: n.op(
                "MaxPool", ["x"], kernel_shape=[2, 3], auto_pad=mode, dilations=dilations,
                strides=strides, ceil_mode=ceil), shape=(2, 10, 7))
    yield float_case("pool of one pixel", lambda n: n.op(
        "MaxPool", ["x"], kernel_shape=[2, 2], strides=[2, 2], ceil_mode=1), shape=(4, 1, 1))


def main(target):
    result = {"versions": {name: version(name) for name in ["onnxruntime", "onnx", "numpy"]},
              "float": list(float_cases()), "quantized": list(quantized_cases())}
    Path(target).write_text(json.dumps(result, indent=1) + "\n")
    print(len(result["float"]), "float,", len(result["quantized"]), "quantized")


if __name__ == "__main__":
    main(sys.argv[1])
