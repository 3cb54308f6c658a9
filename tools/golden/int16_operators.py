#!/usr/bin/env python3
"""Makes small `.tflite` models of int16 activations, and records what LiteRT and TensorFlow Lite
Micro compute with them.

    pip install ai-edge-litert==2.3.0 tflite-micro flatbuffers numpy
    python tools/golden/int16_operators.py Tests/ModelImportTests/Golden/tflite-int16

operators.json has the files, inputs and outputs, in base64, and the versions. `litert` is LiteRT's
reference kernels' output, `tflm` TensorFlow Lite Micro's where it has the operator. Of functions
and softmax there are digests too, over every int16. Reproducible from the seed below.
"""

import base64
import hashlib
import importlib.metadata
import json
import pathlib
import sys

import numpy as np
from tflite_micro.python.tflite_micro import runtime

from tflite_model import INT8, INT32, NONE, OPERATOR, RELU, RELU6, SAME, VALID, Model, options, run
from tflite_model import schema

SEED = 20261130
IMAGES = 3
INT16, INT64 = schema.TensorType.INT16, schema.TensorType.INT64
SHARE = 1 / 32768


class Cases:
    """Each method without an underscore in front gives a model, its input and its output tensor."""

    def __init__(self, random):
        self.random = random

    def _layer(self, code, name, shape, filter_shape, out, *, axis=0, channels=None, bias=INT64,
               per_channel=True, far=False, version=4, before=(), scale=0.0007, **fields):
        model, count = Model(), channels or filter_shape[0]
        weights = self.random.integers(-127, 128, filter_shape).astype(np.int8)
        scales = (0.01 * self.random.uniform(0.5, 2, count if per_channel else 1)).astype(np.float32)
        source = model.tensor(shape, INT16, scale)
        inputs = [model.numbers(b) for b in before]
        inputs.append(model.tensor(filter_shape, INT8, scales, 0, axis, weights.tobytes()))
        inputs.insert(1 if before else 0, source)
        if before:  # An output's shape, the filter, the image.
            inputs[1], inputs[2] = inputs[2], inputs[1]
        if bias is not None:
            values = self.random.integers(-1 << 20, 1 << 20, count).astype(np.int64)
            if far:  # More than an int32 holds, of a channel whose weights are as good as none.
                values[0], values[1] = 5 << 32, -(7 << 33)
                scales[:2] = 2e-9
                model.tensors[inputs[1]].quantization.scale = [float(s) for s in scales]
            kind = np.int64 if bias == INT64 else np.int32
            inputs.append(model.tensor(
                [count], bias, scales * np.float32(scale), 0, 0, values.astype(kind).tobytes()))
            if bias == INT32:
                fields["quantizedBiasType"] = INT32
        target = model.tensor(out, INT16, 0.0009)
        model.add(code, inputs, [target], options(name, **fields), version)
        return model, source, target

    def _convolution(self, shape=(1, 5, 6, 3), filter_shape=(4, 3, 3, 3), out=(1, 5, 6, 4), **fields):
        window = dict(padding=SAME, strideW=1, strideH=1, dilationWFactor=1, dilationHFactor=1,
                      fusedActivationFunction=NONE)
        return self._layer(
            OPERATOR.CONV_2D, "Conv2D", shape, filter_shape, out, **{**window, **fields})

    def convolution(self):
        return self._convolution()

    def convolution_int32(self):
        return self._convolution(bias=INT32)

    def convolution_far(self):
        return self._convolution(far=True)

    def convolution_relu(self):
        return self._convolution(fusedActivationFunction=RELU)

    def convolution_strided(self):
        return self._convolution(
            (1, 7, 8, 2), (3, 2, 3, 2), (1, 3, 3, 3), padding=VALID, strideW=2, strideH=2,
            fusedActivationFunction=RELU6)

    def convolution_tensor(self):
        return self._convolution((1, 4, 4, 40), (2, 3, 3, 40), (1, 4, 4, 2), per_channel=False)

    def convolution_groups(self):
        return self._convolution((1, 4, 4, 4), (6, 1, 1, 2), (1, 4, 4, 6), version=6)

    def convolution_long(self):
        """Rows of more than 1024 weights."""
        return self._convolution((1, 3, 3, 200), (3, 3, 3, 200), (1, 1, 1, 3), padding=VALID)

    def _depthwise(self, multiplier=1, **fields):
        window = dict(padding=SAME, strideW=1, strideH=1, dilationWFactor=1, dilationHFactor=1,
                      fusedActivationFunction=NONE, depthMultiplier=multiplier)
        count = 5 * multiplier
        return self._layer(
            OPERATOR.DEPTHWISE_CONV_2D, "DepthwiseConv2D", (1, 5, 4, 5), (1, 3, 3, count),
            (1, 5, 4, count), axis=3, channels=count, version=5, **{**window, **fields})

    def depthwise(self):
        return self._depthwise()

    def depthwise_multiplied(self):
        return self._depthwise(2)

    def _fully_connected(self, features=70, **fields):
        return self._layer(
            OPERATOR.FULLY_CONNECTED, "FullyConnected", (1, features), (9, features), (1, 9),
            version=7, fusedActivationFunction=NONE, **fields)

    def fully_connected(self):
        return self._fully_connected()

    def fully_connected_tensor(self):
        return self._fully_connected(per_channel=False)

    def fully_connected_int32(self):
        return self._fully_connected(bias=INT32)

    def fully_connected_far(self):
        return self._fully_connected(far=True)

    def fully_connected_long(self):
        return self._fully_connected(2100)

    def fully_connected_bare(self):
        return self._fully_connected(bias=None)

    def transpose_convolution(self):
        return self._layer(
            OPERATOR.TRANSPOSE_CONV, "TransposeConv", (1, 3, 3, 4), (2, 3, 3, 4), (1, 6, 6, 2),
            version=4, before=[(1, 6, 6, 2)], padding=SAME, strideW=2, strideH=2)

    def _pair(self, code, name, scales=(0.0007, 0.0004, 0.0009), constant=None, **fields):
        model, shape = Model(), (1, 4, 5, 6)
        source = model.tensor(shape, INT16, scales[0])
        values = self.random.integers(-32768, 32768, constant or shape).astype(np.int16)
        second = model.tensor(constant or shape, INT16, scales[1], data=values.tobytes())
        target = model.tensor(shape, INT16, scales[2])
        if name != "Mul":
            fields["potScaleInt16"] = False
        model.add(code, [source, second], [target],
                  options(name, fusedActivationFunction=fields.pop("fused", NONE), **fields), 4)
        return model, source, target

    def add(self):
        return self._pair(OPERATOR.ADD, "Add")

    def add_relu(self):
        return self._pair(OPERATOR.ADD, "Add", (0.0001, 0.0009, 0.0003), fused=RELU)

    def add_channels(self):
        return self._pair(OPERATOR.ADD, "Add", constant=(6,))

    def subtract(self):
        return self._pair(OPERATOR.SUB, "Sub")

    def multiply(self):
        return self._pair(OPERATOR.MUL, "Mul", (0.0002, 0.0003, 0.0012))

    def multiply_relu(self):
        return self._pair(OPERATOR.MUL, "Mul", (0.0002, 0.0003, 0.0004), fused=RELU6)

    def _one(self, code, scale, out_scale, name=None, shape=(1, 6, 6, 4), out=None, more=(),
             version=3, kinds=(INT16, INT16), zeros=(0, 0), **fields):
        model = Model()
        source = model.tensor(shape, kinds[0], scale, zeros[0])
        target = model.tensor(out or shape, kinds[1], out_scale, zeros[1])
        inputs = [source] + [model.numbers(m) for m in more]
        model.add(code, inputs, [target], options(name, **fields) if name else None, version)
        return model, source, target

    def _pool(self, code, padding=SAME, out=(1, 3, 3, 4)):
        return self._one(code, 0.001, 0.001, "Pool2D", out=out, padding=padding, strideW=2,
                         strideH=2, filterWidth=3, filterHeight=3, fusedActivationFunction=NONE)

    def average_pool(self):
        return self._pool(OPERATOR.AVERAGE_POOL_2D)

    def max_pool(self):
        return self._pool(OPERATOR.MAX_POOL_2D, VALID, (1, 2, 2, 4))

    def mean(self):
        return self._one(OPERATOR.MEAN, 0.001, 0.0006, "Reducer", out=(1, 4), more=[(1, 2)],
                         keepDims=False)

    def pad(self):
        return self._one(OPERATOR.PAD, 0.001, 0.001, out=(1, 8, 7, 4),
                         more=[[(0, 0), (1, 1), (0, 1), (0, 0)]])

    def transpose(self):
        return self._one(OPERATOR.TRANSPOSE, 0.001, 0.001, more=[(0, 2, 1, 3)])

    def reshape(self):
        return self._one(OPERATOR.RESHAPE, 0.001, 0.001, out=(1, 12, 12), more=[(1, 12, 12)], version=1)

    def strided_slice(self):
        return self._one(
            OPERATOR.STRIDED_SLICE, 0.001, 0.001, "StridedSlice", out=(1, 3, 2, 4),
            more=[(0, 0, 1, 0), (1, 6, 5, 4), (1, 2, 2, 1)])

    def concatenate(self):
        model = Model()
        source = model.tensor((1, 3, 3, 4), INT16, 0.001)
        values = self.random.integers(-32768, 32768, (1, 3, 3, 2)).astype(np.int16)
        # On another grid: the integers are taken as they are.
        second = model.tensor((1, 3, 3, 2), INT16, 0.002, data=values.tobytes())
        target = model.tensor((1, 3, 3, 6), INT16, 0.001)
        model.add(OPERATOR.CONCATENATION, [source, second], [target],
                  options("Concatenation", axis=3, fusedActivationFunction=NONE), 3)
        return model, source, target

    def relu(self):
        return self._one(OPERATOR.RELU, 0.001, 0.0007, version=2)

    def maximum(self):
        model = Model()
        source = model.tensor((1, 6, 6, 4), INT16, 0.001)
        bound = model.tensor((1,), INT16, 0.001, data=np.int16([-700]).tobytes())
        target = model.tensor((1, 6, 6, 4), INT16, 0.001)
        model.add(OPERATOR.MAXIMUM, [source, bound], [target], None, 4)
        return model, source, target

    def requantize(self):
        return self._one(OPERATOR.QUANTIZE, 0.001, 0.0007)

    def requantize_coarser(self):
        return self._one(OPERATOR.QUANTIZE, 0.001, 0.0031)

    def requantize_to_int8(self):
        return self._one(OPERATOR.QUANTIZE, 0.001, 0.13, kinds=(INT16, INT8), zeros=(0, -9))

    def requantize_from_int8(self):
        return self._one(OPERATOR.QUANTIZE, 0.1, 0.0005, kinds=(INT8, INT16), zeros=(17, 0))


