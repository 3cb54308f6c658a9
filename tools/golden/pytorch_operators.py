"""Writes what PyTorch computes for single operators, for FloatGraphTests.

    python tools/golden/pytorch_operators.py Tests/FloatGraphTests/Golden/operators.json

Inputs and weights are patterns that the test makes itself, so only parameters and outputs are stored; of some operators
also the gradients of inputs and parameters, where the loss's derivatives by the output are a pattern.
"""

import json
import sys
from pathlib import Path

import torch
import torch.nn.functional as F

BATCH = 2


def pattern(shape, seed=0, scale=1.0):
    """Element i is (((i + 101 · seed) · 7919 mod 1009) / 504.5 − 1) · scale."""
    index = torch.arange(torch.Size(shape).numel(), dtype=torch.int64) + 101 * seed
    return (((index * 7919 % 1009).double() / 504.5 - 1) * scale).float().reshape(shape)


def convolution(shape, outputs, kernel, stride=(1, 1), dilation=(1, 1), pads=(0, 0, 0, 0), groups=1, bias=True):
    x = pattern((BATCH, *shape))
    weights = pattern((outputs, shape[0] // groups, *kernel), 1, 0.5)
    b = pattern((outputs,), 2) if bias else None
    top, left, bottom, right = pads
    y = F.conv2d(F.pad(x, (left, right, top, bottom)), weights, b, stride, 0, dilation, groups)
    return dict(
        operator="convolution", shape=shape, outputs=outputs, kernel=kernel, stride=stride, dilation=dilation,
        pads=pads, groups=groups, bias=bias), y


def pool(kind, shape, kernel, stride, pads=(0, 0), dilation=(1, 1), counts=False):
    x = pattern((BATCH, *shape))
    if kind == "maxPool":
        y = F.max_pool2d(x, kernel, stride, pads, dilation)
    else:
        y = F.avg_pool2d(x, kernel, stride, pads, count_include_pad=counts)
    return dict(
        operator=kind, shape=shape, kernel=kernel, stride=stride, dilation=dilation, pads=(*pads, *pads),
        countsPadding=counts), y


def batch_normalization(shape):
    c = shape[0]
    mean, variance = pattern((c,), 3), pattern((c,), 4).abs() + 0.1
    y = F.batch_norm(
        pattern((BATCH, *shape)), mean, variance, pattern((c,), 1), pattern((c,), 2), eps=1e-3)
    return dict(operator="batchNormalization", shape=shape), y


def with_gradients(parameters, y, inputs, weights=()):
    y.backward(pattern(y.shape, 6))
    short = lambda tensor: [float(f"{value:.7g}") for value in tensor.grad.double().flatten().tolist()]
    return dict(
        **parameters, inputGradients=[short(x) for x in inputs],
        parameterGradients=[short(w) for w in weights]), y.detach()


def transpose_convolution(
        shape, outputs, kernel, stride=(1, 1), dilation=(1, 1), pads=(0, 0, 0, 0), output_pad=(0, 0), groups=1,
        bias=True):
    """Weights are [O][C / groups][KH][KW] here, [C][O / groups][KH][KW] in PyTorch."""
    inner, outer = shape[0] // groups, outputs // groups
    x = pattern((BATCH, *shape)).requires_grad_()
    weights = pattern((outputs, inner, *kernel), 1, 0.5).requires_grad_()
    b = pattern((outputs,), 2).requires_grad_() if bias else None
    theirs = weights.reshape(groups, outer, inner, *kernel).transpose(1, 2).reshape(shape[0], outer, *kernel)
    full = F.conv_transpose2d(x, theirs, b, stride, 0, output_pad, groups, dilation)
    top, left, bottom, right = pads
    y = full[:, :, top : full.shape[2] - bottom, left : full.shape[3] - right]
    return with_gradients(dict(
        operator="transposeConvolution", shape=shape, outputs=outputs, kernel=kernel, stride=stride, dilation=dilation,
        pads=pads, outputPad=output_pad, groups=groups, bias=bias), y, [x], [weights, b] if bias else [weights])


def activation(operator, function, **parameters):
    x = pattern((BATCH, 4, 5, 6), 0, 8.0).requires_grad_()
    return with_gradients(dict(operator=operator, shape=(4, 5, 6), **parameters), function(x), [x])


def cases():
    yield "3x3", convolution((5, 9, 11), 4, (3, 3), pads=(1, 1, 1, 1))
    yield "no bias, no padding", convolution((3, 8, 8), 7, (3, 3), bias=False)
    yield "stride 2", convolution((4, 10, 13), 6, (3, 3), stride=(2, 2), pads=(1, 1, 1, 1))
    yield "uneven stride and padding", convolution((2, 11, 7), 3, (5, 3), stride=(3, 1), pads=(0, 2, 3, 1))
    yield "dilation", convolution((3, 12, 12), 4, (3, 3), dilation=(2, 3), pads=(2, 3, 2, 3))
    yield "groups", convolution((6, 9, 9), 9, (3, 3), pads=(1, 1, 1, 1), groups=3)
    yield "depthwise", convolution((6, 10, 9), 6, (3, 3), pads=(1, 1, 1, 1), groups=6)
    yield "depthwise, two outputs a channel, stride 2", convolution(
        (3, 9, 12), 6, (3, 3), stride=(2, 2), pads=(1, 0, 0, 1), groups=3)
    yield "depthwise, dilated, no bias", convolution(
        (2, 9, 9), 2, (3, 3), dilation=(2, 2), pads=(2, 2, 2, 2), groups=2, bias=False)
    yield "1x1", convolution((8, 7, 7), 5, (1, 1))
    yield "1x1 on a large plane", convolution((2, 24, 24), 3, (1, 1))
    yield "1x1, stride 2", convolution((8, 8, 8), 5, (1, 1), stride=(2, 2))
    yield "1x1, padded", convolution((4, 5, 5), 3, (1, 1), pads=(1, 2, 0, 1))
    yield "whole image", convolution((3, 6, 6), 4, (6, 6))
    yield "window mostly in padding", convolution((2, 2, 2), 3, (3, 3), pads=(4, 4, 4, 4))
    yield "tiled", convolution((64, 27, 27), 2, (3, 3), pads=(1, 1, 1, 1))
    yield "average", pool("averagePool", (3, 8, 9), (2, 2), (2, 2))
    yield "average, padding left out", pool("averagePool", (3, 9, 8), (3, 3), (2, 2), (1, 1))
    yield "average, padding counted", pool("averagePool", (3, 9, 8), (3, 3), (2, 1), (1, 1), counts=True)
    yield "maximum", pool("maxPool", (3, 8, 9), (2, 3), (2, 2))
    yield "maximum, padded", pool("maxPool", (2, 9, 9), (3, 3), (2, 2), (1, 1))
    yield "maximum, dilated", pool("maxPool", (2, 9, 10), (2, 3), (1, 2), (1, 1), dilation=(3, 2))
    yield "normalization", batch_normalization((5, 6, 7))
    yield "normalization of features", batch_normalization((9,))
    x = pattern((BATCH, 4, 5, 6))
    yield "relu", (dict(operator="clamp", shape=(4, 5, 6), low=0.0, high=None), F.relu(x))
    yield "clamp", (dict(operator="clamp", shape=(4, 5, 6), low=-0.25, high=0.5), x.clamp(-0.25, 0.5))
    yield "sum", (dict(operator="add", shape=(4, 5, 6)), x + pattern(x.shape, 5))
    yield "mean", (dict(operator="globalAveragePool", shape=(4, 5, 6)), x.mean((2, 3)))
    yield "linear", (dict(operator="linear", shape=(13,), outputs=7, bias=True), F.linear(
        pattern((BATCH, 13)), pattern((7, 13), 1, 0.5), pattern((7,), 2)))
    yield "linear, no bias", (dict(operator="linear", shape=(33,), outputs=1, bias=False), F.linear(
        pattern((BATCH, 33)), pattern((1, 33), 1, 0.5)))
    yield "padding", (
        dict(operator="pad", shape=(4, 5, 6), before=(1, 0, 2), after=(2, 1, 0), value=0.75),
        F.pad(x, (2, 0, 0, 1, 1, 2), value=0.75))
    yield "slice", (
        dict(operator="slice", shape=(4, 5, 6), start=(1, 0, 1), step=(1, 2, 3)), x[:, 1:4, ::2, 1::3])
    yield "channels joined", (
        dict(operator="concatenate", shape=(4, 5, 6), axis=0), torch.cat([x, pattern(x.shape, 5)], 1))
    yield "columns joined", (
        dict(operator="concatenate", shape=(4, 5, 6), axis=2), torch.cat([x, pattern(x.shape, 5)], 3))
    yield "softmax", (dict(operator="softmax", shape=(10,)), torch.softmax(pattern((BATCH, 10), 0, 8.0), 1))
    left, right = x.clone().requires_grad_(), pattern(x.shape, 5).requires_grad_()
    yield "product", with_gradients(dict(operator="multiply", shape=(4, 5, 6)), left * right, [left, right])
    yield "sigmoid", activation("sigmoid", torch.sigmoid)
    yield "hard swish", activation("hardSwish", F.hardswish)
    yield "leaky relu", activation("leakyRelu", lambda x: F.leaky_relu(x, 0.1), slope=0.1)
    yield "2x2, stride 2", transpose_convolution((5, 4, 6), 3, (2, 2), stride=(2, 2))
    yield "3x3, no bias", transpose_convolution((3, 5, 5), 4, (3, 3), pads=(1, 1, 1, 1), bias=False)
    yield "output padding", transpose_convolution(
        (4, 5, 4), 6, (3, 3), stride=(2, 2), pads=(1, 1, 1, 1), output_pad=(1, 1))
    yield "uneven stride, padding and dilation", transpose_convolution(
        (2, 4, 5), 3, (4, 3), stride=(3, 1), dilation=(1, 2), pads=(0, 2, 3, 1), output_pad=(2, 1))
    yield "output padding as large as the stride", transpose_convolution(
        (2, 4, 4), 3, (2, 2), dilation=(3, 3), output_pad=(2, 1))
    yield "groups", transpose_convolution((6, 4, 4), 9, (3, 3), stride=(2, 2), groups=3)
    yield "depthwise", transpose_convolution((4, 5, 4), 4, (3, 3), stride=(2, 2), pads=(1, 1, 0, 0), groups=4)
    yield "1x1", transpose_convolution((6, 5, 5), 4, (1, 1))
    yield "tiled", transpose_convolution((2, 23, 23), 2, (16, 16), pads=(8, 8, 8, 8))
    yield "reshape", (dict(operator="reshape", shape=(4, 5, 6)), x.reshape(BATCH, 120))


def main(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = []
    for name, (parameters, y) in cases():
        values = [float(f"{value:.7g}") for value in y.double().flatten().tolist()]
        rows.append({"name": name, **parameters, "outputShape": list(y.shape[1:]), "expected": values})
    lines = ",\n".join(json.dumps(row) for row in rows)
    path.write_text(f'{{"torch": "{torch.__version__}", "batch": {BATCH}, "cases": [\n{lines}\n]}}\n')


if __name__ == "__main__":
    main(Path(sys.argv[1]))
