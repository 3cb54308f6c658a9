#!/usr/bin/env python3
"""Makes small `.tflite` models, and records what LiteRT and TensorFlow Lite Micro compute with them.

    pip install ai-edge-litert==2.3.0 tflite-micro flatbuffers numpy
    python tools/golden/tflite_operators.py Tests/ModelImportTests/Golden/tflite

Each model is written to a file; operators.json has inputs and outputs, in base64, and the versions.
`litert` is LiteRT's reference kernels' output, `tflm` TensorFlow Lite Micro's where it has the
operator. The tests need no Python. Everything is reproducible from the seed below.
"""

import base64
import importlib.metadata
import json
import pathlib
import sys

import numpy as np
from tflite_micro.python.tflite_micro import runtime

from tflite_any_rank import any_rank
from tflite_model import (
    FLOAT16, FLOAT32, INT4, INT8, INT32, NONE, OPERATOR, RELU, RELU6, SAME, UINT8, VALID, Model,
    options, packed, run)

SEED = 20261121
IMAGES = 4


class Cases:
    """Each method that has no underscore in front gives a model, its input and output tensor."""

    def __init__(self, random):
        self.random = random

    def _weights(self, shape, bits=8):
        limit = 127 if bits == 8 else 7
        return self.random.integers(-limit, limit + 1, shape).astype(np.int8)

    def _scales(self, count, size=0.01):
        return (size * self.random.uniform(0.5, 2, count)).astype(np.float32)

    def _windowed(self, kind, shape, filter_shape, out, *, bits=8, per_channel=True,
                  zeros=(3, -5), out_scale=0.7, **fields):
        model = Model()
        depthwise = kind == "DepthwiseConv2D"
        outputs = filter_shape[3] if depthwise else filter_shape[0]
        weights = self._weights(filter_shape, bits)
        scales = self._scales(outputs if per_channel else 1, 0.01 if bits == 8 else 0.15)
        source = model.tensor(shape, INT8, 0.05, zeros[0])
        inputs = [source, model.tensor(
            filter_shape, INT8 if bits == 8 else INT4, scales, 0, 3 if depthwise else 0,
            weights.tobytes() if bits == 8 else packed(weights))]
        values = self.random.integers(-3000, 3000, outputs).astype(np.int32)
        inputs.append(model.tensor(
            [outputs], INT32, scales * np.float32(0.05), 0, 0, values.tobytes()))
        target = model.tensor(out, INT8, out_scale, zeros[1])
        code = OPERATOR.DEPTHWISE_CONV_2D if depthwise else OPERATOR.CONV_2D
        model.add(code, inputs, [target], options(kind, **fields), 3)
        return model, source, target

    def convolution(self):
        return self._windowed(
            "Conv2D", (1, 7, 6, 3), (5, 3, 3, 3), (1, 4, 3, 5), padding=SAME, strideH=2, strideW=2,
            fusedActivationFunction=RELU, dilationHFactor=1, dilationWFactor=1)

    def convolution_dilated(self):
        return self._windowed(
            "Conv2D", (1, 8, 7, 2), (3, 3, 2, 2), (1, 4, 4, 3), padding=VALID, strideH=1, strideW=1,
            fusedActivationFunction=RELU6, dilationHFactor=2, dilationWFactor=3, per_channel=False,
            out_scale=0.05)

    def convolution_grouped(self):
        return self._windowed(
            "Conv2D", (1, 5, 5, 6), (4, 3, 3, 3), (1, 5, 5, 4), padding=SAME, strideH=1, strideW=1,
            fusedActivationFunction=NONE, dilationHFactor=1, dilationWFactor=1)

    def convolution_int4(self):
        return self._windowed(
            "Conv2D", (1, 5, 4, 3), (5, 3, 3, 3), (1, 5, 4, 5), padding=SAME, strideH=1, strideW=1,
            fusedActivationFunction=NONE, dilationHFactor=1, dilationWFactor=1, bits=4)

    def depthwise(self):
        return self._windowed(
            "DepthwiseConv2D", (1, 7, 7, 5), (1, 3, 3, 5), (1, 4, 4, 5), padding=SAME, strideH=2,
            strideW=2, depthMultiplier=1, fusedActivationFunction=NONE, dilationHFactor=1,
            dilationWFactor=1, out_scale=0.2)

    def depthwise_multiplier(self):
        return self._windowed(
            "DepthwiseConv2D", (1, 6, 5, 3), (1, 2, 3, 6), (1, 5, 3, 6), padding=VALID, strideH=1,
            strideW=1, depthMultiplier=2, fusedActivationFunction=RELU, dilationHFactor=1,
            dilationWFactor=1, out_scale=0.2)

    def _fully_connected(self, features, outputs, *, scales, bits=8, weight_limit=None, scale=0.05,
                         out_scale=0.7, zeros=(3, -5), shape=None):
        model = Model()
        weights = self._weights((outputs, features), bits)
        if weight_limit:
            weights = np.clip(weights, -weight_limit, weight_limit)
        source = model.tensor(shape or (1, features), INT8, scale, zeros[0])
        bias = self.random.integers(-300, 300, outputs).astype(np.int32)
        inputs = [
            source,
            model.tensor(
                (outputs, features), INT8 if bits == 8 else INT4, scales, 0, 0,
                weights.tobytes() if bits == 8 else packed(weights)),
            model.tensor([outputs], INT32, np.atleast_1d(scales) * np.float32(scale), 0, 0,
                         bias.tobytes())]
        target = model.tensor((1, outputs), INT8, out_scale, zeros[1])
        model.add(OPERATOR.FULLY_CONNECTED, inputs, [target],
                  options("FullyConnected", fusedActivationFunction=NONE), 4)
        return model, source, target

    def fully_connected(self):
        return self._fully_connected(30, 17, scales=self._scales(1)[0])

    def fully_connected_image(self):
        return self._fully_connected(24, 9, scales=self._scales(1)[0], shape=(1, 2, 3, 4))

    def fully_connected_channels(self):
        return self._fully_connected(19, 11, scales=self._scales(11))

    def fully_connected_int4(self):
        return self._fully_connected(21, 9, scales=self._scales(1, 0.15)[0], bits=4)

    def fully_connected_ties(self):
        """Scales that are powers of two: every eighth sum is a tie."""
        return self._fully_connected(
            16, 64, scales=np.float32(0.25), scale=0.5, out_scale=1.0, weight_limit=3)

    def _binary(self, code, name, second, second_scale, shape=(1, 4, 3, 5), activation=NONE,
                out_scale=0.08, zeros=(3, -7, 11)):
        model = Model()
        source = model.tensor(shape, INT8, 0.05, zeros[0])
        if second is None:
            other = source
        else:
            values = self.random.integers(-128, 128, second).astype(np.int8)
            other = model.tensor(second, INT8, second_scale, zeros[1], data=values.tobytes())
        target = model.tensor(shape, INT8, out_scale, zeros[2])
        model.add(code, [source, other], [target],
                  options(name, fusedActivationFunction=activation), 2)
        return model, source, target

    def add(self):
        return self._binary(OPERATOR.ADD, "Add", (1, 4, 3, 5), 0.031, activation=RELU)

    def add_channels(self):
        return self._binary(OPERATOR.ADD, "Add", (5,), 0.09)

    def sub(self):
        return self._binary(OPERATOR.SUB, "Sub", (1, 4, 3, 5), 0.031, activation=RELU6)

    def sub_scalar(self):
        return self._binary(OPERATOR.SUB, "Sub", (1,), 0.09)

    def mul(self):
        return self._binary(OPERATOR.MUL, "Mul", None, None, out_scale=0.17)

    def mul_pixels(self):
        return self._binary(OPERATOR.MUL, "Mul", (1, 4, 3, 1), 0.013, out_scale=0.031)

    def _pool(self, code, shape, kernel, stride, padding, out, activation=NONE):
        model = Model()
        source = model.tensor(shape, INT8, 0.05, 4)
        target = model.tensor(out, INT8, 0.05, 4)
        model.add(code, [source], [target], options(
            "Pool2D", padding=padding, strideH=stride[0], strideW=stride[1],
            filterHeight=kernel[0], filterWidth=kernel[1], fusedActivationFunction=activation), 2)
        return model, source, target

    def average_pool(self):
        return self._pool(
            OPERATOR.AVERAGE_POOL_2D, (1, 7, 6, 5), (3, 2), (2, 2), SAME, (1, 4, 3, 5), RELU6)

    def max_pool(self):
        return self._pool(OPERATOR.MAX_POOL_2D, (1, 7, 6, 5), (3, 3), (2, 1), VALID, (1, 3, 4, 5))

    def _mean(self, shape, out, axes, keeps, out_scale=0.03):
        model = Model()
        source = model.tensor(shape, INT8, 0.05, 4)
        target = model.tensor(out, INT8, out_scale, -9)
        model.add(OPERATOR.MEAN, [source, model.numbers(axes)], [target],
                  options("Reducer", keepDims=keeps), 2)
        return model, source, target

    def mean(self):
        return self._mean((1, 7, 9, 6), (1, 1, 1, 6), [1, 2], True)

    def mean_dropped(self):
        return self._mean((1, 5, 3, 6), (1, 6), [-3, -2], False, 0.05)

    def mean_sequence(self):
        return self._mean((1, 11, 6), (1, 6), [1], False, 0.02)

    def _unary(self, code, shape, out, in_scale=0.05, in_zero=4, out_scale=0.05, out_zero=4,
               constants=(), opts=None, version=1):
        model = Model()
        source = model.tensor(shape, INT8, in_scale, in_zero)
        target = model.tensor(out, INT8, out_scale, out_zero)
        model.add(code, [source, *[c(model) for c in constants]], [target], opts, version)
        return model, source, target

    def pad(self):
        return self._unary(OPERATOR.PAD, (1, 3, 4, 2), (1, 6, 5, 5), constants=[
            lambda m: m.numbers([[0, 0], [1, 2], [0, 1], [2, 1]])], version=2)

    def pad_value(self):
        return self._unary(OPERATOR.PADV2, (1, 3, 4, 2), (1, 4, 6, 2), constants=[
            lambda m: m.numbers([[0, 0], [1, 0], [1, 1], [0, 0]]),
            lambda m: m.tensor((1,), INT8, 0.05, 4, data=np.int8(-77).tobytes())], version=2)

    def reshape(self):
        return self._unary(OPERATOR.RESHAPE, (1, 3, 4, 2), (1, 2, 2, 6),
                           constants=[lambda m: m.numbers([1, 2, 2, 6])])

    def transpose(self):
        return self._unary(OPERATOR.TRANSPOSE, (1, 3, 4, 2), (1, 2, 3, 4),
                           constants=[lambda m: m.numbers([0, 3, 1, 2])], version=2)

    def softmax(self):
        return self._unary(OPERATOR.SOFTMAX, (1, 13), (1, 13), 0.11, 9, 1 / 256, -128,
                           opts=options("Softmax", beta=1.0), version=2)

    def softmax_pixels(self):
        return self._unary(OPERATOR.SOFTMAX, (1, 3, 2, 40), (1, 3, 2, 40), 0.011, -9, 1 / 256, -128,
                           opts=options("Softmax", beta=2.5), version=2)

    def softmax_coarse(self):
        return self._unary(OPERATOR.SOFTMAX, (1, 7), (1, 7), 3.7, 0, 1 / 256, -128,
                           opts=options("Softmax", beta=1.0), version=2)

    def logistic(self):
        return self._unary(OPERATOR.LOGISTIC, (1, 4, 8, 8), (1, 4, 8, 8), 0.043, 11, 1 / 256, -128,
                           version=2)

    def tanh(self):
        return self._unary(OPERATOR.TANH, (1, 4, 8, 8), (1, 4, 8, 8), 0.027, -9, 1 / 128, 0,
                           version=2)

    def leaky_relu(self):
        return self._unary(OPERATOR.LEAKY_RELU, (1, 4, 8, 8), (1, 4, 8, 8), 0.05, 4, 0.043, -30,
                           opts=options("LeakyRelu", alpha=0.3), version=2)

    def hard_swish(self):
        return self._unary(OPERATOR.HARD_SWISH, (1, 4, 8, 8), (1, 4, 8, 8), 0.041, -7, 0.023, -110)

    def hard_swish_fine(self):
        return self._unary(OPERATOR.HARD_SWISH, (1, 4, 8, 8), (1, 4, 8, 8), 0.0031, 20, 0.0027, 2)

    def relu(self):
        return self._unary(OPERATOR.RELU, (1, 4, 3, 5), (1, 4, 3, 5), 0.05, 4, 0.033, -100,
                           version=2)

    def relu6(self):
        return self._unary(OPERATOR.RELU6, (1, 4, 3, 5), (1, 4, 3, 5), 0.05, -6, 0.05, -6, version=2)

    def quantize(self):
        return self._unary(OPERATOR.QUANTIZE, (1, 4, 3, 5), (1, 4, 3, 5), 0.05, -6, 0.083, 17,
                           version=2)

    def slice(self):
        return self._unary(OPERATOR.SLICE, (1, 5, 4, 6), (1, 2, 4, 3), constants=[
            lambda m: m.numbers([0, 1, 0, 2]), lambda m: m.numbers([1, 2, -1, 3])], version=2)

    def strided_slice(self):
        return self._unary(
            OPERATOR.STRIDED_SLICE, (1, 5, 6, 4), (1, 3, 2), constants=[
                lambda m: m.numbers([0, 1, 3, -3]), lambda m: m.numbers([1, 4, 99, 4]),
                lambda m: m.numbers([1, 1, 1, 2])],
            opts=options("StridedSlice", beginMask=1, endMask=9, ellipsisMask=0, newAxisMask=0,
                         shrinkAxisMask=4), version=2)

    def concatenation(self):
        model = Model()
        source = model.tensor((1, 3, 2, 4), INT8, 0.05, 4)
        values = self.random.integers(-128, 128, (1, 3, 2, 2)).astype(np.int8)
        constant = model.tensor((1, 3, 2, 2), INT8, 0.05, 4, data=values.tobytes())
        target = model.tensor((1, 3, 2, 10), INT8, 0.05, 4)
        model.add(OPERATOR.CONCATENATION, [source, constant, source], [target],
                  options("Concatenation", axis=3, fusedActivationFunction=NONE), 2)
        return model, source, target

    def float_edges(self):
        """QUANTIZE, a pool and DEQUANTIZE: real numbers in and out."""
        model = Model()
        source = model.tensor((1, 4, 4, 3), FLOAT32)
        inside = model.tensor((1, 4, 4, 3), INT8, 0.05, -20)
        pooled = model.tensor((1, 2, 2, 3), INT8, 0.05, -20)
        target = model.tensor((1, 2, 2, 3), FLOAT32)
        model.add(OPERATOR.QUANTIZE, [source], [inside], version=1)
        model.add(OPERATOR.MAX_POOL_2D, [inside], [pooled], options(
            "Pool2D", padding=VALID, strideH=2, strideW=2, filterHeight=2, filterWidth=2), 2)
        model.add(OPERATOR.DEQUANTIZE, [pooled], [target], version=2)
        return model, source, target

    def shape_arithmetic(self):
        """A flattening whose shape is computed from the input's, as Keras writes it."""
        model = Model()
        source = model.tensor((1, 2, 3, 4), INT8, 0.05, 4)
        shape = model.tensor((4,), INT32)
        batch = model.tensor((), INT32)
        packed_shape = model.tensor((2,), INT32)
        target = model.tensor((1, 24), INT8, 0.05, 4)
        model.add(OPERATOR.SHAPE, [source], [shape], options("Shape", outType=INT32))
        model.add(OPERATOR.STRIDED_SLICE,
                  [shape, model.numbers([0]), model.numbers([1]), model.numbers([1])], [batch],
                  options("StridedSlice", beginMask=0, endMask=0, ellipsisMask=0, newAxisMask=0,
                          shrinkAxisMask=1))
        rest = model.tensor((), INT32, data=np.int32(24).tobytes())
        model.add(OPERATOR.PACK, [batch, rest], [packed_shape],
                  options("Pack", valuesCount=2, axis=0))
        model.add(OPERATOR.RESHAPE, [source, packed_shape], [target])
        return model, source, target