class Functions(Cases):
    """On every int16."""

    def _function(self, code, scale, out_scale=SHARE, name=None, **fields):
        return self._one(code, scale, out_scale, name, (1, 16, 64, 64), **fields)

    def logistic(self):
        return self._function(OPERATOR.LOGISTIC, 8 / 32768 * 1.1)

    def logistic_power(self):
        return self._function(OPERATOR.LOGISTIC, 1 / 4096)

    def logistic_fine(self):
        return self._function(OPERATOR.LOGISTIC, 3.7e-6)

    def logistic_coarse(self):
        return self._function(OPERATOR.LOGISTIC, 0.003)

    def logistic_half(self):
        return self._function(OPERATOR.LOGISTIC, 1 / 2048)

    def tanh(self):
        return self._function(OPERATOR.TANH, 5 / 32768)

    def tanh_power(self):
        return self._function(OPERATOR.TANH, 1 / 2048)

    def tanh_even(self):
        return self._function(OPERATOR.TANH, 1 / 4096)

    def tanh_fine(self):
        return self._function(OPERATOR.TANH, 1e-5)

    def leaky_relu(self):
        return self._function(OPERATOR.LEAKY_RELU, 0.001, 0.0008, "LeakyRelu", version=2, alpha=0.2)

    def leaky_relu_steep(self):
        return self._function(OPERATOR.LEAKY_RELU, 0.001, 0.0021, "LeakyRelu", version=2, alpha=1.7)

    def softmax(self):
        return self._one(OPERATOR.SOFTMAX, 6 / 32768, SHARE, "Softmax", (1, 16, 64, 64), beta=1)

    def softmax_wide(self):
        return self._one(OPERATOR.SOFTMAX, 0.002, SHARE, "Softmax", (1, 16, 64, 64), beta=0.7)


