#!/usr/bin/env python3
"""Small ONNX models of functions, products and transposed convolutions, and what ONNX Runtime computes.

    pip install onnxruntime==1.31.1 onnx numpy
    python tools/golden/onnx_functions.py Tests/ModelImportTests/Golden/functions.json

Models, inputs and outputs are in base64. Float models have float32 with channels first; quantized
ones int8 with channels last, unsigned integers moved by 128. `most` is how many outputs may differ
by one, where ONNX Runtime computes a quantized layer in float.
"""

import base64
import json
import sys
from importlib.metadata import version
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

SEED = 20261129
random = np.random.default_rng(SEED)


def pack(values):
    return base64.b64encode(np.ascontiguousarray(values).tobytes()).decode()


def model(nodes, shape, constants, operator_set=17):
    graph = helper.make_graph(
        nodes, "g", [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
        [numpy_helper.from_array(np.asarray(v), k) for k, v in constants.items()])
    sets = [helper.make_opsetid("", operator_set), helper.make_opsetid("com.microsoft", 1)]
    built = helper.make_model(graph, opset_imports=sets, ir_version=9)
    return built.SerializeToString()


def run(content, x):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    return session.run(["y"], {"x": x})[0]


def float_case(name, nodes, shape, **constants):
    content = model(nodes, shape, constants)
    x = (2 * random.standard_normal(shape)).astype(np.float32)
    return {"name": name, "model": pack(np.frombuffer(content, np.uint8)), "input": pack(x),
            "output": pack(run(content, x).astype(np.float32))}


def weights(*shape):
    return (0.5 * random.standard_normal(shape)).astype(np.float32)


def float_cases():
    node = helper.make_node
    image = (1, 3, 5, 4)
    yield float_case("silu", [node("Sigmoid", ["x"], ["s"]), node("Mul", ["x", "s"], ["y"])], image)
    yield float_case("hard_swish", [node("HardSwish", ["x"], ["y"])], image)
    yield float_case("leaky_relu", [node("LeakyRelu", ["x"], ["a"]),
                                    node("LeakyRelu", ["a"], ["y"], alpha=0.3)], image)

    def transposed(name, shape, w, bias=True, **attributes):
        inputs = ["x", "w", "b"] if bias else ["x", "w"]
        constants = {"w": weights(*w)}
        if bias:
            constants["b"] = weights(w[1] * attributes.get("group", 1))
        return float_case(name, [node("ConvTranspose", inputs, ["y"], **attributes)], shape,
                          **constants)

    yield transposed("plain", (1, 3, 5, 4), (3, 2, 3, 2), bias=False)
    yield transposed("strided", (1, 3, 5, 4), (3, 2, 3, 2), strides=[2, 3], pads=[1, 0, 0, 1],
                     kernel_shape=[3, 2], output_padding=[1, 2])
    yield transposed("grouped", (1, 4, 3, 5), (4, 3, 3, 3), group=2, strides=[2, 2],
                     pads=[1, 1, 1, 1])
    yield transposed("dilated", (1, 2, 4, 4), (2, 3, 2, 3), dilations=[3, 2], pads=[1, 2, 3, 0])
    yield transposed("same_upper", (1, 2, 4, 5), (2, 3, 4, 3), strides=[3, 2],
                     auto_pad="SAME_UPPER")
    yield transposed("same_lower", (1, 2, 4, 5), (2, 3, 4, 3), strides=[3, 2],
                     auto_pad="SAME_LOWER")
    yield transposed("stated", (1, 2, 4, 5), (2, 3, 4, 3), strides=[2, 2], output_shape=[9, 8])
    yield transposed("valid", (1, 2, 4, 5), (2, 3, 4, 3), strides=[2, 1], auto_pad="VALID")


def signed(values, kind):
    return (values.astype(np.int16) - (128 if kind == np.uint8 else 0)).astype(np.int8)


def channels_last(values):
    return np.moveaxis(values, 1, -1)


def quantized_case(name, nodes, shape, grids, kind, most=0, **constants):
    """Nodes from the integers q, and their real numbers d, to the integers r."""
    for key, (scale, zero) in grids.items():
        constants[key + "s"] = np.float32(scale)
        constants[key + "z"] = kind(zero)
    node = helper.make_node
    content = model(
        [node("QuantizeLinear", ["x", "xs", "xz"], ["q"]),
         node("DequantizeLinear", ["q", "xs", "xz"], ["d"]), *nodes,
         node("DequantizeLinear", ["r", "ys", "yz"], ["y"])], shape, constants)
    limits = np.iinfo(kind)
    count = int(np.prod(shape))
    integers = random.integers(limits.min, limits.max + 1, count)
    if count >= 256:
        integers[:256] = np.arange(limits.min, limits.max + 1)
    integers = integers.reshape(shape)
    (scale, zero), (out_scale, out_zero) = grids["x"], grids["y"]
    x = (np.float32(scale) * (integers - zero).astype(np.float32)).astype(np.float32)
    y = np.round(run(content, x) / np.float32(out_scale)) + out_zero
    return {"name": name, "model": pack(np.frombuffer(content, np.uint8)), "most": most,
            "input": pack(channels_last(signed(integers, kind))),
            "output": pack(channels_last(signed(y, kind)))}


def quantized_cases():
    node = helper.make_node
    image = (1, 1, 16, 16)

    def around(operator, **attributes):
        return [node(operator, ["d"], ["f"], **attributes),
                node("QuantizeLinear", ["f", "ys", "yz"], ["r"])]

    def own(operator, **attributes):
        return [node(operator, ["q", "xs", "xz", "ys", "yz"], ["r"], domain="com.microsoft",
                     **attributes)]

    for kind, moved in ((np.uint8, 128), (np.int8, 0)):
        suffix = kind.__name__
        sigmoid = {"x": (0.043, moved - 9), "y": (0.0039, moved - 128)}
        yield quantized_case(f"sigmoid_{suffix}", around("Sigmoid"), image, sigmoid, kind)
        yield quantized_case(f"qlinear_sigmoid_{suffix}", own("QLinearSigmoid"), image, sigmoid,
                             kind)
        leaky = {"x": (0.05, moved + 17), "y": (0.031, moved - 60)}
        yield quantized_case(f"leaky_relu_{suffix}", around("LeakyRelu"), image, leaky, kind)
        yield quantized_case(f"qlinear_leaky_relu_{suffix}", own("QLinearLeakyRelu", alpha=0.2),
                             image, leaky, kind)
        swish = {"x": (0.037, moved + 5), "y": (0.021, moved - 110)}
        yield quantized_case(f"hard_swish_{suffix}", around("HardSwish"), image, swish, kind)
        silu = {"x": (0.043, moved + 6), "s": (1 / 256, moved - 128), "y": (0.022, moved - 115)}
        yield quantized_case(
            f"silu_{suffix}",
            [node("Sigmoid", ["d"], ["f"]), node("QuantizeLinear", ["f", "ss", "sz"], ["sq"]),
             node("DequantizeLinear", ["sq", "ss", "sz"], ["sd"]),
             node("Mul", ["d", "sd"], ["m"]), node("QuantizeLinear", ["m", "ys", "yz"], ["r"])],
            image, silu, kind)
        yield quantized_case(
            f"qlinear_silu_{suffix}",
            [node("QLinearSigmoid", ["q", "xs", "xz", "ss", "sz"], ["sq"], domain="com.microsoft"),
             node("QLinearMul", ["q", "xs", "xz", "sq", "ss", "sz", "ys", "yz"], ["r"],
                  domain="com.microsoft")], image, silu, kind)

    def transposed(name, shape, w, most, rectified=False, **attributes):
        integers = random.integers(-127, 128, w).astype(np.int8)
        scales = (0.01 * random.uniform(0.5, 2, w[1])).astype(np.float32)
        groups = attributes.get("group", 1)
        bias = random.integers(-3000, 3000, w[1] * groups).astype(np.int32)
        nodes = [node("DequantizeLinear", ["w", "ws", "wz"], ["wd"], axis=1),
                 node("DequantizeLinear", ["b", "bs", "bz"], ["bd"], axis=0),
                 node("ConvTranspose", ["d", "wd", "bd"], ["f"], **attributes)]
        if rectified:
            nodes.append(node("Relu", ["f"], ["g"]))
        nodes.append(node("QuantizeLinear", ["g" if rectified else "f", "ys", "yz"], ["r"]))
        return quantized_case(
            name, nodes, shape, {"x": (0.05, 131), "y": (0.9, 120)}, np.uint8, most, w=integers,
            ws=scales, wz=np.zeros(w[1], np.int8), b=bias,
            bs=np.tile(scales, groups) * np.float32(0.05), bz=np.zeros(w[1] * groups, np.int32))

    yield transposed("transposed", (1, 3, 5, 4), (3, 6, 3, 3), 2, strides=[2, 2],
                     pads=[1, 1, 1, 1], output_padding=[1, 1])
    yield transposed("transposed_grouped", (1, 4, 5, 6), (4, 3, 3, 2), 2, rectified=True, group=2,
                     strides=[2, 3], pads=[1, 0, 0, 1])


def later_cases():
    """Behind the others, which so keep their random numbers."""
    node = helper.make_node
    yield "float", float_case("tanh", [node("Tanh", ["x"], ["y"])], (1, 3, 5, 4))
    for kind, moved in ((np.uint8, 128), (np.int8, 0)):
        around = [node("Tanh", ["d"], ["f"]), node("QuantizeLinear", ["f", "ys", "yz"], ["r"])]
        yield "quantized", quantized_case(
            f"tanh_{kind.__name__}", around, (1, 1, 16, 16),
            {"x": (0.027, moved + 11), "y": (0.0083, moved - 3)}, kind)


def main(path):
    result = {"versions": {n: version(n) for n in ("onnxruntime", "onnx", "numpy")},
              "float": list(float_cases()), "quantized": list(quantized_cases())}
    for kind, case in later_cases():
        result[kind].append(case)
    text = json.dumps(result, separators=(",", ":")).replace('{"name"', '\n{"name"')
    Path(path).write_text(text + "\n")


if __name__ == "__main__":
    main(sys.argv[1])