class FloatCases(Cases):
    """Float models; outputs are compared within a tolerance."""

    def _constant(self, model, shape, size=1.0):
        values = (size * self.random.standard_normal(shape)).astype(np.float32)
        return model.tensor(shape, FLOAT32, data=values.tobytes())

    def float_network(self):
        """Convolutions, a shortcut, a padded pool and a flattened image into a linear layer."""
        model = Model()
        source = model.tensor((1, 7, 6, 3), FLOAT32)
        a = model.tensor((1, 7, 6, 4), FLOAT32)
        model.add(OPERATOR.CONV_2D, [
            source, self._constant(model, (4, 3, 2, 3), 0.3), self._constant(model, (4,))], [a],
            options("Conv2D", padding=SAME, strideH=1, strideW=1, dilationHFactor=1,
                    dilationWFactor=1, fusedActivationFunction=RELU))
        b = model.tensor((1, 7, 6, 4), FLOAT32)
        model.add(OPERATOR.DEPTHWISE_CONV_2D, [
            a, self._constant(model, (1, 3, 3, 4), 0.5), self._constant(model, (4,))], [b],
            options("DepthwiseConv2D", padding=SAME, strideH=1, strideW=1, depthMultiplier=1,
                    dilationHFactor=1, dilationWFactor=1, fusedActivationFunction=NONE))
        c = model.tensor((1, 7, 6, 4), FLOAT32)
        model.add(OPERATOR.ADD, [a, b], [c], options("Add", fusedActivationFunction=RELU6))
        d = model.tensor((1, 7, 6, 4), FLOAT32)
        model.add(OPERATOR.MUL, [c, self._constant(model, (4,))], [d],
                  options("Mul", fusedActivationFunction=NONE))
        e = model.tensor((1, 4, 3, 4), FLOAT32)
        model.add(OPERATOR.AVERAGE_POOL_2D, [d], [e], options(
            "Pool2D", padding=SAME, strideH=2, strideW=2, filterHeight=3, filterWidth=3))
        f = model.tensor((1, 48), FLOAT32)
        model.add(OPERATOR.RESHAPE, [e, model.numbers([1, 48])], [f])
        g = model.tensor((1, 5), FLOAT32)
        model.add(OPERATOR.FULLY_CONNECTED, [
            f, self._constant(model, (5, 48), 0.2), self._constant(model, (5,))], [g],
            options("FullyConnected", fusedActivationFunction=NONE))
        target = model.tensor((1, 5), FLOAT32)
        model.add(OPERATOR.SOFTMAX, [g], [target], options("Softmax", beta=1.0))
        return model, source, target

    def float_moves(self):
        """Padding, slices, concatenation and a mean; weights in float16."""
        model = Model()
        source = model.tensor((1, 6, 5, 2), FLOAT32)
        a = model.tensor((1, 8, 6, 2), FLOAT32)
        model.add(OPERATOR.PAD, [source, model.numbers([[0, 0], [1, 1], [0, 1], [0, 0]])], [a])
        values = (0.4 * self.random.standard_normal((3, 2, 2, 2))).astype(np.float16)
        half = model.tensor((3, 2, 2, 2), FLOAT16, data=values.tobytes())
        whole = model.tensor((3, 2, 2, 2), FLOAT32)
        model.add(OPERATOR.DEQUANTIZE, [half], [whole], version=3)
        b = model.tensor((1, 7, 5, 3), FLOAT32)
        model.add(OPERATOR.CONV_2D, [a, whole, self._constant(model, (3,))], [b], options(
            "Conv2D", padding=VALID, strideH=1, strideW=1, dilationHFactor=1, dilationWFactor=1,
            fusedActivationFunction=NONE))
        c = model.tensor((1, 3, 5, 3), FLOAT32)
        model.add(OPERATOR.STRIDED_SLICE, [
            b, model.numbers([0, 1, 0, 0]), model.numbers([1, 7, 5, 3]),
            model.numbers([1, 2, 1, 1])], [c], options(
                "StridedSlice", beginMask=0, endMask=0, ellipsisMask=0, newAxisMask=0,
                shrinkAxisMask=0))
        d = model.tensor((1, 3, 5, 6), FLOAT32)
        model.add(OPERATOR.CONCATENATION, [c, c], [d],
                  options("Concatenation", axis=3, fusedActivationFunction=NONE))
        e = model.tensor((1, 3, 5, 6), FLOAT32)
        model.add(OPERATOR.RELU, [d], [e])
        target = model.tensor((1, 6), FLOAT32)
        model.add(OPERATOR.MEAN, [e, model.numbers([1, 2])], [target],
                  options("Reducer", keepDims=False))
        return model, source, target