def tflm(content, inputs, shape):
    try:
        interpreter = runtime.Interpreter.from_bytes(content, arena_size=1 << 20)
        results = []
        for image in inputs:
            interpreter.set_input(image.reshape(shape), 0)
            interpreter.invoke()
            results.append(interpreter.get_output(0).copy())
        return np.stack(results)
    except Exception as error:
        print("  tflm:", str(error).splitlines()[-1][:100])
        return None


def pack(values):
    return base64.b64encode(np.ascontiguousarray(values).tobytes()).decode()


def digest(values):
    return hashlib.sha256(np.ascontiguousarray(values).tobytes()).hexdigest()


def methods(cases):
    return [(n, getattr(cases, n)) for n in vars(type(cases)) if not n.startswith("_")]


def case(name, model, source, target, random):
    content = model.content(source, target)
    tensor = model.tensors[source]
    low, kind = (-32768, np.int16) if tensor.type == INT16 else (-128, np.int8)
    inputs = random.integers(low, -low, (IMAGES, *tensor.shape)).astype(kind)
    inputs[1] //= 64 if kind == np.int16 else 4
    own = run(content, inputs)
    micro = tflm(content, inputs, tensor.shape)
    result = {"name": name, "file": pack(np.frombuffer(content, np.uint8)), "input": pack(inputs),
              "litert": pack(own)}
    if micro is not None:
        result["tflm"] = pack(micro)
        if not np.array_equal(own, micro):
            print(f"  {name}: {np.count_nonzero(own != micro)} of {own.size} differ")
    return result


