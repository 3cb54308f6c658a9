#!/usr/bin/env python3
"""Small float ONNX models whose values have any axes, and what ONNX Runtime computes with them.

    pip install onnxruntime==1.31.1 onnx numpy
    python tools/golden/onnx_axes.py Tests/ModelImportTests/Golden/axes.json

Models, inputs and outputs are in base64, float32 in the file's order. A batch of `n` is open; an
input of one image is a file's with a batch of 1.
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

SEED = 20261130
random = np.random.default_rng(SEED)
node = helper.make_node


def pack(values):
    return base64.b64encode(np.ascontiguousarray(values).tobytes()).decode()


def floats(*shape):
    return random.standard_normal(shape).astype(np.float32)


def ints(*values):
    return np.array(values, np.int64)


def case(name, nodes, shape, batch=2, operator_set=20, positive=False, fixed=False, inputs="x", outputs="y",
         **constants):
    """`batch` 1 is fixed in the file, any other is open, unless `fixed`. Names are letters; several inputs have
    the same shape, and stand one behind the other in the record, as outputs do."""
    open_shape = [batch if fixed or batch == 1 else "n", *shape]
    graph = helper.make_graph(
        nodes, "g", [helper.make_tensor_value_info(name, TensorProto.FLOAT, open_shape) for name in inputs],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in outputs],
        [numpy_helper.from_array(np.asarray(v), k) for k, v in constants.items()])
    domains = {each.domain for each in nodes} - {""}
    built = helper.make_model(
        graph, ir_version=9, opset_imports=[helper.make_opsetid("", operator_set)]
        + [helper.make_opsetid(domain, 1) for domain in domains])
    content = built.SerializeToString()
    values = {each: floats(batch, *shape) for each in inputs}
    if positive:
        values = {each: np.abs(value) + np.float32(0.25) for each, value in values.items()}
    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    found = session.run(list(outputs), values)
    return {"name": name, "model": pack(np.frombuffer(content, np.uint8)),
            "input": pack(np.concatenate([value.ravel() for value in values.values()])),
            "output": pack(np.concatenate([value.astype(np.float32).ravel() for value in found]))}


def functions():
    for kind in ("Abs", "Cos", "Elu", "Erf", "Exp", "Floor", "Ceil", "HardSigmoid", "Neg", "Round",
                 "Selu", "Celu", "Sign", "Sin", "Softplus", "Softsign", "Mish", "Gelu"):
        yield case(kind, [node(kind, ["x"], ["y"])], (3, 7))
    for kind in ("Log", "Reciprocal", "Sqrt"):
        yield case(kind, [node(kind, ["x"], ["y"])], (3, 7), positive=True)
    yield case("Gelu tanh", [node("Gelu", ["x"], ["y"], approximate="tanh")], (3, 7))
    yield case("Pow", [node("Pow", ["x", "p"], ["y"])], (3, 7), p=np.float32(3))
    yield case("PRelu", [node("PRelu", ["x", "s"], ["y"])], (3, 2, 4), s=floats(3, 1, 1))
    yield case("gelu of erf", [
        node("Div", ["x", "r"], ["a"]), node("Erf", ["a"], ["b"]), node("Add", ["b", "o"], ["c"]),
        node("Mul", ["x", "c"], ["d"]), node("Mul", ["d", "h"], ["y"])], (5, 4),
        r=np.float32(2 ** 0.5), o=np.float32(1), h=np.float32(0.5))


def joins():
    yield case("gate", [
        node("ReduceMean", ["x", "a"], ["m"], keepdims=1), node("HardSigmoid", ["m"], ["g"]),
        node("Mul", ["x", "g"], ["y"])], (3, 4, 5), operator_set=18, a=ints(2, 3))
    for kind in ("Add", "Sub", "Mul", "Div"):
        yield case(f"{kind} of rows", [node(kind, ["x", "c"], ["y"])], (4, 5), c=floats(4, 5))
        yield case(f"{kind} by columns", [node(kind, ["c", "x"], ["y"])], (4, 5), c=floats(4, 1),
                   positive=True)
    yield case("Div of activations", [
        node("Exp", ["x"], ["e"]), node("Div", ["x", "e"], ["y"])], (4, 5))
    yield case("Max, Min, Sum, Mean", [
        node("Max", ["x", "c"], ["a"]), node("Min", ["a", "d", "x"], ["b"]),
        node("Sum", ["a", "b", "c"], ["s"]), node("Mean", ["s", "x"], ["y"])], (4, 5),
        c=floats(5), d=floats(1, 4, 1))
    yield case("class token", [
        node("Shape", ["x"], ["s"], start=0, end=1), node("Concat", ["s", "r"], ["t"], axis=0),
        node("Expand", ["c", "t"], ["e"]), node("Concat", ["e", "x"], ["y"], axis=1)], (4, 5),
        c=floats(1, 1, 5), r=ints(1, 5))
    yield case("class token of one image", [node("Concat", ["c", "x"], ["y"], axis=1)], (4, 5),
               batch=1, c=floats(1, 1, 5))


def matrices():
    yield case("rows", [node("MatMul", ["x", "w"], ["a"]), node("Add", ["a", "b"], ["y"])],
               (4, 5), w=floats(5, 3), b=floats(3))
    yield case("rows of images", [node("MatMul", ["x", "w"], ["y"])], (2, 4, 5), w=floats(5, 3))
    yield case("a matrix first", [node("MatMul", ["w", "x"], ["y"])], (4, 5), w=floats(3, 4))
    yield case("products of activations", [
        node("Transpose", ["x"], ["t"], perm=[0, 2, 1]), node("MatMul", ["x", "t"], ["y"])], (4, 5))
    attention = [
        node("MatMul", ["x", "w"], ["p"]), node("Add", ["p", "b"], ["q"]),
        node("Reshape", ["q", "s"], ["r"]), node("Transpose", ["r"], ["t"], perm=[2, 0, 3, 1, 4]),
        node("Gather", ["t", "i0"], ["Q"], axis=0), node("Gather", ["t", "i1"], ["K"], axis=0),
        node("Gather", ["t", "i2"], ["V"], axis=0), node("Mul", ["Q", "f"], ["Qf"]),
        node("Transpose", ["K"], ["Kt"], perm=[0, 1, 3, 2]), node("MatMul", ["Qf", "Kt"], ["S"]),
        node("Softmax", ["S"], ["A"], axis=-1), node("MatMul", ["A", "V"], ["O"]),
        node("Transpose", ["O"], ["Ot"], perm=[0, 2, 1, 3]), node("Reshape", ["Ot", "e"], ["y"])]
    for batch in (1, 3):
        yield case(f"attention of {batch}", attention, (6, 8), batch=batch, w=floats(8, 24),
                   b=floats(24), s=ints(0, 6, 3, 2, 4), e=ints(0, 6, 8), i0=ints(0)[0], i1=ints(1)[0],
                   i2=ints(2)[0], f=np.float32(0.5))
    windows = [
        node("Reshape", ["x", "s"], ["a"]), node("Transpose", ["a"], ["b"], perm=[0, 1, 3, 2, 4, 5]),
        node("Reshape", ["b", "t"], ["c"]), node("MatMul", ["c", "w"], ["d"]),
        node("LayerNormalization", ["d", "g"], ["e"]), node("Reshape", ["e", "u"], ["f"]),
        node("Transpose", ["f"], ["h"], perm=[0, 1, 3, 2, 4, 5]), node("Reshape", ["h", "v"], ["y"])]
    yield case("windows of one image", windows, (4, 6, 3), batch=1, s=ints(1, 2, 2, 3, 2, 3),
               t=ints(6, 4, 3), u=ints(1, 2, 3, 2, 2, 3), v=ints(1, 4, 6, 3), w=floats(3, 3),
               g=floats(3))
    yield case("windows of a batch", windows, (4, 6, 3), batch=2, s=ints(-1, 2, 2, 3, 2, 3),
               t=ints(-1, 4, 3), u=ints(-1, 2, 3, 2, 2, 3), v=ints(-1, 4, 6, 3), w=floats(3, 3),
               g=floats(3))


def moves():
    yield case("channel shuffle", [
        node("Reshape", ["x", "s"], ["a"]), node("Transpose", ["a"], ["b"], perm=[0, 2, 1, 3, 4]),
        node("Reshape", ["b", "t"], ["y"])], (6, 2, 3), s=ints(0, 2, 3, 2, 3), t=ints(0, 6, 2, 3))
    yield case("split", [
        node("Split", ["x"], ["a", "b", "c"], axis=1, num_outputs=3),
        node("Sub", ["c", "a"], ["d"]), node("Mul", ["d", "b"], ["y"])], (6, 4))
    yield case("split by sizes", [
        node("Split", ["x", "s"], ["a", "b"], axis=2), node("Concat", ["b", "a"], ["y"], axis=2)],
        (3, 5), s=ints(2, 3))
    yield case("gather", [node("Gather", ["x", "i"], ["y"], axis=1)], (4, 3), i=ints(2, 0, -1, 0))
    yield case("gather of two axes", [node("Gather", ["x", "i"], ["y"], axis=2)], (2, 4),
               i=np.array([[0, 1], [3, 2]], np.int64))
    yield case("slice backwards", [node("Slice", ["x", "s", "e", "a", "t"], ["y"])], (2, 5),
               s=ints(-1), e=ints(-9), a=ints(2), t=ints(-2))
    yield case("tile", [node("Tile", ["x", "r"], ["y"])], (2, 3), r=ints(1, 2, 3))
    yield case("expand", [node("Expand", ["x", "s"], ["y"])], (1, 3), s=ints(1, 4, 3))
    for mode in ("reflect", "edge", "wrap"):
        yield case(f"pad, {mode}", [node("Pad", ["x", "p"], ["y"], mode=mode)], (2, 3, 4),
                   p=ints(0, 0, 1, 2, 0, 0, 2, 1))
    yield case("pad, negative", [node("Pad", ["x", "p"], ["y"])], (2, 3, 4),
               p=ints(0, 0, -1, 2, 0, 0, 1, -2))
    for mode in ("DCR", "CRD"):
        yield case(f"DepthToSpace {mode}", [
            node("DepthToSpace", ["x"], ["y"], blocksize=2, mode=mode)], (8, 2, 3))
    yield case("SpaceToDepth", [node("SpaceToDepth", ["x"], ["y"], blocksize=2)], (2, 4, 6))
    for mode, coordinates in (("nearest", "asymmetric"), ("nearest", "half_pixel"),
                              ("linear", "half_pixel"), ("linear", "align_corners"),
                              ("linear", "asymmetric"), ("linear", "pytorch_half_pixel")):
        yield case(f"resize {mode} {coordinates}", [
            node("Resize", ["x", "", "", "s"], ["y"], mode=mode,
                 coordinate_transformation_mode=coordinates)], (2, 3, 4), batch=1, s=ints(1, 2, 5, 7))
    yield case("resize by scales", [
        node("Resize", ["x", "", "f"], ["y"], mode="nearest", nearest_mode="floor",
             coordinate_transformation_mode="asymmetric")], (2, 3, 4),
        f=np.array([1, 1, 2, 2], np.float32))


def reductions():
    for kind in ("ReduceMean", "ReduceSum", "ReduceMax", "ReduceMin", "ReduceL1", "ReduceL2",
                 "ReduceSumSquare", "ReduceLogSumExp"):
        yield case(f"{kind} over one axis", [node(kind, ["x", "a"], ["y"], keepdims=1)], (3, 4, 5),
                   operator_set=18, a=ints(2))
        yield case(f"{kind} over two", [node(kind, ["x", "a"], ["y"], keepdims=0)], (3, 4, 5),
                   operator_set=18, a=ints(1, -1))
    yield case("GlobalMaxPool", [node("GlobalMaxPool", ["x"], ["y"])], (3, 4, 5))
    for axis in (1, 2, -1):
        yield case(f"Softmax {axis}", [node("Softmax", ["x"], ["y"], axis=axis)], (3, 4))
        yield case(f"LogSoftmax {axis}", [node("LogSoftmax", ["x"], ["y"], axis=axis)], (3, 4))
    yield case("Softmax of set 11", [node("Softmax", ["x"], ["y"], axis=1)], (3, 4), operator_set=11)


def normalizations():
    yield case("LayerNormalization", [
        node("LayerNormalization", ["x", "g", "b"], ["y"], epsilon=1e-4)], (4, 6), g=floats(6),
        b=floats(6))
    yield case("over two axes", [node("LayerNormalization", ["x", "g"], ["y"], axis=-2)], (3, 4, 6),
               g=floats(4, 6))
    yield case("LayerNormalization in parts", [
        node("ReduceMean", ["x"], ["m"], axes=[-1]), node("Sub", ["x", "m"], ["d"]),
        node("Pow", ["d", "p"], ["q"]), node("ReduceMean", ["q"], ["v"], axes=[-1]),
        node("Add", ["v", "e"], ["w"]), node("Sqrt", ["w"], ["s"]), node("Div", ["d", "s"], ["n"]),
        node("Mul", ["n", "g"], ["o"]), node("Add", ["o", "b"], ["y"])], (4, 6), operator_set=14,
        p=np.float32(2), e=np.float32(1e-5), g=floats(6), b=floats(6))
    yield case("InstanceNormalization", [
        node("InstanceNormalization", ["x", "g", "b"], ["y"])], (3, 4, 5), g=floats(3), b=floats(3))
    yield case("GroupNormalization", [
        node("GroupNormalization", ["x", "g", "b"], ["y"], num_groups=2)], (4, 3, 5),
        operator_set=21, g=floats(4), b=floats(4))
    for p in (1, 2):
        yield case(f"LpNormalization {p}", [node("LpNormalization", ["x"], ["y"], axis=1, p=p)],
                   (4, 5))


def sequences():
    """Windows over one axis."""
    yield case("Conv of a sequence", [
        node("Conv", ["x", "w", "b"], ["y"], strides=[2], pads=[1, 2], dilations=[2])], (3, 11),
        w=floats(4, 3, 3), b=floats(4))
    yield case("Conv of a sequence in groups", [
        node("Conv", ["x", "w"], ["y"], group=2, auto_pad="SAME_UPPER", kernel_shape=[4])], (4, 9),
        w=floats(6, 2, 4))
    yield case("ConvTranspose of a sequence", [
        node("ConvTranspose", ["x", "w", "b"], ["y"], strides=[2], pads=[1, 0], output_padding=[1])],
        (3, 5), w=floats(3, 2, 3), b=floats(2))
    yield case("pools of a sequence", [
        node("MaxPool", ["x"], ["a"], kernel_shape=[3], strides=[2], pads=[1, 1], ceil_mode=1),
        node("AveragePool", ["a"], ["y"], kernel_shape=[2], pads=[1, 0])], (3, 12))
    yield case("layers over a sequence", [
        node("Conv", ["x", "w"], ["a"]),
        node("BatchNormalization", ["a", "g", "b", "m", "v"], ["c"]), node("Relu", ["c"], ["d"]),
        node("Conv", ["d", "u"], ["e"], pads=[1, 1]), node("Add", ["e", "d"], ["f"]),
        node("Sigmoid", ["f"], ["h"]), node("Mul", ["f", "h"], ["i"]),
        node("GlobalAveragePool", ["i"], ["j"]), node("Flatten", ["j"], ["y"])], (3, 8),
        w=floats(4, 3, 2), g=floats(4), b=floats(4), m=floats(4), v=np.abs(floats(4)) + 0.5,
        u=floats(4, 4, 3))


def whole():
    """A first axis that is no batch's: what the file takes is one image."""
    fixed = {"batch": 4, "fixed": True}
    yield case("rows with a summand each", [
        node("MatMul", ["x", "w"], ["a"]), node("Add", ["a", "c"], ["y"])], (3,), **fixed, w=floats(3, 5),
        c=floats(4, 5))
    yield case("Gemm with a bias each", [
        node("Gemm", ["x", "w", "c"], ["y"], beta=0.5, transB=1)], (3,), **fixed, w=floats(5, 3), c=floats(4, 5))
    yield case("Transpose of rows", [node("Transpose", ["x"], ["y"])], (3,), **fixed)
    yield case("Softmax of rows", [node("Softmax", ["x"], ["y"], axis=0)], (3,), **fixed)
    yield case("mean of everything", [node("ReduceMean", ["x"], ["y"], keepdims=0)], (3, 5), **fixed)
    yield case("mean of an image", [node("ReduceMean", ["x", "a"], ["y"], keepdims=0)], (3, 5), a=ints(1, 2))
    yield case("a constant is limited", [
        node("Clip", ["c", "l", "h"], ["d"]), node("Mul", ["x", "d"], ["y"])], (3,), c=floats(3),
        l=np.float32(-0.5), h=np.float32(0.25))
    yield case("com.microsoft.Gelu", [node("Gelu", ["x"], ["y"], domain="com.microsoft")], (3, 7))