class LaterCases(Cases):
    """Cases with random numbers of their own, so that those above keep theirs."""

    def _function(self, code, in_scale, in_zero, out_scale, out_zero, opts=None):
        return self._unary(
            code, (1, 16, 16, 4), (1, 16, 16, 4), in_scale, in_zero, out_scale, out_zero, opts=opts)

    def logistic_table(self):
        """At 2 LiteRT's float32 value rounds up and the fixed-point one down."""
        return self._function(OPERATOR.LOGISTIC, 0.0035276995040476322, 80, 1 / 256, -128)

    def logistic_tie(self):
        """So at -52."""
        return self._function(OPERATOR.LOGISTIC, 0.009742273949086666, 28, 1 / 256, -128)

    def tanh_wide(self):
        return self._function(OPERATOR.TANH, 0.021, -17, 1 / 128, 0)

    def hard_swish_wide(self):
        return self._function(OPERATOR.HARD_SWISH, 0.037, 3, 0.019, -119)

    def hard_swish_narrow(self):
        return self._function(OPERATOR.HARD_SWISH, 0.011, -30, 0.015, -100)

    def leaky_relu_wide(self):
        return self._function(OPERATOR.LEAKY_RELU, 0.05, -20, 0.037, -60,
                              options("LeakyRelu", alpha=0.3))

    def leaky_relu_negative(self):
        return self._function(OPERATOR.LEAKY_RELU, 0.03, 5, 0.041, -90,
                              options("LeakyRelu", alpha=-0.2))

    def silu(self):
        """x times its sigmoid."""
        model = Model()
        source = model.tensor((1, 16, 16, 2), INT8, 0.043, 6)
        gate = model.tensor((1, 16, 16, 2), INT8, 1 / 256, -128)
        target = model.tensor((1, 16, 16, 2), INT8, 0.022, -115)
        model.add(OPERATOR.LOGISTIC, [source], [gate])
        model.add(OPERATOR.MUL, [source, gate], [target],
                  options("Mul", fusedActivationFunction=NONE), 2)
        return model, source, target

    def _transposed(self, shape, filter_shape, out, *, stride, padding, activation=NONE,
                    per_channel=True, has_bias=True, out_scale=0.9):
        model = Model()
        outputs = filter_shape[0]
        scales = self._scales(outputs if per_channel else 1)
        source = model.tensor(shape, INT8, 0.05, 3)
        inputs = [
            model.numbers(out),
            model.tensor(filter_shape, INT8, scales, 0, 0, self._weights(filter_shape).tobytes()),
            source]
        if has_bias:
            bias = self.random.integers(-3000, 3000, outputs).astype(np.int32)
            inputs.append(model.tensor(
                [outputs], INT32, scales * np.float32(0.05), 0, 0, bias.tobytes()))
        target = model.tensor(out, INT8, out_scale, -5)
        model.add(OPERATOR.TRANSPOSE_CONV, inputs, [target], options(
            "TransposeConv", padding=padding, strideH=stride[0], strideW=stride[1],
            fusedActivationFunction=activation), 3 if has_bias else 1)
        return model, source, target

    def transpose_conv(self):
        return self._transposed((1, 5, 4, 3), (6, 3, 3, 3), (1, 10, 8, 6), stride=(2, 2),
                                padding=SAME)

    def transpose_conv_valid(self):
        """A row more than the last window needs, and no bias."""
        return self._transposed((1, 4, 5, 2), (3, 2, 4, 2), (1, 12, 12, 3), stride=(3, 2),
                                padding=VALID, has_bias=False)

    def transpose_conv_tensor(self):
        return self._transposed((1, 6, 5, 4), (3, 2, 5, 4), (1, 6, 15, 3), stride=(1, 3),
                                padding=SAME, per_channel=False)

    def transpose_conv_gaps(self):
        """A stride wider than the kernel."""
        return self._transposed((1, 3, 3, 5), (4, 2, 1, 5), (1, 9, 6, 4), stride=(3, 2),
                                padding=SAME, out_scale=0.5)