def exhaustive(name, model, source, target):
    content = model.content(source, target)
    values = np.arange(-32768, 32768).astype(np.int16)
    if name.startswith("softmax"):  # Rows of all kinds: a permutation, by a multiplication.
        values = (np.arange(65536) * 40503 % 65536 - 32768).astype(np.int16)
    inputs = values.reshape(1, *model.tensors[source].shape)
    own = run(content, inputs)
    micro = tflm(content, inputs, model.tensors[source].shape)
    result = {"name": name, "file": pack(np.frombuffer(content, np.uint8)), "litert": digest(own)}
    if micro is not None:
        result["tflm"] = digest(micro)
        if not np.array_equal(own, micro):
            print(f"  {name}: {np.count_nonzero(own != micro)} of {own.size} differ")
    return result


def main(folder):
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng(SEED)
    versions = {p: importlib.metadata.version(p) for p in ["ai-edge-litert", "tflite-micro"]}
    document = {"versions": versions, "cases": [], "functions": []}
    for name, make in methods(Cases(random)):
        print(name)
        document["cases"].append(case(name, *make(), random))
    for name, make in methods(Functions(random)):
        print(name)
        document["functions"].append(exhaustive(name, *make()))
    text = json.dumps(document, separators=(",", ":")).replace('{"name"', '\n{"name"')
    (folder / "operators.json").write_text(text + "\n")


if __name__ == "__main__":
    main(sys.argv[1])