def ends():
    """Several inputs and outputs."""
    yield case("two inputs", [node("Sub", ["x", "z"], ["y"])], (3, 4), inputs="xz")
    yield case("three inputs, two outputs", [
        node("Add", ["x", "z"], ["a"]), node("Mul", ["a", "w"], ["y"]), node("Relu", ["a"], ["b"])],
        (2, 3, 4), inputs="xzw", outputs="yb", batch=1)


def factors():
    """What most files have as constants, as activations."""
    yield case("Pow of activations", [node("Pow", ["x", "z"], ["y"])], (3, 4), inputs="xz", positive=True)
    yield case("LinearRegressor", [
        node("LinearRegressor", ["x"], ["y"], domain="ai.onnx.ml", targets=2,
             coefficients=[0.5, -1, 2, 0.25, 3, -0.75], intercepts=[1.0, -2.0])], (3,))
    yield case("Pow of a constant", [node("Pow", ["c", "x"], ["y"])], (3, 4), c=np.float32(2))
    yield case("LayerNormalization by activations", [
        node("ReduceMean", ["x", "a"], ["g"]), node("Relu", ["x"], ["b"]),
        node("LayerNormalization", ["x", "g", "b"], ["y"])], (3, 4), a=ints(1))
    yield case("expand to more axes", [node("Expand", ["x", "s"], ["y"])], (1,), batch=3, fixed=True,
               s=ints(2, 1, 6))


def main(path):
    cases = []
    for group in (functions, joins, matrices, moves, reductions, normalizations, sequences, whole, ends, factors):
        cases += group()
    versions = {name: version(name) for name in ("onnxruntime", "onnx", "numpy")}
    path.write_text(json.dumps({"versions": versions, "float": cases, "quantized": []}, indent=0))
    print(len(cases), "cases,", path.stat().st_size, "bytes")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