class LaterFloatCases(FloatCases):
    def float_functions(self):
        """SiLU, hard swish, leaky ReLU and transposed convolutions."""
        model = Model()
        shape = (1, 5, 4, 3)
        source = model.tensor(shape, FLOAT32)
        gate, a, b, c = (model.tensor(shape, FLOAT32) for _ in range(4))
        model.add(OPERATOR.LOGISTIC, [source], [gate])
        model.add(OPERATOR.MUL, [source, gate], [a], options("Mul", fusedActivationFunction=NONE))
        model.add(OPERATOR.HARD_SWISH, [a], [b])
        model.add(OPERATOR.LEAKY_RELU, [b], [c], options("LeakyRelu", alpha=0.2))
        d = model.tensor((1, 10, 8, 4), FLOAT32)
        model.add(OPERATOR.TRANSPOSE_CONV, [
            model.numbers((1, 10, 8, 4)), self._constant(model, (4, 3, 3, 3), 0.5), c,
            self._constant(model, (4,))], [d], options(
                "TransposeConv", padding=SAME, strideH=2, strideW=2, fusedActivationFunction=NONE),
            3)
        target = model.tensor((1, 32, 17, 1), FLOAT32)
        model.add(OPERATOR.TRANSPOSE_CONV, [
            model.numbers((1, 32, 17, 1)), self._constant(model, (1, 4, 2, 4), 0.5), d], [target],
            options("TransposeConv", padding=VALID, strideH=3, strideW=2,
                    fusedActivationFunction=NONE), 1)
        return model, source, target


