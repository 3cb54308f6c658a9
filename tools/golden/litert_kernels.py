#!/usr/bin/env python3
"""Records what LiteRT's int8 kernels compute, as golden values for IntegerOperators' tests.

Builds models of one operator each, runs every one with LiteRT's reference kernels and, for the
operators that it takes over, with XNNPACK, and writes inputs, parameters and outputs as JSON, one
file an operator. The tests need the JSON only.

    pip install ai-edge-litert==2.3.0 flatbuffers numpy
    python tools/golden/litert_kernels.py Tests/IntegerOperatorsTests/Golden

int8 data is base64; everything is reproducible from the seed below.
"""

import base64
import importlib.metadata
import json
import math
import pathlib
import sys

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter, OpResolverType

SEED = 20240611
SAME, VALID = schema.Padding.SAME, schema.Padding.VALID
ACTIVATIONS = {
    "none": schema.ActivationFunctionType.NONE,
    "relu": schema.ActivationFunctionType.RELU,
    "relu6": schema.ActivationFunctionType.RELU6,
}
INT8, INT32, INT4 = schema.TensorType.INT8, schema.TensorType.INT32, schema.TensorType.INT4


class Model:
    """A flatbuffer with one subgraph and one operator."""

    def __init__(self):
        self.buffers = [schema.BufferT()]
        self.tensors = []

    def tensor(self, shape, kind, scales=None, zero_point=0, axis=0, data=None):
        """Adds a tensor and gives its index."""
        tensor = schema.TensorT()
        tensor.shape = list(shape)
        tensor.type = kind
        tensor.name = f"t{len(self.tensors)}"
        if scales is not None:
            quantization = schema.QuantizationParametersT()
            quantization.scale = [float(s) for s in scales]
            quantization.zeroPoint = [int(zero_point)] * len(scales)
            quantization.quantizedDimension = axis
            tensor.quantization = quantization
        if data is not None:
            buffer = schema.BufferT()
            buffer.data = np.frombuffer(data, dtype=np.uint8)
            tensor.buffer = len(self.buffers)
            self.buffers.append(buffer)
        self.tensors.append(tensor)
        return len(self.tensors) - 1

    def finish(self, code, version, options_type, options, inputs, constants, output):
        operator = schema.OperatorT()
        operator.opcodeIndex = 0
        operator.inputs = inputs + constants
        operator.outputs = [output]
        operator.builtinOptionsType = options_type
        operator.builtinOptions = options
        graph = schema.SubGraphT()
        graph.tensors = self.tensors
        graph.inputs = inputs
        graph.outputs = [output]
        graph.operators = [operator]
        operator_code = schema.OperatorCodeT()
        operator_code.builtinCode = code
        operator_code.deprecatedBuiltinCode = min(code, 127)
        operator_code.version = version
        model = schema.ModelT()
        model.version = 3
        model.operatorCodes = [operator_code]
        model.subgraphs = [graph]
        model.buffers = self.buffers
        builder = flatbuffers.Builder(1024)
        builder.Finish(model.Pack(builder), b"TFL3")
        return bytes(builder.Output())


def run(model, inputs, resolver):
    interpreter = Interpreter(
        model_content=model, experimental_op_resolver_type=resolver, num_threads=1)
    interpreter.allocate_tensors()
    for detail, value in zip(interpreter.get_input_details(), inputs):
        interpreter.set_tensor(detail["index"], value)
    interpreter.invoke()
    return interpreter.get_tensor(interpreter.get_output_details()[0]["index"])


def outputs(model, inputs, with_xnnpack):
    """The reference kernels' output, and XNNPACK's where the case asks for it."""
    result = {"reference": pack(run(model, inputs, OpResolverType.BUILTIN_REF))}
    if with_xnnpack:
        result["xnnpack"] = pack(run(model, inputs, OpResolverType.AUTO))
    return result


def pack(values):
    return base64.b64encode(np.ascontiguousarray(values, dtype=np.int8).tobytes()).decode()


