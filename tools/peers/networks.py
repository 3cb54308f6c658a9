"""ONNX models of the shapes in Benchmarks/Sources/cupel-bench/Networks.swift, random weights.

Written with onnx alone and quantized by onnxruntime's static quantization: QDQ, signed weights per
channel, unsigned activations, which is what its x86 kernels are fastest with.
"""

import tempfile
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import (
    CalibrationDataReader, QuantFormat, QuantType, quantize_static)


class Builder:
    """A chain of nodes with a current value and its shape (channels, side)."""

    def __init__(self, channels, side, seed=1):
        self.random = np.random.default_rng(seed)
        self.nodes, self.weights = [], []
        self.value, self.channels, self.side = "input", channels, side
        self.input_shape = [channels, side, side]

    def node(self, kind, inputs, **attributes):
        name = f"v{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, inputs, [name], name=name + kind, **attributes))
        self.value = name
        return name

    def constant(self, array):
        name = f"w{len(self.weights)}"
        self.weights.append(numpy_helper.from_array(array, name))
        return name

    def convolution(self, channels, kernel=3, stride=1, groups=1, relu=True):
        depth = self.channels // groups
        spread = (2 / (depth * kernel * kernel)) ** 0.5
        shape = (channels, depth, kernel, kernel)
        weights = self.constant((self.random.standard_normal(shape) * spread).astype(np.float32))
        bias = self.constant((self.random.standard_normal(channels) * 0.1).astype(np.float32))
        self.node(
            "Conv", [self.value, weights, bias], kernel_shape=[kernel, kernel],
            strides=[stride, stride], pads=[kernel // 2] * 4, group=groups)
        self.channels, self.side = channels, (self.side + stride - 1) // stride
        if relu:
            self.node("Relu", [self.value])

    def depthwise(self, stride=1):
        self.convolution(self.channels, 3, stride, groups=self.channels)

    def add(self, other, relu):
        self.node("Add", [self.value, other])
        if relu:
            self.node("Relu", [self.value])

    def halved_shortcut(self, channels):
        steps = [self.constant(np.array(a, np.int64)) for a in ([0, 0], [99, 99], [2, 3], [2, 2])]
        self.node("Slice", [self.value, *steps])
        before = (channels - self.channels) // 2
        pads = self.constant(np.array([0, before, 0, 0, 0, before, 0, 0], np.int64))
        self.node("Pad", [self.value, pads])
        self.channels, self.side = channels, (self.side + 1) // 2

    def classifier(self):
        self.node("GlobalAveragePool", [self.value])
        self.node("Flatten", [self.value])
        weights = (self.random.standard_normal((10, self.channels)) * 0.1).astype(np.float32)
        bias = self.constant(np.zeros(10, np.float32))
        self.node("Gemm", [self.value, self.constant(weights), bias], transB=1)

    def model(self):
        graph = helper.make_graph(
            self.nodes, "net",
            [helper.make_tensor_value_info("input", TensorProto.FLOAT, ["n", *self.input_shape])],
            [helper.make_tensor_value_info(self.value, TensorProto.FLOAT, ["n", 10])],
            self.weights)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
        model.ir_version = 9
        onnx.checker.check_model(model)
        return model


def residual(net, channels, stride, projects):
    start, width, side = net.value, net.channels, net.side
    net.convolution(channels, stride=stride)
    net.convolution(channels, relu=False)
    main, shape = net.value, (net.channels, net.side)
    net.value, net.channels, net.side = start, width, side
    if projects:
        net.convolution(channels, 1, stride, relu=False)
    elif stride == 2:
        net.halved_shortcut(channels)
    shortcut = net.value
    net.value, (net.channels, net.side) = main, shape
    net.add(shortcut, relu=True)


def resnet20():
    net = Builder(3, 32)
    net.convolution(16)
    for channels, stride in [(16, 1), (32, 2), (64, 2)]:
        for block in range(3):
            residual(net, channels, stride if block == 0 else 1, projects=False)
    net.classifier()
    return net.model()


def resnet18():
    net = Builder(3, 32)
    net.convolution(64)
    for channels, stride in [(64, 1), (128, 2), (256, 2), (512, 2)]:
        for block in range(2):
            own = stride if block == 0 else 1
            residual(net, channels, own, projects=own == 2)
    net.classifier()
    return net.model()


def mobilenetv2():
    net = Builder(3, 32)
    net.convolution(32)
    stages = [(1, 16, 1, 1), (6, 24, 2, 1), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1),
              (6, 160, 3, 2), (6, 320, 1, 1)]
    for expansion, channels, blocks, stride in stages:
        for block in range(blocks):
            inverted(net, expansion, channels, stride if block == 0 else 1)
    net.convolution(1280, 1)
    net.classifier()
    return net.model()


def inverted(net, expansion, channels, stride):
    start, width, side = net.value, net.channels, net.side
    net.convolution(width * expansion, 1)
    net.depthwise(stride)
    net.convolution(channels, 1, relu=False)
    if stride != 1:
        return
    main, shape = net.value, (net.channels, net.side)
    net.value, net.channels, net.side = start, width, side
    if width != channels:
        net.convolution(channels, 1, relu=False)
    shortcut = net.value
    net.value, (net.channels, net.side) = main, shape
    net.add(shortcut, relu=False)


class RandomImages(CalibrationDataReader):
    def __init__(self, count=4):
        random = np.random.default_rng(2)
        shape = (4, 3, 32, 32)
        self.batches = iter(
            [{"input": random.standard_normal(shape).astype(np.float32)} for _ in range(count)])

    def get_next(self):
        return next(self.batches, None)


NETWORKS = {"resnet20": resnet20, "resnet18": resnet18, "mobilenetv2": mobilenetv2}


def quantized(name, folder):
    """Path of the quantized model, made on first use."""
    path = Path(folder) / f"{name}-u8s8.onnx"
    if path.exists():
        return path
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as temporary:
        plain = Path(temporary) / "float.onnx"
        onnx.save(NETWORKS[name](), plain)
        quantize_static(
            plain, path, RandomImages(), quant_format=QuantFormat.QDQ, per_channel=True,
            activation_type=QuantType.QUInt8, weight_type=QuantType.QInt8)
    return path