class UnsignedCases(Cases):
    """uint8 throughout, with weights' zero points near the middle and far from it."""

    def _layer(self, code, name, shape, filter_shape, out, zero, reach, scales=(0.031, 0.0137),
               out_scale=0.4, **fields):
        model = Model()
        outputs = filter_shape[3] if code == OPERATOR.DEPTHWISE_CONV_2D else filter_shape[0]
        low, high = max(zero - reach, 0), min(zero + reach, 255)
        weights = self.random.integers(low, high + 1, filter_shape).astype(np.uint8)
        bias = self.random.integers(-3000, 3000, outputs).astype(np.int32)
        source = model.tensor(shape, UINT8, scales[0], 117)
        target = model.tensor(out, UINT8, out_scale, 140)
        product = np.float32(scales[0]) * np.float32(scales[1])
        model.add(code, [
            source, model.tensor(filter_shape, UINT8, scales[1], zero, 0, weights.tobytes()),
            model.tensor([outputs], INT32, product, 0, 0, bias.tobytes())], [target],
            options(name, **fields))
        return model, source, target

    def _convolution(self, zero, reach):
        return self._layer(
            OPERATOR.CONV_2D, "Conv2D", (1, 7, 6, 3), (5, 3, 3, 3), (1, 4, 3, 5), zero, reach,
            padding=SAME, strideH=2, strideW=2, dilationHFactor=1, dilationWFactor=1,
            fusedActivationFunction=RELU)

    def convolution_uint8(self):
        return self._convolution(120, 100)

    def convolution_uint8_far(self):
        return self._convolution(203, 255)

    def depthwise_uint8(self):
        return self._layer(
            OPERATOR.DEPTHWISE_CONV_2D, "DepthwiseConv2D", (1, 7, 7, 5), (1, 3, 3, 5),
            (1, 7, 7, 5), 9, 255, padding=SAME, strideH=1, strideW=1, depthMultiplier=1,
            dilationHFactor=1, dilationWFactor=1, fusedActivationFunction=NONE)

    def depthwise_multiplier_uint8(self):
        return self._layer(
            OPERATOR.DEPTHWISE_CONV_2D, "DepthwiseConv2D", (1, 6, 5, 3), (1, 2, 3, 6),
            (1, 5, 3, 6), 61, 255, padding=VALID, strideH=1, strideW=1, depthMultiplier=2,
            dilationHFactor=1, dilationWFactor=1, fusedActivationFunction=RELU6, out_scale=0.05)

    def fully_connected_uint8(self):
        return self._layer(OPERATOR.FULLY_CONNECTED, "FullyConnected", (1, 30), (17, 30), (1, 17),
                           77, 255, fusedActivationFunction=NONE)

    def concatenation_uint8(self):
        """On three grids, which LiteRT joins for this type alone."""
        model = Model()
        source = model.tensor((1, 3, 2, 4), UINT8, 0.05, 130)
        values = self.random.integers(0, 256, (1, 3, 2, 2)).astype(np.uint8)
        constant = model.tensor((1, 3, 2, 2), UINT8, 0.031, 99, data=values.tobytes())
        target = model.tensor((1, 3, 2, 6), UINT8, 0.043, 111)
        model.add(OPERATOR.CONCATENATION, [source, constant], [target],
                  options("Concatenation", axis=3, fusedActivationFunction=NONE))
        return model, source, target