def quantized_multiplier(real):
    """real = multiplier · 2^(shift − 31), in TensorFlow Lite's way."""
    if real == 0:
        return 0, 0
    fraction, shift = math.frexp(real)
    multiplier = math.floor(fraction * (1 << 31) + 0.5)
    if multiplier == 1 << 31:
        multiplier //= 2
        shift += 1
    if shift < -31:
        return 0, 0
    return multiplier, shift


def scale_list(input_scale, weight_scales, output_scale):
    """Per channel: multiplier and shift from doubles, ratio in float32 as XNNPACK has it."""
    multipliers, shifts, ratios = [], [], []
    for scale in weight_scales:
        real = float(input_scale) * float(scale) / float(output_scale)
        multiplier, shift = quantized_multiplier(real)
        ratio = np.float32(np.float32(input_scale) * np.float32(scale)) / np.float32(output_scale)
        multipliers.append(multiplier)
        shifts.append(shift)
        ratios.append(int(np.float32(ratio).view(np.uint32)))
    return {"multipliers": multipliers, "shifts": shifts, "ratioBits": ratios}


def activation_range(activation, scale, zero_point):
    low, high = -128, 127
    if activation != "none":
        low = max(low, zero_point)
    if activation == "relu6":
        high = min(high, zero_point + int(math.floor(6 / float(scale) + 0.5)))
    return {"low": low, "high": high}


