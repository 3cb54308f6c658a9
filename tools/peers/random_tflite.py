"""Random int8 `.tflite` models, for `agreement.py`: each comes from its seed alone."""

import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "golden"))
from tflite_model import (  # noqa: E402
    INT4, INT8, INT32, NONE, OPERATOR, RELU, RELU6, RELU_N1, SAME, VALID, Model, options)


@dataclass
class Value:
    """A tensor: its place, extents with the batch, grid, and how far its real values spread."""

    place: int
    shape: tuple
    scale: np.float32
    zero: int
    spread: float

    @property
    def grid(self):
        return self.scale, self.zero


class Network(Model):
    def __init__(self, seed, operators=None, wide=False):
        """`wide`: with the rarer operators as well."""
        self.random = random = np.random.default_rng(seed)
        self.choices = self.KINDS + 2 * self.RARER if wide else self.KINDS
        self.powers = bool(random.random() < 0.25)
        super().__init__()
        self.kinds = []
        self.length = operators or int(random.choice([1, 1, 1, 2, 3, 4, 6]))
        self.build()

    # What the operators are made of.

    def grid(self, spread):
        scale = np.float32(max(spread, 1e-6) * self.random.uniform(2, 5) / 127)
        if self.powers:
            scale = np.float32(2.0 ** np.round(np.log2(scale)))
        choice = self.random.random()
        zero = 0 if choice < 0.3 else -128 if choice < 0.5 else int(
            self.random.integers(-128, 128))
        return scale, zero

    def value(self, shape, spread, grid=None, data=None):
        scale, zero = grid or self.grid(spread)
        place = self.tensor(shape, INT8, scale, zero, data=data)
        return Value(place, tuple(int(s) for s in shape), scale, zero, spread)

    def add_node(self, code, inputs, output, options=None, version=1):
        super().add(code, inputs, [output.place], options, version)
        return output

    def chance(self, share):
        return bool(self.random.random() < share)

    def activation(self):
        return int(self.random.choice([NONE, NONE, RELU, RELU6, RELU_N1]))

    def weights(self, shape, axis, fan, per_channel):
        count = shape[axis] if per_channel else 1
        scales = (self.random.uniform(0.3, 2, count) / 64).astype(np.float32)
        if self.powers:
            scales = np.float32(2.0 ** np.round(np.log2(scales)))
        values = self.random.integers(-127, 128, shape).astype(np.int8)
        return values, scales, float(scales.max()) * 73 * np.sqrt(fan)

    def with_bias(self, value, weights, axis, outputs, share=0.85):
        """Places of the weights and, mostly, of a bias."""
        values, scales, _ = weights
        places = [self.tensor(values.shape, INT8, scales, 0, axis, values.tobytes())]
        if self.chance(share):
            bias = self.random.integers(-2000, 2000, outputs).astype(np.int32)
            places.append(self.tensor(
                [outputs], INT32, scales * np.float32(value.scale), 0, 0, bias.tobytes()))
        return places

    def windows(self, value, padding, kernel, stride, dilation=(1, 1)):
        shape = []
        for size, k, s, d in zip(value.shape[1:3], kernel, stride, dilation):
            span = (k - 1) * d + 1
            shape.append(-(-size // s) if padding == SAME else (size - span) // s + 1)
        return shape

    def window(self, value):
        kernel = [int(self.random.integers(1, min(size, 4) + 1)) for size in value.shape[1:3]]
        stride = [int(self.random.integers(1, 4)) for _ in kernel]
        return kernel, stride, SAME if self.chance(0.5) else VALID

    # Operators.

    def convolution(self, value):
        if len(value.shape) != 4:
            return None
        channels = value.shape[3]
        kernel, stride, padding = self.window(value)
        outputs = int(self.random.integers(1, 9))
        dilation = [1, 1]
        if self.chance(0.2) and all(2 * k - 1 <= s for k, s in zip(kernel, value.shape[1:3])):
            dilation, stride = [2, 2], [1, 1]
        weights = self.weights((outputs, *kernel, channels), 0, channels * np.prod(kernel),
                               self.chance(0.7))
        result = self.value(
            (1, *self.windows(value, padding, kernel, stride, dilation), outputs),
            value.spread * weights[2])
        return self.add_node(
            OPERATOR.CONV_2D, [value.place, *self.with_bias(value, weights, 0, outputs, 1)], result,
            options("Conv2D", padding=padding, strideH=stride[0], strideW=stride[1],
                         dilationHFactor=dilation[0], dilationWFactor=dilation[1],
                         fusedActivationFunction=self.activation()), 3)

    def depthwise(self, value):
        if len(value.shape) != 4:
            return None
        channels = value.shape[3]
        kernel, stride, padding = self.window(value)
        stride = [stride[0]] * 2
        times = int(self.random.choice([1, 1, 1, 2]))
        weights = self.weights((1, *kernel, channels * times), 3, np.prod(kernel),
                               self.chance(0.7))
        result = self.value(
            (1, *self.windows(value, padding, kernel, stride), channels * times),
            value.spread * weights[2])
        return self.add_node(
            OPERATOR.DEPTHWISE_CONV_2D,
            [value.place, *self.with_bias(value, weights, 3, channels * times)], result,
            options("DepthwiseConv2D", padding=padding, strideH=stride[0], strideW=stride[1],
                         depthMultiplier=times, dilationHFactor=1, dilationWFactor=1,
                         fusedActivationFunction=self.activation()), 3)

    def fully_connected(self, value):
        features = int(np.prod(value.shape))
        if features > 300:
            return None
        outputs = int(self.random.integers(1, 12))
        weights = self.weights((outputs, features), 0, features, self.chance(0.3))
        result = self.value((1, outputs), value.spread * weights[2])
        return self.add_node(
            OPERATOR.FULLY_CONNECTED,
            [value.place, *self.with_bias(value, weights, 0, outputs)], result,
            options("FullyConnected", fusedActivationFunction=self.activation()), 5)

    def transposed_convolution(self, value):
        if len(value.shape) != 4:
            return None
        kernel = [int(self.random.integers(1, 4)) for _ in range(2)]
        stride = [int(self.random.integers(1, 3)) for _ in range(2)]
        padding = SAME if self.chance(0.5) else VALID
        outputs, channels = int(self.random.integers(1, 6)), value.shape[3]
        extents = [size * s if padding == SAME else (size - 1) * s + k
                   for size, s, k in zip(value.shape[1:3], stride, kernel)]
        weights = self.weights((outputs, *kernel, channels), 0, channels * 2, self.chance(0.7))
        result = self.value((1, *extents, outputs), value.spread * weights[2])
        places = self.with_bias(value, weights, 0, outputs)
        shape = self.numbers([1, *extents, outputs])
        return self.add_node(
            OPERATOR.TRANSPOSE_CONV, [shape, places[0], value.place, *places[1:]], result,
            options("TransposeConv", padding=padding, strideH=stride[0], strideW=stride[1]),
            3 if len(places) > 1 else 1)

    def partner(self, value):
        others = [v for v in self.values if v.shape == value.shape and v is not value]
        choice = self.random.random()
        if others and choice < 0.6:
            return others[int(self.random.integers(len(others)))]
        if choice < 0.8:
            return self.requantize(value)
        if choice < 0.9:
            return value
        shape = [(1, *value.shape[1:]), value.shape[-1:], (1,)][int(self.random.integers(3))]
        scale, zero = self.grid(value.spread)
        data = self.random.integers(-128, 128, shape).astype(np.int8).tobytes()
        return self.value(shape, value.spread, (scale, zero), data)

    def binary(self, value, code, name, spread):
        other = self.partner(value)
        result = self.value(value.shape, spread(value, other))
        places = [value.place, other.place]
        if self.chance(0.3):
            places.reverse()
        return self.add_node(code, places, result, options(
            name, fusedActivationFunction=self.activation()), 2)

    def add(self, value):
        return self.binary(value, OPERATOR.ADD, "Add", lambda a, b: np.hypot(a.spread, b.spread))

    def subtract(self, value):
        return self.binary(value, OPERATOR.SUB, "Sub", lambda a, b: np.hypot(a.spread, b.spread))

    def multiply(self, value):
        return self.binary(value, OPERATOR.MUL, "Mul", lambda a, b: a.spread * b.spread)

    def pool(self, value, code):
        if len(value.shape) != 4:
            return None
        kernel, stride, padding = self.window(value)
        result = self.value(
            (1, *self.windows(value, padding, kernel, stride), value.shape[3]), value.spread,
            value.grid)
        return self.add_node(code, [value.place], result, options(
            "Pool2D", padding=padding, strideH=stride[0], strideW=stride[1],
            filterHeight=kernel[0], filterWidth=kernel[1],
            fusedActivationFunction=self.activation()), 2)

    def average_pool(self, value):
        return self.pool(value, OPERATOR.AVERAGE_POOL_2D)

    def max_pool(self, value):
        return self.pool(value, OPERATOR.MAX_POOL_2D)

    def mean(self, value):
        if len(value.shape) != 4:
            return None
        kept = self.chance(0.5)
        shape = (1, 1, 1, value.shape[3]) if kept else (1, value.shape[3])
        result = self.value(
            shape, value.spread / 2, value.grid if self.chance(0.3) else None)
        return self.add_node(
            OPERATOR.MEAN, [value.place, self.numbers([1, 2])], result,
            options("Reducer", keepDims=kept), 2)

    def concatenate(self, value):
        others = [v for v in self.values
                  if v.shape[:-1] == value.shape[:-1] and v.grid == value.grid]
        parts = [value] + [others[int(self.random.integers(len(others)))]
                           for _ in range(int(self.random.integers(1, 3)))]
        shape = (*value.shape[:-1], sum(part.shape[-1] for part in parts))
        result = self.value(shape, value.spread, value.grid)
        return self.add_node(
            OPERATOR.CONCATENATION, [part.place for part in parts], result, options(
                "Concatenation", axis=len(shape) - 1, fusedActivationFunction=NONE), 2)

    def moved(self, value, code, shape, constants, options=None, version=2):
        result = self.value(shape, value.spread, value.grid)
        return self.add_node(code, [value.place, *constants], result, options, version)

    def pad(self, value):
        if len(value.shape) != 4:
            return None
        pads = self.random.integers(0, 3, (4, 2))
        pads[0] = 0
        if self.chance(0.7):
            pads[3] = 0
        shape = [s + int(p.sum()) for s, p in zip(value.shape, pads)]
        constants = [self.numbers(pads)]
        if self.chance(0.4):
            level = np.int8(self.random.integers(-128, 128))
            constants.append(self.tensor((1,), INT8, value.scale, value.zero, data=level.tobytes()))
            return self.moved(value, OPERATOR.PADV2, shape, constants)
        return self.moved(value, OPERATOR.PAD, shape, constants)

    def reshape(self, value):
        size = int(np.prod(value.shape))
        shape = (1, size)
        if self.chance(0.4) and size % 2 == 0:
            shape = (1, 2, size // 2, 1) if self.chance(0.5) else (1, size // 2, 1, 2)
        return self.moved(value, OPERATOR.RESHAPE, shape, [self.numbers(shape)], version=1)

    def transpose(self, value):
        if len(value.shape) != 4:
            return None
        order = [0, *(int(i) + 1 for i in self.random.permutation(3))]
        return self.moved(value, OPERATOR.TRANSPOSE, [value.shape[i] for i in order],
                          [self.numbers(order)])

    def slice(self, value):
        begin = [0] + [int(self.random.integers(0, s)) for s in value.shape[1:]]
        size = [1] + [int(self.random.integers(1, s - b + 1))
                      for s, b in zip(value.shape[1:], begin[1:])]
        return self.moved(value, OPERATOR.SLICE, size,
                          [self.numbers(begin), self.numbers(size)])

    def strided_slice(self, value):
        begin = [0] + [int(self.random.integers(0, s)) for s in value.shape[1:]]
        end = [1] + [int(self.random.integers(b + 1, s + 1))
                     for s, b in zip(value.shape[1:], begin[1:])]
        steps = [1] + [int(self.random.choice([1, 1, 2])) for _ in begin[1:]]
        shape = [-(-(e - b) // s) for b, e, s in zip(begin, end, steps)]
        return self.moved(
            value, OPERATOR.STRIDED_SLICE, shape,
            [self.numbers(begin), self.numbers(end), self.numbers(steps)],
            options("StridedSlice"))

    def unary(self, value, code, spread, grid=None, options=None, version=2):
        result = self.value(value.shape, spread, grid)
        return self.add_node(code, [value.place], result, options, version)

    def requantize(self, value):
        return self.unary(value, OPERATOR.QUANTIZE, value.spread)

    def relu(self, value):
        code = [OPERATOR.RELU, OPERATOR.RELU6, OPERATOR.RELU_N1_TO_1][
            int(self.random.integers(3))]
        return self.unary(value, code, value.spread, value.grid if self.chance(0.5) else None,
                          version=1 if code == OPERATOR.RELU_N1_TO_1 else 2)

    def logistic(self, value):
        return self.unary(value, OPERATOR.LOGISTIC, 0.3, (np.float32(1 / 256), -128))

    def tanh(self, value):
        return self.unary(value, OPERATOR.TANH, 0.6, (np.float32(1 / 128), 0))

    def leaky_relu(self, value):
        alpha = float(self.random.choice([0.01, 0.1, 0.3, -0.2]))
        return self.unary(value, OPERATOR.LEAKY_RELU, value.spread,
                          options=options("LeakyRelu", alpha=alpha))

    def hard_swish(self, value):
        return self.unary(value, OPERATOR.HARD_SWISH, value.spread, version=1)

    def softmax(self, value):
        if np.prod(value.shape[:-1]) > 30:
            return None
        return self.unary(value, OPERATOR.SOFTMAX, 0.2, (np.float32(1 / 256), -128),
                          options("Softmax", beta=float(self.random.choice([1.0, 1.0, 2.5]))))

    KINDS = [
        convolution, depthwise, fully_connected, transposed_convolution, add, add, subtract,
        multiply, average_pool, max_pool, mean, concatenate, pad, reshape, transpose, slice,
        strided_slice, requantize, relu, logistic, tanh, leaky_relu, hard_swish, softmax]

    # Rarer ones.

    def exponential(self, value):
        return self.unary(value, OPERATOR.EXP, float(np.exp(min(value.spread, 3))), version=2)

    def elu(self, value):
        return self.unary(value, OPERATOR.ELU, value.spread, version=1)

    def gelu(self, value):
        return self.unary(value, OPERATOR.GELU, value.spread, options=options(
            "Gelu", approximate=self.chance(0.5)), version=2)

    def absolute(self, value):
        return self.unary(value, OPERATOR.ABS, value.spread,
                          options=options("Abs"), version=2)

    def extremum(self, value):
        code = OPERATOR.MAXIMUM if self.chance(0.5) else OPERATOR.MINIMUM
        scale, zero = value.grid
        data = self.random.integers(-128, 128, (1,)).astype(np.int8).tobytes()
        other = self.value((1,), value.spread, (scale, zero), data)
        result = self.value(value.shape, value.spread, value.grid)
        return self.add_node(code, [value.place, other.place], result,
                             options("MaximumMinimum"), 2)

    def prelu(self, value):
        if len(value.shape) != 4:
            return None
        slopes = self.random.integers(-128, 128, (1, 1, value.shape[3])).astype(np.int8)
        other = self.value(slopes.shape, 0.3, (np.float32(0.004), 0), slopes.tobytes())
        result = self.value(value.shape, value.spread)
        return self.add_node(OPERATOR.PRELU, [value.place, other.place], result)

    def squared_difference(self, value):
        other = self.partner(value)
        result = self.value(value.shape, value.spread * other.spread * 2)
        return self.add_node(OPERATOR.SQUARED_DIFFERENCE, [value.place, other.place], result,
                             options("SquaredDifference"), 2)

    def reduce_max(self, value):
        if len(value.shape) != 4:
            return None
        kept = self.chance(0.5)
        shape = (1, 1, 1, value.shape[3]) if kept else (1, value.shape[3])
        return self.moved(value, OPERATOR.REDUCE_MAX, shape, [self.numbers([1, 2])],
                          options("Reducer", keepDims=kept))

    def space_to_depth(self, value):
        if len(value.shape) != 4 or any(size % 2 for size in value.shape[1:3]):
            return None
        _, height, width, channels = value.shape
        return self.moved(value, OPERATOR.SPACE_TO_DEPTH,
                          (1, height // 2, width // 2, channels * 4), [],
                          options("SpaceToDepth", blockSize=2))

    def depth_to_space(self, value):
        if len(value.shape) != 4 or value.shape[3] % 4:
            return None
        _, height, width, channels = value.shape
        return self.moved(value, OPERATOR.DEPTH_TO_SPACE,
                          (1, height * 2, width * 2, channels // 4), [],
                          options("DepthToSpace", blockSize=2))

    def resized(self, value, code, name):
        if len(value.shape) != 4:
            return None
        _, height, width, channels = value.shape
        size = ((2 * height, 2 * width) if self.chance(0.6) else
                tuple(int(n) for n in self.random.integers(1, 13, 2)))
        centres = self.chance(0.5)
        return self.moved(value, code, (1, *size, channels), [self.numbers(size)], options(
            name, alignCorners=not centres and self.chance(0.3), halfPixelCenters=centres), 3)

    def resize_nearest(self, value):
        return self.resized(value, OPERATOR.RESIZE_NEAREST_NEIGHBOR, "ResizeNearestNeighbor")

    def resize_bilinear(self, value):
        return self.resized(value, OPERATOR.RESIZE_BILINEAR, "ResizeBilinear")

    def mirror_pad(self, value):
        if len(value.shape) != 4 or min(value.shape[1:3]) < 2:
            return None
        pads = np.zeros((4, 2), np.int64)
        pads[1:3] = self.random.integers(0, 2, (2, 2))
        shape = [s + int(p.sum()) for s, p in zip(value.shape, pads)]
        return self.moved(value, OPERATOR.MIRROR_PAD, shape, [self.numbers(pads)],
                          options("MirrorPad", mode=int(self.chance(0.5))), 1)

    def tile(self, value):
        times = [1] + [int(n) for n in self.random.integers(1, 3, len(value.shape) - 1)]
        return self.moved(value, OPERATOR.TILE, [s * t for s, t in zip(value.shape, times)],
                          [self.numbers(times)], options("Tile"), 1)

    def split(self, value):
        """The parts, joined in the other order."""
        size = value.shape[-1]
        if size % 2:
            return None
        half = (*value.shape[:-1], size // 2)
        parts = [self.value(half, value.spread, value.grid) for _ in range(2)]
        axis = self.tensor((), INT32, data=np.int32(len(half) - 1).tobytes())
        self.add_node(OPERATOR.SPLIT, [axis, value.place], parts[0],
                      options("Split", numSplits=2), 2)
        self.operators[-1].outputs = [part.place for part in parts]
        result = self.value(value.shape, value.spread, value.grid)
        return self.add_node(
            OPERATOR.CONCATENATION, [parts[1].place, parts[0].place], result, options(
                "Concatenation", axis=len(half) - 1, fusedActivationFunction=NONE), 2)

    def fully_connected_rows(self, value):
        features = value.shape[-1]
        rows = int(np.prod(value.shape[:-1]))
        if rows < 2:
            return None
        outputs, keeps = int(self.random.integers(1, 9)), self.chance(0.6)
        weights = self.weights((outputs, features), 0, features, self.chance(0.3))
        result = self.value(
            (*value.shape[:-1], outputs) if keeps else (rows, outputs), value.spread * weights[2])
        return self.add_node(
            OPERATOR.FULLY_CONNECTED,
            [value.place, *self.with_bias(value, weights, 0, outputs)], result,
            options("FullyConnected", fusedActivationFunction=self.activation(),
                    keepNumDims=keeps), 5)

    def batch_matmul(self, value):
        """With a constant, or with itself turned."""
        depth = value.shape[-1]
        if len(value.shape) < 3:
            return None
        if self.chance(0.3):
            result = self.value((*value.shape[:-1], value.shape[-2]),
                                value.spread ** 2 * np.sqrt(depth))
            return self.add_node(OPERATOR.BATCH_MATMUL, [value.place] * 2, result,
                                 options("BatchMatMul", adjY=True), 2)
        columns, turned = int(self.random.integers(1, 8)), self.chance(0.5)
        shape = (columns, depth) if turned else (depth, columns)
        data = self.random.integers(-128, 128, shape).astype(np.int8).tobytes()
        other = self.value(shape, 1.0, data=data)
        result = self.value((*value.shape[:-1], columns),
                            value.spread * float(other.scale) * 74 * np.sqrt(depth))
        return self.add_node(OPERATOR.BATCH_MATMUL, [value.place, other.place], result,
                             options("BatchMatMul", adjY=turned), 2)

    def gather(self, value):
        axis = int(self.random.integers(len(value.shape) and 1, len(value.shape)))
        picks = self.random.integers(0, value.shape[axis], int(self.random.integers(1, 6)))
        shape = (*value.shape[:axis], len(picks), *value.shape[axis + 1:])
        return self.moved(value, OPERATOR.GATHER, shape, [self.numbers(picks)],
                          options("Gather", axis=axis), 2)

    def reverse(self, value):
        axis = int(self.random.integers(1, len(value.shape)))
        return self.moved(value, OPERATOR.REVERSE_V2, value.shape, [self.numbers([axis])], None, 3)

    def over_axes(self, value, code, grid):
        """Over any axes but the first."""
        count = int(self.random.integers(1, len(value.shape)))
        axes = sorted(int(a) + 1 for a in self.random.permutation(len(value.shape) - 1)[:count])
        shape = [1 if axis in axes else size for axis, size in enumerate(value.shape)]
        result = self.value(shape, value.spread / 2, grid)
        return self.add_node(code, [value.place, self.numbers(axes)], result,
                             options("Reducer", keepDims=True), 2)

    def mean_over_axes(self, value):
        return self.over_axes(value, OPERATOR.MEAN, value.grid if self.chance(0.3) else None)

    def extreme_over_axes(self, value):
        code = OPERATOR.REDUCE_MIN if self.chance(0.5) else OPERATOR.REDUCE_MAX
        return self.over_axes(value, code, value.grid)

    RARER = [
        fully_connected_rows, batch_matmul, gather, reverse, mean_over_axes, extreme_over_axes,
        exponential, elu, gelu, absolute, extremum, prelu, squared_difference, reduce_max,
        space_to_depth, depth_to_space, resize_nearest, resize_bilinear, mirror_pad, tile, split]

    def build(self):
        random = self.random
        shape = ((1, int(random.integers(2, 40))) if random.random() < 0.15 else
                 (1, *(int(random.integers(1, bound)) for bound in (9, 9, 7))))
        scale = np.float32(random.uniform(0.005, 0.1))
        if self.powers:
            scale = np.float32(2.0 ** np.round(np.log2(scale)))
        zero = int(random.integers(-128, 128)) if random.random() < 0.7 else 0
        value = self.value(shape, float(scale) * 74, (scale, zero))
        self.input, self.values = value, [value]
        for _ in range(500):
            if len(self.kinds) == self.length:
                break
            kind = self.choices[int(random.integers(len(self.choices)))]
            marks = [len(part) for part in (self.tensors, self.operators, self.buffers, self.codes)]
            result = kind(self, value)
            if result is None or min(result.shape) < 1 or np.prod(result.shape) > 4000:
                for part, mark in zip(
                        (self.tensors, self.operators, self.buffers, self.codes), marks):
                    del part[mark:]
                continue
            self.kinds.append(kind.__name__)
            self.values.append(result)
            value = result
        self.output = value

    def model(self):
        return self.content(self.input.place, self.output.place)