class MovingCases(Cases):
    """Operators that move elements and compute nothing."""

    def _parts(self, code, opts, shape, outs, place, before=(), behind=(), version=2):
        model = Model()
        source = model.tensor(shape, INT8, 0.05, 4)
        targets = [model.tensor(out, INT8, 0.05, 4) for out in outs]
        inputs = [*map(model.numbers, before), source, *map(model.numbers, behind)]
        model.add(code, inputs, targets, opts, version)
        return model, source, targets[place]

    def split(self):
        return self._parts(OPERATOR.SPLIT, options("Split", numSplits=3), (1, 4, 6, 5),
                           [(1, 4, 2, 5)] * 3, 1, before=[2])

    def split_v(self):
        return self._parts(
            OPERATOR.SPLIT_V, options("SplitV", numSplits=3), (1, 4, 3, 8),
            [(1, 4, 3, 3), (1, 4, 3, 4), (1, 4, 3, 1)], 1, behind=[[3, -1, 1], -1])

    def unpack(self):
        return self._parts(OPERATOR.UNPACK, options("Unpack", num=3, axis=2), (1, 4, 3, 8),
                           [(1, 4, 8)] * 3, 1)

    def pack(self):
        model = Model()
        source = model.tensor((1, 4, 6), INT8, 0.05, 4)
        values = self.random.integers(-128, 128, (1, 4, 6)).astype(np.int8)
        other = model.tensor((1, 4, 6), INT8, 0.05, 4, data=values.tobytes())
        target = model.tensor((1, 4, 3, 6), INT8, 0.05, 4)
        model.add(OPERATOR.PACK, [source, other, source], [target],
                  options("Pack", valuesCount=3, axis=2), 2)
        return model, source, target

    def space_to_depth(self):
        return self._unary(OPERATOR.SPACE_TO_DEPTH, (1, 4, 6, 3), (1, 2, 3, 12),
                           opts=options("SpaceToDepth", blockSize=2))

    def depth_to_space(self):
        return self._unary(OPERATOR.DEPTH_TO_SPACE, (1, 2, 3, 18), (1, 6, 9, 2),
                           opts=options("DepthToSpace", blockSize=3))

    def tile(self):
        return self._unary(OPERATOR.TILE, (1, 2, 3, 4), (1, 4, 3, 12),
                           constants=[lambda m: m.numbers([1, 2, 1, 3])])

    def broadcast_to(self):
        return self._unary(OPERATOR.BROADCAST_TO, (1, 3, 1, 5), (1, 3, 4, 5),
                           constants=[lambda m: m.numbers([1, 3, 4, 5])], version=3)

    def resize_nearest(self):
        return self._unary(
            OPERATOR.RESIZE_NEAREST_NEIGHBOR, (1, 3, 2, 4), (1, 6, 6, 4),
            constants=[lambda m: m.numbers([6, 6])],
            opts=options("ResizeNearestNeighbor", alignCorners=False, halfPixelCenters=True),
            version=3)

    def reduce_max(self):
        return self._unary(OPERATOR.REDUCE_MAX, (1, 5, 3, 6), (1, 6),
                           constants=[lambda m: m.numbers([1, 2])],
                           opts=options("Reducer", keepDims=False), version=2)

    def concatenation_of_one(self):
        return self._unary(OPERATOR.CONCATENATION, (1, 3, 2, 4), (1, 3, 2, 4),
                           opts=options("Concatenation", axis=3), version=2)

    def concatenation_of_many(self):
        model = Model()
        source = model.tensor((1, 2, 1, 1), INT8, 0.05, 4)
        target = model.tensor((1, 2, 1, 131), INT8, 0.05, 4)
        model.add(OPERATOR.CONCATENATION, [source] * 131, [target],
                  options("Concatenation", axis=3, fusedActivationFunction=NONE), 2)
        return model, source, target