def geometry(height, width, kernel, stride, dilation, padding):
    """Output height and width, top and left padding."""
    sizes, pads = [], []
    for size, k, s, d in zip((height, width), kernel, stride, dilation):
        reach = (k - 1) * d + 1
        out = -(-size // s) if padding == SAME else -(-(size - reach + 1) // s)
        total = max((out - 1) * s + reach - size, 0) if padding == SAME else 0
        sizes.append(out)
        pads.append(total // 2)
    return sizes, pads


def draw_parameters(case, random, shape, outputs):
    """Weights and bias; small ones where ties are wanted, so that few outputs are clamped."""
    limit = 3 if case.get("ties") else 127 if case.get("bits", 8) == 8 else 7
    weights = random.integers(-limit, limit + 1, shape).astype(np.int8)
    reach = 200 if case.get("ties") else 3000
    return weights, random.integers(-reach, reach, outputs).astype(np.int32)


def draw_all_scales(case, random, outputs, terms):
    """Scales of input, weights and output."""
    if case.get("ties"):
        # acc / 8: every eighth accumulator is a tie, on which the rounding modes part.
        return np.float32(2**-5), np.full(outputs, 2**-7, np.float32), np.float32(2**-9)
    input_scale = np.float32(random.uniform(0.01, 0.1))
    weight_scales = draw_scales(random, outputs, case["perChannel"])
    return input_scale, weight_scales, fitting_output_scale(
        input_scale, weight_scales, terms, case.get("bits", 8))


def weight_bytes(weights, bits):
    """LiteRT packs a 4-bit tensor as a whole; rows do not start on a byte of their own."""
    flat = weights.reshape(-1)
    if bits == 8:
        return flat.tobytes()
    if flat.size % 2:
        flat = np.append(flat, np.int8(0))
    nibbles = flat.view(np.uint8) & 15
    return (nibbles[0::2] | (nibbles[1::2] << 4)).tobytes()


def draw_scales(random, count, per_channel):
    scales = np.exp(random.uniform(-6, -4, count)).astype(np.float32)
    return scales if per_channel else np.repeat(scales[:1], count)


def fitting_output_scale(input_scale, weight_scales, terms, bits):
    """Spreads the outputs over most of the grid, with a few of them clamped."""
    spread = math.sqrt(terms) * 74 * (73 if bits == 8 else 4.3)
    return np.float32(float(input_scale) * float(np.mean(weight_scales)) * spread / 45)


def windowed(code, case, random):
    """CONV_2D and DEPTHWISE_CONV_2D."""
    depthwise = code == schema.BuiltinOperator.DEPTHWISE_CONV_2D
    height, width, channels = case["input"]
    kernel, stride, dilation = case["kernel"], case["stride"], case["dilation"]
    out_channels = channels if depthwise else case["outputs"]
    groups = case.get("groups", 1)
    depth = 1 if depthwise else channels // groups
    bits = case.get("bits", 8)
    (out_height, out_width), pads = geometry(height, width, kernel, stride, dilation, case["padding"])

    input_scale, weight_scales, output_scale = draw_all_scales(
        {"perChannel": True, **case}, random, out_channels, kernel[0] * kernel[1] * depth)
    shape = (1, *kernel, channels) if depthwise else (out_channels, *kernel, depth)
    weights, bias = draw_parameters(case, random, shape, out_channels)
    image = random.integers(-128, 128, (1, height, width, channels)).astype(np.int8)
    zero_in, zero_out = case["zeroPoints"]

    model = Model()
    source = model.tensor(image.shape, INT8, [input_scale], zero_in)
    constants = [
        model.tensor(shape, INT8 if bits == 8 else INT4, weight_scales, 0,
                     3 if depthwise else 0, weight_bytes(weights, bits)),
        model.tensor([out_channels], INT32, weight_scales * input_scale, 0, 0, bias.tobytes()),
    ]
    target = model.tensor((1, out_height, out_width, out_channels), INT8, [output_scale], zero_out)
    if depthwise:
        options, kind = schema.DepthwiseConv2DOptionsT(), schema.BuiltinOptions.DepthwiseConv2DOptions
        options.depthMultiplier = 1
    else:
        options, kind = schema.Conv2DOptionsT(), schema.BuiltinOptions.Conv2DOptions
    options.padding = case["padding"]
    options.strideH, options.strideW = stride
    options.dilationHFactor, options.dilationWFactor = dilation
    options.fusedActivationFunction = ACTIVATIONS[case["activation"]]
    content = model.finish(code, 3, kind, options, [source], constants, target)
    return {
        "input": [height, width, channels],
        "output": [out_height, out_width, out_channels],
        "kernel": kernel, "stride": stride, "dilation": dilation, "pad": pads,
        "groups": groups, "bits": bits, "zeroPoints": [zero_in, zero_out],
        **activation_range(case["activation"], output_scale, zero_out),
        **scale_list(input_scale, weight_scales, output_scale),
        "weights": pack(weights), "bias": bias.tolist(), "values": pack(image),
        # XNNPACK takes no 4-bit convolution.
        **outputs(content, [image], with_xnnpack=bits == 8),
    }


def fully_connected(case, random):
    count, out_channels = case["inputs"], case["outputs"]
    bits = case.get("bits", 8)
    per_channel = case.get("perChannel", False)
    input_scale, weight_scales, output_scale = draw_all_scales(
        {**case, "perChannel": per_channel}, random, out_channels, count)
    weights, bias = draw_parameters(case, random, (out_channels, count), out_channels)
    image = random.integers(-128, 128, (1, count)).astype(np.int8)
    zero_in, zero_out = case["zeroPoints"]
    model = Model()
    source = model.tensor(image.shape, INT8, [input_scale], zero_in)
    stored = weight_scales if per_channel else weight_scales[:1]
    constants = [
        model.tensor(weights.shape, INT8 if bits == 8 else INT4, stored, 0, 0,
                     weight_bytes(weights, bits)),
        model.tensor([out_channels], INT32, stored * input_scale, 0, 0, bias.tobytes()),
    ]
    target = model.tensor((1, out_channels), INT8, [output_scale], zero_out)
    options = schema.FullyConnectedOptionsT()
    options.fusedActivationFunction = ACTIVATIONS[case["activation"]]
    content = model.finish(
        schema.BuiltinOperator.FULLY_CONNECTED, 4, schema.BuiltinOptions.FullyConnectedOptions,
        options, [source], constants, target)
    return {
        "input": [1, 1, count], "output": [1, 1, out_channels], "bits": bits,
        "zeroPoints": [zero_in, zero_out],
        **activation_range(case["activation"], output_scale, zero_out),
        **scale_list(input_scale, weight_scales, output_scale),
        "weights": pack(weights), "bias": bias.tolist(), "values": pack(image),
        **outputs(content, [image], with_xnnpack=bits == 8),
    }


def add(case, random):
    height, width, channels = case["input"]
    scales = [np.float32(s) for s in random.uniform(0.01, 0.1, 2)]
    output_scale = np.float32((scales[0] + scales[1]) * random.uniform(0.5, 1.1))
    zeros = case["zeroPoints"]
    images = [random.integers(-128, 128, (1, height, width, channels)).astype(np.int8)
              for _ in range(2)]
    model = Model()
    sources = [model.tensor(images[i].shape, INT8, [scales[i]], zeros[i]) for i in range(2)]
    target = model.tensor(images[0].shape, INT8, [output_scale], zeros[2])
    options = schema.AddOptionsT()
    options.fusedActivationFunction = ACTIVATIONS[case["activation"]]
    content = model.finish(
        schema.BuiltinOperator.ADD, 2, schema.BuiltinOptions.AddOptions, options, sources, [], target)
    common = 2.0 * max(float(s) for s in scales)
    factors = [quantized_multiplier(float(s) / common) for s in scales]
    factors.append(quantized_multiplier(common / ((1 << 20) * float(output_scale))))
    return {
        "input": [height, width, channels], "zeroPoints": zeros,
        "multipliers": [f[0] for f in factors], "shifts": [f[1] for f in factors],
        **activation_range(case["activation"], output_scale, zeros[2]),
        "values": pack(images[0]), "second": pack(images[1]),
        **outputs(content, images, with_xnnpack=False),
    }


def pool(code, case, random):
    height, width, channels = case["input"]
    kernel, stride = case["kernel"], case["stride"]
    (out_height, out_width), pads = geometry(height, width, kernel, stride, (1, 1), case["padding"])
    image = random.integers(-128, 128, (1, height, width, channels)).astype(np.int8)
    model = Model()
    source = model.tensor(image.shape, INT8, [0.05], case["zeroPoint"])
    target = model.tensor((1, out_height, out_width, channels), INT8, [0.05], case["zeroPoint"])
    options = schema.Pool2DOptionsT()
    options.padding = case["padding"]
    options.strideH, options.strideW = stride
    options.filterHeight, options.filterWidth = kernel
    content = model.finish(
        code, 2, schema.BuiltinOptions.Pool2DOptions, options, [source], [], target)
    return {
        "input": [height, width, channels], "output": [out_height, out_width, channels],
        "kernel": kernel, "stride": stride, "pad": pads,
        "values": pack(image), **outputs(content, [image], with_xnnpack=False),
    }


def mean_multiplier(real, count):
    """LiteRT's reference keeps the ratio of scales and the division by the count in integers."""
    multiplier, shift = quantized_multiplier(real)
    extra = min(count.bit_length() - 1, 32, 31 + shift)
    return (multiplier << extra) // count, shift - extra


def mean(case, random):
    height, width, channels = case["input"]
    input_scale = np.float32(random.uniform(0.01, 0.1))
    output_scale = np.float32(input_scale * case["ratio"])
    zero_in, zero_out = case["zeroPoints"]
    image = random.integers(-128, 128, (1, height, width, channels)).astype(np.int8)
    # Channels with means of their own, so that the outputs do not all lie at zero.
    offsets = random.integers(-90, 90, channels)
    image = np.clip(image // 3 + offsets, -128, 127).astype(np.int8)
    model = Model()
    source = model.tensor(image.shape, INT8, [input_scale], zero_in)
    axes = model.tensor([2], INT32, data=np.array([1, 2], dtype=np.int32).tobytes())
    target = model.tensor((1, 1, 1, channels), INT8, [output_scale], zero_out)
    options = schema.ReducerOptionsT()
    options.keepDims = True
    content = model.finish(
        schema.BuiltinOperator.MEAN, 2, schema.BuiltinOptions.ReducerOptions, options, [source],
        [axes], target)
    count = height * width
    multiplier, shift = mean_multiplier(float(input_scale) / float(output_scale), count)
    ratio = np.float32(input_scale) / np.float32(np.float32(output_scale) * np.float32(count))
    return {
        "input": [height, width, channels], "zeroPoints": [zero_in, zero_out],
        "multipliers": [multiplier], "shifts": [shift],
        "ratioBits": [int(np.float32(ratio).view(np.uint32))],
        "values": pack(image), **outputs(content, [image], with_xnnpack=True),
    }


def convolution_cases():
    base = {"stride": (1, 1), "dilation": (1, 1), "activation": "none"}
    return [
        {**base, "input": (9, 8, 5), "outputs": 7, "kernel": (3, 3), "padding": SAME, "zeroPoints": (3, -5)},
        {**base, "input": (9, 8, 5), "outputs": 7, "kernel": (3, 3), "padding": VALID, "zeroPoints": (-128, -128), "activation": "relu"},
        {**base, "input": (28, 28, 1), "outputs": 16, "kernel": (3, 3), "padding": SAME, "zeroPoints": (-128, -128), "activation": "relu"},
        {**base, "input": (14, 14, 16), "outputs": 32, "kernel": (3, 3), "stride": (2, 2), "padding": SAME, "zeroPoints": (-128, 12)},
        {**base, "input": (13, 10, 16), "outputs": 9, "kernel": (1, 1), "stride": (2, 2), "padding": VALID, "zeroPoints": (127, 40), "activation": "relu6"},
        {**base, "input": (11, 12, 3), "outputs": 5, "kernel": (3, 3), "dilation": (2, 2), "padding": SAME, "zeroPoints": (0, 0)},
        {**base, "input": (12, 11, 4), "outputs": 6, "kernel": (2, 3), "dilation": (3, 2), "padding": VALID, "zeroPoints": (17, -30)},
        {**base, "input": (10, 7, 3), "outputs": 11, "kernel": (5, 3), "stride": (3, 2), "padding": SAME, "zeroPoints": (-77, 99)},
        {**base, "input": (7, 7, 64), "outputs": 19, "kernel": (3, 3), "padding": SAME, "zeroPoints": (-4, 6)},
        {**base, "input": (6, 6, 8), "outputs": 12, "kernel": (3, 3), "groups": 4, "padding": SAME, "zeroPoints": (21, -21)},
        {**base, "input": (6, 5, 9), "outputs": 6, "kernel": (1, 1), "groups": 3, "padding": VALID, "zeroPoints": (-9, 0)},
        {**base, "input": (9, 9, 5), "outputs": 8, "kernel": (3, 3), "padding": SAME, "zeroPoints": (5, 5), "perChannel": False},
        {**base, "input": (8, 9, 5), "outputs": 7, "kernel": (3, 3), "padding": SAME, "zeroPoints": (-3, 8), "bits": 4},
        {**base, "input": (6, 6, 16), "outputs": 10, "kernel": (1, 1), "padding": VALID, "zeroPoints": (40, -8), "bits": 4},
        {**base, "input": (8, 8, 2), "outputs": 8, "kernel": (3, 3), "padding": SAME, "zeroPoints": (1, -1), "ties": True},
    ]


def depthwise_cases():
    base = {"stride": (1, 1), "dilation": (1, 1), "activation": "none"}
    return [
        {**base, "input": (9, 8, 5), "kernel": (3, 3), "padding": SAME, "zeroPoints": (3, -5)},
        {**base, "input": (14, 13, 16), "kernel": (3, 3), "padding": VALID, "zeroPoints": (-128, -128), "activation": "relu6"},
        {**base, "input": (15, 15, 24), "kernel": (3, 3), "stride": (2, 2), "padding": SAME, "zeroPoints": (-1, 77)},
        {**base, "input": (12, 9, 7), "kernel": (5, 5), "padding": SAME, "zeroPoints": (100, 4), "activation": "relu"},
        {**base, "input": (12, 12, 3), "kernel": (3, 3), "dilation": (2, 2), "padding": SAME, "zeroPoints": (-60, 60)},
        {**base, "input": (11, 10, 1), "kernel": (2, 4), "padding": VALID, "zeroPoints": (0, 0)},
        {**base, "input": (8, 8, 33), "kernel": (3, 3), "padding": SAME, "zeroPoints": (127, -128), "perChannel": False},
        {**base, "input": (9, 9, 13), "kernel": (3, 3), "padding": SAME, "zeroPoints": (2, -7), "bits": 4},
        {**base, "input": (8, 8, 8), "kernel": (3, 3), "padding": SAME, "zeroPoints": (1, -1), "ties": True},
    ]


def fully_connected_cases():
    return [
        {"inputs": 64, "outputs": 10, "zeroPoints": (-128, 3), "activation": "none"},
        {"inputs": 257, "outputs": 100, "zeroPoints": (9, -20), "activation": "none"},
        {"inputs": 1, "outputs": 5, "zeroPoints": (127, 0), "activation": "relu"},
        {"inputs": 784, "outputs": 17, "zeroPoints": (-11, -128), "activation": "relu6"},
        {"inputs": 90, "outputs": 201, "zeroPoints": (33, 5), "activation": "none"},
        {"inputs": 61, "outputs": 40, "zeroPoints": (-2, 11), "activation": "none", "perChannel": True},
        {"inputs": 62, "outputs": 33, "zeroPoints": (7, -6), "activation": "none", "bits": 4},
        {"inputs": 16, "outputs": 200, "zeroPoints": (1, -1), "activation": "none", "ties": True},
    ]


def add_cases():
    return [
        {"input": (7, 9, 17), "zeroPoints": [3, -5, 7], "activation": "none"},
        {"input": (14, 14, 8), "zeroPoints": [-128, 20, -128], "activation": "relu"},
        {"input": (10, 10, 10), "zeroPoints": [127, -127, 0], "activation": "relu6"},
    ]


def pool_cases():
    return [
        {"input": (9, 8, 5), "kernel": (2, 2), "stride": (2, 2), "padding": VALID, "zeroPoint": 3},
        {"input": (9, 8, 17), "kernel": (3, 3), "stride": (2, 2), "padding": SAME, "zeroPoint": -128},
        {"input": (7, 10, 3), "kernel": (4, 3), "stride": (1, 2), "padding": SAME, "zeroPoint": 100},
        {"input": (7, 7, 16), "kernel": (7, 7), "stride": (1, 1), "padding": VALID, "zeroPoint": -9},
    ]


def mean_cases():
    return [
        {"input": (7, 7, 64), "zeroPoints": (-128, -128), "ratio": 0.7},
        {"input": (8, 8, 33), "zeroPoints": (12, -40), "ratio": 0.93},
        {"input": (3, 5, 100), "zeroPoints": (-20, 9), "ratio": 1.31},
        {"input": (1, 2, 127), "zeroPoints": (0, 0), "ratio": 1.0},
    ]


def main(folder):
    random = np.random.default_rng(SEED)
    codes = schema.BuiltinOperator
    files = {
        "convolution": [windowed(codes.CONV_2D, c, random) for c in convolution_cases()],
        "depthwise": [windowed(codes.DEPTHWISE_CONV_2D, c, random) for c in depthwise_cases()],
        "fully-connected": [fully_connected(c, random) for c in fully_connected_cases()],
        "add": [add(c, random) for c in add_cases()],
        "average-pool": [pool(codes.AVERAGE_POOL_2D, c, random) for c in pool_cases()],
        "max-pool": [pool(codes.MAX_POOL_2D, c, random) for c in pool_cases()],
        "mean": [mean(c, random) for c in mean_cases()],
    }
    versions = f"ai-edge-litert {importlib.metadata.version('ai-edge-litert')}"
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    for name, cases in files.items():
        document = {"source": versions, "seed": SEED, "cases": cases}
        text = json.dumps(document, separators=(",", ":")).replace('{"input"', '\n{"input"')
        (folder / f"{name}.json").write_text(text + "\n")


if __name__ == "__main__":
    main(sys.argv[1])
