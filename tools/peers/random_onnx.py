"""Random ONNX models, for `agreement.py`: quantized ones in both forms, and float classifiers.

Every model comes from its seed alone. Extents are small: what can differ between two runtimes
differs at a handful of channels as well.
"""

from dataclasses import dataclass

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

MICROSOFT = "com.microsoft"


@dataclass
class Value:
    """A quantized activation: its name, shape without the batch, grid, and how far its real values
    spread, which later grids are chosen by."""

    name: str
    shape: tuple
    scale: np.float32
    zero: int
    spread: float


def power_of_two(scale):
    return np.float32(2.0 ** np.round(np.log2(scale)))


class QuantizedNetwork:
    """A quantized model that grows by an operator at a time."""

    def __init__(self, seed, operators=None, wide=False):
        """`wide`: with the rarer operators as well."""
        self.random = random = np.random.default_rng(seed)
        self.choices = self.KINDS + 2 * self.RARER if wide else self.KINDS
        self.qdq = bool(random.random() < 0.6)
        self.unsigned = bool(random.random() < 0.6)
        self.powers = bool(random.random() < 0.25)
        self.asymmetric_weights = bool(random.random() < 0.2)
        self.opset = int(random.choice([13, 17, 21]))
        self.nodes, self.initializers, self.count = [], [], 0
        self.values = []
        self.float_input = bool(random.random() < 0.5)
        self.float_output = bool(random.random() < 0.5)
        self.operators = operators or int(random.choice([1, 1, 1, 2, 3, 4, 6]))
        self.build()

    # What the operators are made of.

    def fresh(self, stem="v"):
        self.count += 1
        return f"{stem}{self.count}"

    def constant(self, array, stem="c"):
        name = self.fresh(stem)
        self.initializers.append(numpy_helper.from_array(np.asarray(array), name))
        return name

    def node(self, kind, inputs, domain="", **attributes):
        name = self.fresh(kind.lower() + "_")
        self.nodes.append(helper.make_node(
            kind, inputs, [name], name=name, domain=domain, **attributes))
        return name

    def integers(self, low, high, shape):
        return self.random.integers(low, high + 1, shape)

    @property
    def activation(self):
        return np.uint8 if self.unsigned else np.int8

    def grid(self, spread, stem="s"):
        """A grid for real values of this spread: somewhat saturating, or somewhat wide."""
        scale = np.float32(max(spread, 1e-6) * self.random.uniform(2, 5) / 127)
        if self.powers:
            scale = power_of_two(scale)
        low = 0 if self.unsigned else -128
        middle = low + 128
        choice = self.random.random()
        zero = middle if choice < 0.4 else low if choice < 0.55 else low + int(
            self.random.integers(0, 256))
        return scale, int(zero)

    def place(self, scale, zero):
        """The names of a grid's scale and zero point."""
        return [self.constant(np.float32(scale)), self.constant(self.activation(zero))]

    def real(self, value):
        return self.node("DequantizeLinear", [value.name, *self.place(value.scale, value.zero)])

    def quantized(self, name, shape, spread, grid=None):
        scale, zero = grid or self.grid(spread)
        name = self.node("QuantizeLinear", [name, *self.place(scale, zero)])
        return Value(name, tuple(shape), scale, zero, spread)

    def moved(self, kind, value, shape, others=(), **attributes):
        """An operator that only moves values."""
        if self.qdq:
            result = self.node(kind, [self.real(value), *others], **attributes)
            return self.quantized(result, shape, value.spread, (value.scale, value.zero))
        name = self.node(kind, [value.name, *others], **attributes)
        return Value(name, tuple(shape), value.scale, value.zero, value.spread)

    def linear(self, kind, value, shape, spread, **attributes):
        """An operator of ONNX Runtime's with one activation and two grids."""
        scale, zero = self.grid(spread)
        name = self.node(
            kind, [value.name, *self.place(value.scale, value.zero), *self.place(scale, zero)],
            MICROSOFT, **attributes)
        return Value(name, tuple(shape), scale, zero, spread)

    def weights(self, shape, axis, fan, per_channel):
        """Integers, scales and zero points."""
        count = shape[axis] if per_channel else 1
        scales = (self.random.uniform(0.3, 2, count) / 64).astype(np.float32)
        if self.powers:
            scales = power_of_two(scales)
        if self.asymmetric_weights and self.unsigned:
            kind, zero = np.uint8, int(self.random.choice([128, 128, 100, 200]))
            values = self.integers(0, 255, shape).astype(np.uint8)
        else:
            kind, zero = np.int8, 0
            values = self.integers(-127, 127, shape).astype(np.int8)
        zeros = np.full(count, zero, kind)
        if not per_channel:
            scales, zeros = scales.reshape(()), zeros.reshape(())
        spread = float(np.max(scales)) * 73 * np.sqrt(fan)
        return values, scales, zeros, spread

    def weighted(self, kind, value, shape, weights, axis, bias, spread, **attributes):
        values, scales, zeros, _ = weights
        spread = value.spread * spread
        bias_scale = (np.float32(value.scale) * scales).astype(np.float32)
        if bias is not None:
            bias = self.constant(np.asarray(bias, np.int32))
        grid = self.grid(spread)
        if self.qdq:
            extra = {"axis": axis} if scales.ndim else {}
            places = [self.constant(values), self.constant(scales), self.constant(zeros)]
            inputs = [self.real(value), self.node("DequantizeLinear", places, **extra)]
            if bias is not None:
                zero = self.constant(np.zeros(scales.shape, np.int32))
                inputs.append(self.node(
                    "DequantizeLinear", [bias, self.constant(bias_scale), zero],
                    **({"axis": 0} if scales.ndim else {})))
            result = self.node(kind, inputs, **attributes)
            if self.random.random() < 0.3:
                result = self.node("Relu", [result])
            return self.quantized(result, shape, spread, grid)
        inputs = [value.name, *self.place(value.scale, value.zero),
                  self.constant(values), self.constant(scales), self.constant(zeros)]
        target = self.place(*grid)
        if kind == "Conv":
            name = self.node(
                "QLinearConv", [*inputs, *target, *([bias] if bias else [])], **attributes)
        elif kind == "Gemm":
            name = self.node("QGemm", [*inputs, bias or "", *target], MICROSOFT, **attributes)
        else:
            name = self.node("QLinearMatMul", [*inputs, *target])
        return Value(name, tuple(shape), *grid, spread)

    def some_bias(self, count):
        return None if self.random.random() < 0.2 else self.integers(-2000, 2000, count)

    # Operators: each gives a value, or None where the shape does not allow it.

    def window(self, value, dilated=False):
        height, width = value.shape[1:]
        kernel = [int(self.random.integers(1, min(extent, 4) + 1)) for extent in (height, width)]
        stride = [int(self.random.integers(1, 4)) for _ in kernel]
        dilation = [1, 1]
        if dilated and self.random.random() < 0.3:
            dilation = [int(self.random.integers(1, 3)) for _ in kernel]
            if any((k - 1) * d >= e for k, d, e in zip(kernel, dilation, (height, width))):
                dilation = [1, 1]
        pads = [0, 0, 0, 0]
        if self.random.random() < 0.6:
            pads = [int(self.random.integers(0, kernel[i % 2])) for i in range(4)]
        return kernel, stride, dilation, pads

    @staticmethod
    def extent(size, kernel, stride, dilation, before, after, ceil=False):
        span = size + before + after - dilation * (kernel - 1) - 1
        count = (-(-span // stride) if ceil else span // stride) + 1
        if ceil and (count - 1) * stride >= size + before:
            count -= 1
        return count

    def windows(self, value, kernel, stride, dilation, pads, ceil=False):
        return tuple(
            self.extent(value.shape[1 + i], kernel[i], stride[i], dilation[i], pads[i],
                        pads[i + 2], ceil) for i in (0, 1))

    def convolution(self, value, depthwise=False):
        if len(value.shape) != 3:
            return None
        channels = value.shape[0]
        kernel, stride, dilation, pads = self.window(value, True)
        groups = channels if depthwise else int(self.random.choice(
            [g for g in (1, 1, 1, 2, 3) if channels % g == 0]))
        outputs = channels if depthwise else groups * int(self.random.integers(1, 6))
        weights = self.weights(
            (outputs, channels // groups, *kernel), 0, channels // groups * kernel[0] * kernel[1],
            self.random.random() < 0.5)
        shape = (outputs, *self.windows(value, kernel, stride, dilation, pads))
        return self.weighted(
            "Conv", value, shape, weights, 0, self.some_bias(outputs), weights[3], strides=stride,
            kernel_shape=kernel, pads=pads, group=groups, dilations=dilation)

    def depthwise(self, value):
        return self.convolution(value, True)

    def transposed_convolution(self, value):
        if len(value.shape) != 3 or not self.qdq:
            return None
        channels, height, width = value.shape
        kernel = [int(self.random.integers(1, 4)) for _ in range(2)]
        stride = [int(self.random.integers(1, 3)) for _ in range(2)]
        pads = [int(self.random.integers(0, kernel[i % 2])) for i in range(4)]
        outputs = int(self.random.integers(1, 6))
        shape = [(size - 1) * s + k - before - after for size, s, k, before, after in zip(
            (height, width), stride, kernel, pads[:2], pads[2:])]
        if min(shape) < 1:
            return None
        weights = self.weights((channels, outputs, *kernel), 1, channels * 2,
                               self.random.random() < 0.5)
        return self.weighted(
            "ConvTranspose", value, (outputs, *shape), weights, 1, self.some_bias(outputs),
            weights[3], strides=stride, kernel_shape=kernel, pads=pads)

    def gemm(self, value):
        if len(value.shape) != 1:
            return None
        features, outputs = value.shape[0], int(self.random.integers(1, 12))
        across = bool(self.random.random() < 0.7)
        weights = self.weights((outputs, features) if across else (features, outputs),
                               0 if across else 1, features, self.random.random() < 0.5)
        return self.weighted(
            "Gemm", value, (outputs,), weights, 0 if across else 1, self.some_bias(outputs),
            weights[3], transB=int(across))

    def matmul(self, value):
        if len(value.shape) != 1:
            return None
        features, outputs = value.shape[0], int(self.random.integers(1, 12))
        weights = self.weights((features, outputs), 1, features, self.random.random() < 0.3)
        return self.weighted("MatMul", value, (outputs,), weights, 1, None, weights[3])

    def partner(self, value):
        """Another activation of this shape: an earlier one, a requantized one, or itself."""
        others = [v for v in self.values if v.shape == value.shape and v.name != value.name]
        choice = self.random.random()
        if others and choice < 0.7:
            return others[int(self.random.integers(len(others)))]
        if choice < 0.9 and self.qdq:
            return self.requantize(value)
        return value

    def binary(self, kind, value, spread):
        if kind != "Sub" and self.random.random() < 0.2:
            return self.with_constant(kind, value)
        other = self.partner(value)
        spread = spread(value, other)
        if self.random.random() < 0.3:
            value, other = other, value
        if self.qdq:
            result = self.node(kind, [self.real(value), self.real(other)])
            if self.random.random() < 0.3:
                result = self.node("Relu", [result])
            return self.quantized(result, value.shape, spread)
        if kind == "Sub":
            return None
        grid = self.grid(spread)
        name = self.node("QLinear" + kind, [
            value.name, *self.place(value.scale, value.zero),
            other.name, *self.place(other.scale, other.zero), *self.place(*grid)], MICROSOFT)
        return Value(name, value.shape, *grid, spread)

    def with_constant(self, kind, value):
        """An addition or product with a quantized constant a channel."""
        if not self.qdq:
            return None
        shape = (value.shape[0],) + (1,) * (len(value.shape) - 1)
        scale, zero = self.grid(value.spread if kind == "Add" else 1.0)
        low = 0 if self.unsigned else -128
        values = self.constant(self.integers(low, low + 255, shape).astype(self.activation))
        constant = self.node("DequantizeLinear", [values, *self.place(scale, zero)])
        result = self.node(kind, [self.real(value), constant])
        return self.quantized(result, value.shape, value.spread * 2)

    def add(self, value):
        return self.binary("Add", value, lambda a, b: np.hypot(a.spread, b.spread))

    def subtract(self, value):
        return self.binary("Sub", value, lambda a, b: np.hypot(a.spread, b.spread))

    def multiply(self, value):
        return self.binary("Mul", value, lambda a, b: a.spread * b.spread)

    def average_pool(self, value):
        if len(value.shape) != 3:
            return None
        kernel, stride, _, pads = self.window(value)
        ceil, counted = (int(self.random.random() < 0.3) for _ in range(2))
        shape = (value.shape[0], *self.windows(value, kernel, stride, (1, 1), pads, ceil))
        attributes = dict(kernel_shape=kernel, strides=stride, pads=pads, ceil_mode=ceil,
                          count_include_pad=counted)
        if not self.qdq:
            return self.linear("QLinearAveragePool", value, shape, value.spread / 2, **attributes)
        result = self.node("AveragePool", [self.real(value)], **attributes)
        same = (value.scale, value.zero) if self.random.random() < 0.4 else None
        return self.quantized(result, shape, value.spread / 2, same)

    def max_pool(self, value):
        if len(value.shape) != 3:
            return None
        kernel, stride, _, pads = self.window(value)
        ceil = int(self.random.random() < 0.3)
        shape = (value.shape[0], *self.windows(value, kernel, stride, (1, 1), pads, ceil))
        return self.moved("MaxPool", value, shape, kernel_shape=kernel, strides=stride, pads=pads,
                          ceil_mode=ceil)

    def global_average_pool(self, value):
        if len(value.shape) != 3:
            return None
        shape = (value.shape[0], 1, 1)
        if not self.qdq:
            return self.linear("QLinearGlobalAveragePool", value, shape, value.spread / 3)
        result = self.node("GlobalAveragePool", [self.real(value)])
        return self.quantized(result, shape, value.spread / 3)

    def reduce_mean(self, value):
        if len(value.shape) != 3 or not self.qdq:
            return None
        kept = int(self.random.random() < 0.5)
        shape = (value.shape[0], 1, 1) if kept else (value.shape[0],)
        if self.opset >= 18:
            result = self.node("ReduceMean", [
                self.real(value), self.constant(np.array([2, 3], np.int64))], keepdims=kept)
        else:
            result = self.node("ReduceMean", [self.real(value)], axes=[2, 3], keepdims=kept)
        return self.quantized(result, shape, value.spread / 3)

    def concatenate(self, value):
        others = [v for v in self.values if v.shape[1:] == value.shape[1:]]
        parts = [value] + [others[int(self.random.integers(len(others)))]
                           for _ in range(int(self.random.integers(0, 3)))]
        shape = (sum(part.shape[0] for part in parts), *value.shape[1:])
        spread = max(part.spread for part in parts)
        if self.qdq:
            result = self.node("Concat", [self.real(part) for part in parts], axis=1)
            return self.quantized(result, shape, spread)
        grid = self.grid(spread)
        places = [name for part in parts
                  for name in (part.name, *self.place(part.scale, part.zero))]
        name = self.node("QLinearConcat", [*self.place(*grid), *places], MICROSOFT, axis=1)
        return Value(name, shape, *grid, spread)

    def pad(self, value):
        if len(value.shape) != 3:
            return None
        before = [int(self.random.integers(0, 3)) for _ in range(3)]
        after = [int(self.random.integers(0, 3)) for _ in range(3)]
        if self.random.random() < 0.7:
            before[0] = after[0] = 0
        shape = tuple(b + s + a for b, s, a in zip(before, value.shape, after))
        pads = self.constant(np.array([0, *before, 0, *after], np.int64))
        low = 0 if self.unsigned else -128
        level = value.zero if self.random.random() < 0.6 else low + int(
            self.random.integers(0, 256))
        number = (np.float32(value.scale) * np.float32(level - value.zero)
                  if self.qdq else self.activation(level))
        return self.moved("Pad", value, shape, [pads, self.constant(number)])

    def clip(self, value):
        if not self.qdq:
            return None
        low, high = np.sort(self.random.normal(0, value.spread, 2)).astype(np.float32)
        if self.random.random() < 0.5:
            low, high = np.float32(0), np.float32(6)
        result = self.node("Clip", [
            self.real(value), self.constant(low), self.constant(high)])
        return self.quantized(result, value.shape, value.spread)

    def relu(self, value):
        if not self.qdq:
            return None
        result = self.node("Relu", [self.real(value)])
        same = (value.scale, value.zero) if self.random.random() < 0.4 else None
        return self.quantized(result, value.shape, value.spread, same)

    def function(self, kind, linear, value, spread, grid=None, **attributes):
        if not self.qdq:
            return self.linear(linear, value, value.shape, spread, **attributes) if linear else None
        result = self.node(kind, [self.real(value)], **attributes)
        return self.quantized(result, value.shape, spread, grid)

    def leaky_relu(self, value):
        alpha = float(self.random.choice([0.01, 0.1, 0.3, -0.2]))
        return self.function("LeakyRelu", "QLinearLeakyRelu", value, value.spread, alpha=alpha)

    def sigmoid(self, value):
        grid = (np.float32(1 / 256), 0 if self.unsigned else -128)
        return self.function(
            "Sigmoid", "QLinearSigmoid", value, 0.3, grid if self.random.random() < 0.5 else None)

    def hard_swish(self, value):
        return self.function("HardSwish", None, value, value.spread) if self.opset >= 14 else None

    def softmax(self, value):
        if len(value.shape) != 1 or not self.qdq:
            return None
        grid = (np.float32(1 / 256), 0 if self.unsigned else -128)
        return self.function(
            "Softmax", None, value, 0.2, grid if self.random.random() < 0.7 else None, axis=-1)

    def requantize(self, value):
        if not self.qdq:
            return None
        return self.quantized(self.real(value), value.shape, value.spread)

    def transpose(self, value):
        if len(value.shape) != 3:
            return None
        order = self.random.permutation(3)
        return self.moved("Transpose", value, [value.shape[i] for i in order],
                          perm=[0, *(int(i) + 1 for i in order)])

    def reshape(self, value):
        if len(value.shape) == 3 and self.random.random() < 0.6:
            size = int(np.prod(value.shape))
            shape = self.constant(np.array([0, -1], np.int64))
            return self.moved("Reshape", value, (size,), [shape])
        if len(value.shape) == 3:
            channels, height, width = value.shape
            other = (width, channels, height)
            shape = self.constant(np.array([-1, *other], np.int64))
            return self.moved("Reshape", value, other, [shape])
        size = value.shape[0]
        if size % 2:
            return None
        shape = self.constant(np.array([-1, 2, size // 2, 1], np.int64))
        return self.moved("Reshape", value, (2, size // 2, 1), [shape])

    def flatten(self, value):
        if len(value.shape) != 3:
            return None
        return self.moved("Flatten", value, (int(np.prod(value.shape)),), axis=1)

    def slice(self, value):
        axes = [axis for axis in range(len(value.shape)) if value.shape[axis] > 1]
        if not axes:
            return None
        axis = int(self.random.choice(axes))
        size = value.shape[axis]
        start = int(self.random.integers(0, size))
        end = int(self.random.integers(start + 1, size + 1))
        step = int(self.random.choice([1, 1, 2]))
        shape = list(value.shape)
        shape[axis] = -(-(end - start) // step)
        numbers = [self.constant(np.array([n], np.int64)) for n in (start, end, axis + 1, step)]
        return self.moved("Slice", value, shape, numbers)

    # Rarer ones.

    def tanh(self, value):
        middle = 128 if self.unsigned else 0
        return self.function("Tanh", None, value, 0.6, (np.float32(1 / 128), middle))

    def some_function(self, value):
        kind = str(self.random.choice(["HardSigmoid", "Elu", "Abs", "Neg", "Softplus", "Erf"]))
        return self.function(kind, None, value, value.spread)

    def resize(self, value):
        if len(value.shape) != 3 or not self.qdq:
            return None
        channels, height, width = value.shape
        scales = self.constant(np.array([1, 1, 2, 2], np.float32))
        mode = str(self.random.choice(["nearest", "nearest", "linear"]))
        result = self.node("Resize", [self.real(value), "", scales], mode=mode,
                           coordinate_transformation_mode="asymmetric", nearest_mode="floor")
        same = (value.scale, value.zero) if self.random.random() < 0.7 else None
        return self.quantized(result, (channels, 2 * height, 2 * width), value.spread, same)

    def depth_to_space(self, value):
        if len(value.shape) != 3 or value.shape[0] % 4:
            return None
        channels, height, width = value.shape
        return self.moved("DepthToSpace", value, (channels // 4, 2 * height, 2 * width),
                          blocksize=2, mode=str(self.random.choice(["DCR", "CRD"])))

    def space_to_depth(self, value):
        if len(value.shape) != 3 or value.shape[1] % 2 or value.shape[2] % 2:
            return None
        channels, height, width = value.shape
        return self.moved("SpaceToDepth", value, (channels * 4, height // 2, width // 2),
                          blocksize=2)

    def same_padded(self, value):
        """A convolution or pool whose padding the file only names."""
        if len(value.shape) != 3:
            return None
        kernel, stride, _, _ = self.window(value)
        shape = [-(-size // s) for size, s in zip(value.shape[1:], stride)]
        name = str(self.random.choice(["SAME_UPPER", "SAME_LOWER"]))
        if self.random.random() < 0.5:
            return self.moved("MaxPool", value, (value.shape[0], *shape), kernel_shape=kernel,
                              strides=stride, auto_pad=name)
        outputs = int(self.random.integers(1, 6))
        weights = self.weights((outputs, value.shape[0], *kernel), 0,
                               value.shape[0] * kernel[0] * kernel[1], self.random.random() < 0.5)
        return self.weighted(
            "Conv", value, (outputs, *shape), weights, 0, self.some_bias(outputs), weights[3],
            kernel_shape=kernel, strides=stride, auto_pad=name)

    RARER = [tanh, some_function, resize, depth_to_space, space_to_depth, same_padded]

    KINDS = [
        convolution, depthwise, transposed_convolution, gemm, matmul, add, subtract, multiply,
        average_pool, average_pool, max_pool, global_average_pool, reduce_mean, concatenate, pad,
        clip, relu, leaky_relu, sigmoid, hard_swish, softmax, requantize, transpose, reshape,
        flatten, slice]

    def build(self):
        flat = self.random.random() < 0.2
        shape = ((int(self.random.integers(2, 40)),) if flat else
                 tuple(int(self.random.integers(1, bound)) for bound in (7, 9, 9)))
        scale, zero = self.grid(1.0)
        value = Value("input", shape, scale, zero, float(scale) * 74)
        self.input = value
        if self.float_input:
            value = self.quantized("input", shape, value.spread, (scale, zero))
        self.values.append(value)
        self.kinds = []
        for _ in range(500):
            if len(self.kinds) == self.operators:
                break
            kind = self.choices[int(self.random.integers(len(self.choices)))]
            mark = len(self.nodes), len(self.initializers)
            result = kind(self, value)
            if result is None or not all(result.shape) or np.prod(result.shape) > 4000:
                del self.nodes[mark[0]:]
                del self.initializers[mark[1]:]
                continue
            self.kinds.append(kind.__name__)
            self.values.append(result)
            value = result
        self.output = value

    def model(self):
        output = self.output
        kind = TensorProto.UINT8 if self.unsigned else TensorProto.INT8
        nodes = list(self.nodes)
        name, output_kind = output.name, kind
        if self.float_output:
            name = self.real(output)
            nodes, output_kind = list(self.nodes), TensorProto.FLOAT
        graph = helper.make_graph(
            nodes, "random",
            [helper.make_tensor_value_info(
                "input", TensorProto.FLOAT if self.float_input else kind,
                ["N", *self.input.shape])],
            [helper.make_tensor_value_info(name, output_kind, ["N", *output.shape])],
            self.initializers)
        opsets = [helper.make_opsetid("", self.opset)]
        if any(node.domain == MICROSOFT for node in nodes):
            opsets.append(helper.make_opsetid(MICROSOFT, 1))
        model = helper.make_model(graph, opset_imports=opsets)
        model.ir_version = 8 if self.opset < 21 else 10
        return model


class FloatNetwork:
    """A float network with weights of PyTorch's usual size, to be compiled under any scheme."""

    def __init__(self, seed):
        self.random = random = np.random.default_rng(seed)
        self.nodes, self.initializers, self.count, self.kinds = [], [], 0, []
        self.shape = tuple(int(random.choice([1, 3])) if i == 0 else int(random.integers(4, 11))
                           for i in range(3))
        self.values = [("input", self.shape)]
        operators = int(random.integers(1, 7))
        value = self.values[0]
        for _ in range(500):
            if len(self.kinds) == operators:
                break
            kind = self.KINDS[int(random.integers(len(self.KINDS)))]
            marks = len(self.nodes), len(self.initializers)
            result = kind(self, *value)
            if result is None or min(result[1]) < 1 or np.prod(result[1]) > 4000:
                del self.nodes[marks[0]:], self.initializers[marks[1]:]
                continue
            self.kinds.append(kind.__name__)
            self.values.append(result)
            value = result
        # Networks end as classifiers do, or with an image.
        if len(value[1]) == 3 and random.random() < 0.7:
            name = self.node("GlobalAveragePool", [value[0]])
            value = self.node("Flatten", [name]), (value[1][0],)
            self.kinds.append("global_average_pool")
        if len(value[1]) == 1 and random.random() < 0.7:
            value = self.gemm(*value)
            self.kinds.append("gemm")
        self.output = value

    fresh, constant, node = (
        QuantizedNetwork.fresh, QuantizedNetwork.constant, QuantizedNetwork.node)
    window, windows = QuantizedNetwork.window, QuantizedNetwork.windows
    extent = staticmethod(QuantizedNetwork.extent)

    def numbers(self, shape, size=1.0):
        return self.constant((size * self.random.standard_normal(shape)).astype(np.float32))

    def geometry(self, shape):
        holder = Value("", shape, np.float32(1), 0, 1.0)
        kernel, stride, _, pads = self.window(holder)
        return kernel, stride, pads, self.windows(holder, kernel, stride, (1, 1), pads)

    def normalized(self, name, channels):
        if self.random.random() < 0.5:
            factor = self.constant(self.random.normal(1, 0.5, channels).astype(np.float32))
            name = self.node("BatchNormalization", [
                name, factor, self.numbers(channels, 0.3), self.numbers(channels, 0.3),
                self.constant(self.random.uniform(0.3, 2, channels).astype(np.float32))])
        choice = self.random.random()
        if choice < 0.4:
            name = self.node("Relu", [name])
        elif choice < 0.55:
            name = self.node("Clip", [name, self.constant(np.float32(0)),
                                      self.constant(np.float32(6))])
        return name

    def convolution(self, name, shape, depthwise=False):
        if len(shape) != 3:
            return None
        kernel, stride, pads, extents = self.geometry(shape)
        channels = shape[0]
        outputs = channels if depthwise else int(self.random.integers(1, 9))
        groups = channels if depthwise else 1
        fan = channels // groups * kernel[0] * kernel[1]
        weights = self.numbers((outputs, channels // groups, *kernel), 1.4 / np.sqrt(fan))
        bias = [self.numbers(outputs, 0.3)] if self.random.random() < 0.6 else []
        name = self.node("Conv", [name, weights, *bias], kernel_shape=kernel, strides=stride,
                         pads=pads, group=groups)
        return self.normalized(name, outputs), (outputs, *extents)

    def depthwise(self, name, shape):
        return self.convolution(name, shape, True)

    def transposed_convolution(self, name, shape):
        if len(shape) != 3:
            return None
        kernel = [int(self.random.integers(1, 4)) for _ in range(2)]
        stride = [int(self.random.integers(1, 3)) for _ in range(2)]
        pads = [int(self.random.integers(0, kernel[i % 2])) for i in range(4)]
        outputs = int(self.random.integers(1, 6))
        extents = [(size - 1) * s + k - pads[i] - pads[i + 2]
                   for i, (size, s, k) in enumerate(zip(shape[1:], stride, kernel))]
        weights = self.numbers((shape[0], outputs, *kernel), 0.7 / np.sqrt(shape[0]))
        name = self.node("ConvTranspose", [name, weights, self.numbers(outputs, 0.3)],
                         kernel_shape=kernel, strides=stride, pads=pads)
        return name, (outputs, *extents)

    def gemm(self, name, shape):
        if len(shape) != 1:
            return None
        outputs = int(self.random.integers(2, 12))
        weights = self.numbers((outputs, shape[0]), 1 / np.sqrt(shape[0]))
        return self.node("Gemm", [name, weights, self.numbers(outputs, 0.3)], transB=1), (outputs,)

    def binary(self, kind, name, shape):
        others = [v for v in self.values if v[1] == shape and v[0] != name]
        if not others or len(shape) != 3:
            return None
        other = others[int(self.random.integers(len(others)))][0]
        name = self.node(kind, [name, other])
        return (self.node("Relu", [name]) if self.random.random() < 0.4 else name), shape

    def add(self, name, shape):
        return self.binary("Add", name, shape)

    def multiply(self, name, shape):
        return self.binary("Mul", name, shape)

    def pool(self, kind, name, shape, **attributes):
        if len(shape) != 3:
            return None
        kernel, stride, pads, extents = self.geometry(shape)
        name = self.node(kind, [name], kernel_shape=kernel, strides=stride, pads=pads, **attributes)
        return name, (shape[0], *extents)

    def average_pool(self, name, shape):
        return self.pool("AveragePool", name, shape,
                         count_include_pad=int(self.random.random() < 0.3))

    def max_pool(self, name, shape):
        return self.pool("MaxPool", name, shape)

    def concatenate(self, name, shape):
        others = [v for v in self.values if v[1][1:] == shape[1:] and len(v[1]) == 3]
        if not others:
            return None
        other = others[int(self.random.integers(len(others)))]
        return (self.node("Concat", [name, other[0]], axis=1),
                (shape[0] + other[1][0], *shape[1:]))

    def pad(self, name, shape):
        if len(shape) != 3:
            return None
        pads = [int(n) for n in self.random.integers(0, 3, 4)]
        before = self.constant(np.array([0, 0, *pads[:2], 0, 0, *pads[2:]], np.int64))
        return self.node("Pad", [name, before]), (
            shape[0], shape[1] + pads[0] + pads[2], shape[2] + pads[1] + pads[3])

    def slice(self, name, shape):
        if len(shape) != 3:
            return None
        axis = int(self.random.integers(0, 3))
        start = int(self.random.integers(0, shape[axis]))
        end = int(self.random.integers(start + 1, shape[axis] + 1))
        places = [self.constant(np.array([n], np.int64)) for n in (start, end, axis + 1, 1)]
        return self.node("Slice", [name, *places]), (
            *shape[:axis], end - start, *shape[axis + 1:])

    def function(self, kind, name, shape, **attributes):
        return self.node(kind, [name], **attributes), shape

    def leaky_relu(self, name, shape):
        return self.function("LeakyRelu", name, shape, alpha=0.1)

    def sigmoid(self, name, shape):
        return self.function("Sigmoid", name, shape)

    def hard_swish(self, name, shape):
        return self.function("HardSwish", name, shape)

    def flatten(self, name, shape):
        if len(shape) != 3 or len(self.kinds) < 2:
            return None
        return self.gemm(self.node("Flatten", [name]), (int(np.prod(shape)),))

    KINDS = [
        convolution, convolution, convolution, depthwise, transposed_convolution, gemm, add, add,
        multiply, average_pool, max_pool, concatenate, pad, slice, leaky_relu, sigmoid, hard_swish,
        flatten]

    def model(self):
        graph = helper.make_graph(
            self.nodes, "random",
            [helper.make_tensor_value_info("input", TensorProto.FLOAT, ["N", *self.shape])],
            [helper.make_tensor_value_info(
                self.output[0], TensorProto.FLOAT, ["N", *self.output[1]])],
            self.initializers)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
        model.ir_version = 8
        return model