class MovingFloatCases(FloatCases):
    def float_parts(self):
        """Halves that change places, blocks as channels, and the largest of each."""
        model = Model()
        source = model.tensor((1, 4, 6, 4), FLOAT32)
        halves = [model.tensor((1, 4, 6, 2), FLOAT32) for _ in range(2)]
        model.add(OPERATOR.SPLIT, [model.numbers(3), source], halves, options("Split", numSplits=2))
        a = model.tensor((1, 4, 6, 4), FLOAT32)
        model.add(OPERATOR.CONCATENATION, halves[::-1], [a],
                  options("Concatenation", axis=3, fusedActivationFunction=NONE))
        b = model.tensor((1, 2, 3, 16), FLOAT32)
        model.add(OPERATOR.SPACE_TO_DEPTH, [a], [b], options("SpaceToDepth", blockSize=2))
        target = model.tensor((1, 16), FLOAT32)
        model.add(OPERATOR.REDUCE_MAX, [b, model.numbers([1, 2])], [target],
                  options("Reducer", keepDims=False))
        return model, source, target


class LastFloatCases(FloatCases):
    def float_tanh(self):
        model = Model()
        source = model.tensor((1, 5, 4, 3), FLOAT32)
        target = model.tensor((1, 5, 4, 3), FLOAT32)
        model.add(OPERATOR.TANH, [source], [target])
        return model, source, target


def grid(tensor):
    quantization = tensor.quantization
    return (quantization.scale[0], quantization.zeroPoint[0]) if quantization else None


def tflm(content, inputs, shape):
    try:
        interpreter = runtime.Interpreter.from_bytes(content, arena_size=1 << 18)
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


def integer_case(name, model, source, target, random, folder):
    content = model.content(source, target)
    shape = model.tensors[source].shape
    own = shape[1:] if shape[:1] == [1] else shape
    integers = random.integers(-128, 128, (IMAGES, *own)).astype(np.int8)
    inputs = integers
    if model.tensors[source].type == FLOAT32:
        scale, zero = grid(model.tensors[model.operators[0].outputs[0]])
        inputs = (np.float32(scale) * (integers.astype(np.float32) - zero)).astype(np.float32)
    elif model.tensors[source].type == UINT8:
        inputs = (integers.astype(np.int16) + 128).astype(np.uint8)

    def as_integers(values):
        if values is None or values.dtype == np.int8:
            return values
        if values.dtype == np.uint8:
            return (values.astype(np.int16) - 128).astype(np.int8)
        scale, zero = grid(model.tensors[model.operators[-1].inputs[0]])
        return (np.round(values / np.float32(scale)) + zero).astype(np.int8)

    codes = {code for code, _ in model.codes}
    # Micro pads blocks with what happens to lie in memory.
    micro = None if OPERATOR.SPACE_TO_BATCH_ND in codes else as_integers(
        tflm(content, inputs, shape))
    # The reference kernel of SUM in LiteRT 2.3.0 reads a multiplier that nobody has set; Micro's is
    # the same code with it.
    own = micro if OPERATOR.SUM in codes else as_integers(run(content, inputs))
    case = {"name": name, "input": pack(integers), "litert": pack(own)}
    if micro is not None:
        case["tflm"] = pack(micro)
        if not np.array_equal(own, micro):
            print(f"  {name}: {np.count_nonzero(own != micro)} of {own.size} differ")
    (folder / f"{name}.tflite").write_bytes(content)
    return case


def float_case(name, model, source, target, random, folder):
    content = model.content(source, target)
    shape = model.tensors[source].shape
    inputs = random.standard_normal((IMAGES, *shape[1:])).astype(np.float32)
    own = run(content, inputs)
    (folder / f"{name}.tflite").write_bytes(content)
    # Channels first, as float graphs have them.
    own = own.transpose(0, 1, 4, 2, 3) if own.ndim == 5 else own
    return {"name": name, "input": pack(inputs.transpose(0, 3, 1, 2)), "litert": pack(own)}


def methods(cases):
    own = vars(type(cases))
    return [(n, getattr(cases, n)) for n in own if not n.startswith("_")]


def main(folder):
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng(SEED)
    document = {
        "versions": {p: importlib.metadata.version(p) for p in ["ai-edge-litert", "tflite-micro"]},
        "seed": SEED, "images": IMAGES, "integer": [], "float": []}
    for name, make in methods(Cases(random)):
        print(name)
        document["integer"].append(integer_case(name, *make(), random, folder))
    for name, make in methods(FloatCases(random)):
        print(name)
        document["float"].append(float_case(name, *make(), random, folder))
    random = np.random.default_rng(SEED + 1)
    for name, make in methods(LaterCases(random)):
        print(name)
        document["integer"].append(integer_case(name, *make(), random, folder))
    for name, make in methods(LaterFloatCases(random)):
        print(name)
        document["float"].append(float_case(name, *make(), random, folder))
    random = np.random.default_rng(SEED + 2)
    for name, make in [m for c in (UnsignedCases, MovingCases) for m in methods(c(random))]:
        print(name)
        document["integer"].append(integer_case(name, *make(), random, folder))
    for name, make in [m for c in (MovingFloatCases, LastFloatCases) for m in methods(c(random))]:
        print(name)
        document["float"].append(float_case(name, *make(), random, folder))
    random = np.random.default_rng(SEED + 3)
    for name, make in methods(any_rank(Cases)(random)):
        print(name)
        document["integer"].append(integer_case(name, *make(), random, folder))
    text = json.dumps(document, separators=(",", ":")).replace('{"name"', '\n{"name"')
    (folder / "operators.json").write_text(text + "\n")


if __name__ == "__main__":
    main(sys.argv[1])
