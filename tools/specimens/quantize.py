"""Cupel's quantization scheme as differentiable fake quantization.

The default scheme `.pc.post.minmax`, restricted range: BatchNorm is folded into the convolution, weights are rounded
symmetrically per output channel to [−qmax, qmax], activations asymmetrically per tensor with static min-max ranges
from a few unlabelled training images. `aN` applies to the inputs of convolutions and linear layers; the network's
input, residual sums, pooled features and logits stay at 8 bits and are rounded a second time where they feed a
narrower convolution. `.pt.pre` rounds the weights before folding, with one scale for the whole tensor.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F

from model import Activation, ConvUnit, LinearUnit, Network, Plain, activate

Ranges = dict[str, tuple[float, float]]


@dataclass(frozen=True)
class Scheme:
    """`weight_bits` and `activation_bits` of None leave weights or activations in float."""

    weight_bits: int | None
    activation_bits: int | None
    per_tensor: bool = False  # `.pt.pre` instead of `.pc.post`

    @property
    def weights_alone(self) -> Scheme:
        """At 8 bits activations lose little, and rounding them costs a training as much as its convolutions."""
        return dataclasses.replace(self, activation_bits=None)

    @staticmethod
    def parse(name: str) -> Scheme:
        match = re.fullmatch(r"w(\d+)a(\d+)(\.pc\.post|\.pt\.pre)?(\.minmax)?", name)
        if not match:
            raise ValueError(f"unknown scheme {name!r}")
        return Scheme(int(match[1]), int(match[2]), match[3] == ".pt.pre")


def weight_qmax(bits: int) -> int:
    return 2 ** (bits - 1) - 1


def weight_scale(weight: torch.Tensor, bits: int, per_tensor: bool) -> torch.Tensor:
    """max|W| / qmax, one value per output channel (all equal for a per-tensor scale)."""
    peak = weight.detach().flatten(1).abs().amax(1)
    if per_tensor:
        peak = peak.max().expand_as(peak)
    return (peak / weight_qmax(bits)).clamp_min(torch.finfo(torch.float32).tiny)


def fake_quantize_weight(weight: torch.Tensor, bits: int, per_tensor: bool) -> torch.Tensor:
    """Round to nearest on the symmetric grid; the gradient passes straight through."""
    qmax = weight_qmax(bits)
    scale = weight_scale(weight, bits, per_tensor)
    zero = torch.zeros_like(scale, dtype=torch.int32)
    return torch.fake_quantize_per_channel_affine(weight, scale, zero, 0, -qmax, qmax)


def activation_grid(low: float, high: float, bits: int) -> tuple[float, int]:
    """Scale and zero point of a range that has been widened to include 0."""
    low, high = min(low, 0.0), max(high, 0.0)
    scale = max((high - low) / (2 ** bits - 1), 1e-12)
    floor = -(2 ** (bits - 1))
    return scale, min(max(round(floor - low / scale), floor), -floor - 1)


def fake_quantize_activation(x: torch.Tensor, range_: tuple[float, float], bits: int) -> torch.Tensor:
    scale, zero = activation_grid(*range_, bits)
    return torch.fake_quantize_per_tensor_affine(x.float(), scale, zero, -(2 ** (bits - 1)), 2 ** (bits - 1) - 1)


class Folded(Plain):
    """Float execution with BatchNorm folded, hence frozen: the statistics neither move nor depend on the batch."""

    def conv(self, unit: ConvUnit, x: torch.Tensor, activation: Activation, wide: bool) -> torch.Tensor:
        return activate(unit.convolve(x, *unit.folded()), activation)


class Observer(Folded):
    """Records the smallest and the largest value of every activation."""

    def __init__(self) -> None:
        self.ranges: Ranges = {}

    def see(self, name: str, x: torch.Tensor) -> torch.Tensor:
        low, high = x.aminmax()
        self.ranges[name] = (float(low), float(high))
        return x

    def input(self, x: torch.Tensor) -> torch.Tensor:
        return self.see("input", x)

    def conv(self, unit: ConvUnit, x: torch.Tensor, activation: Activation, wide: bool) -> torch.Tensor:
        return self.see(unit.name, super().conv(unit, x, activation, wide))

    def add(self, name: str, x: torch.Tensor, y: torch.Tensor, activation: Activation) -> torch.Tensor:
        return self.see(name, super().add(name, x, y, activation))

    def pool(self, name: str, x: torch.Tensor) -> torch.Tensor:
        return self.see(name, super().pool(name, x))

    def linear(self, unit: LinearUnit, x: torch.Tensor, activation: Activation, last: bool) -> torch.Tensor:
        return self.see(unit.name, super().linear(unit, x, activation, last))


@torch.no_grad()
def calibrate(model: Network, x: torch.Tensor) -> Ranges:
    """Min-max ranges of the float model's activations on preprocessed images."""
    observer = Observer()
    model(x, observer)
    return observer.ranges


@dataclass
class Value:
    """A fake-quantized activation, the name of its range, and the bits it is stored at."""

    tensor: torch.Tensor
    name: str
    bits: int


class Quantized:
    """Fake-quantized execution, differentiable by straight-through rounding.

    `exact` also rounds the biases and the logits, as the integer engine does; training leaves both out, for their
    effect is below a logit step.
    """

    WIDE = 8

    def __init__(self, scheme: Scheme, ranges: Ranges, exact: bool = False):
        self.scheme, self.ranges, self.exact = scheme, ranges, exact
        self.inputs: dict[str, torch.Tensor] = {}  # what each layer saw last, for layer-wise reconstruction
        self.keep_inputs = False

    def store(self, x: torch.Tensor, name: str, bits: int) -> Value:
        if self.scheme.activation_bits is not None:
            x = fake_quantize_activation(x, self.ranges[name], bits)
        return Value(x, name, bits)

    def operand(self, x: Value, layer: str) -> torch.Tensor:
        """The copy of a value that a convolution or a linear layer reads."""
        bits = self.scheme.activation_bits
        tensor = x.tensor
        if bits is not None and bits < x.bits:
            tensor = fake_quantize_activation(tensor, self.ranges[x.name], bits)
        if self.keep_inputs:
            self.inputs[layer] = tensor
        return tensor

    def weight(self, raw: torch.Tensor, factor: torch.Tensor | None) -> tuple[torch.Tensor, torch.Tensor]:
        """The folded weight after rounding, and its scale per output channel."""
        bits, pre = self.scheme.weight_bits, self.scheme.per_tensor
        column = None if factor is None else factor.view(-1, *[1] * (raw.dim() - 1))
        folded = raw if column is None else raw * column
        if bits is None:
            return folded, weight_scale(folded, 8, False)
        if pre:
            scale = weight_scale(raw, bits, True)
            if factor is not None:
                scale = scale * factor.detach().abs()
        else:
            scale = weight_scale(folded, bits, False)
        if pre:
            rounded = fake_quantize_weight(raw, bits, True)
            return rounded if column is None else rounded * column, scale
        return fake_quantize_weight(folded, bits, False), scale

    def bias(self, bias: torch.Tensor, x: Value, scale: torch.Tensor) -> torch.Tensor:
        if not self.exact or self.scheme.activation_bits is None or self.scheme.weight_bits is None:
            return bias
        step, _ = activation_grid(*self.ranges[x.name], min(self.scheme.activation_bits, x.bits))
        return torch.round(bias / (step * scale)) * (step * scale)

    def input(self, x: torch.Tensor) -> Value:
        return self.store(x, "input", self.WIDE)

    def weighted_bits(self, wide: bool) -> int:
        return self.WIDE if wide else min(self.WIDE, self.scheme.activation_bits or self.WIDE)

    def conv(self, unit: ConvUnit, x: Value, activation: Activation, wide: bool) -> Value:
        factor, bias = unit.factor_and_bias()
        weight, scale = self.weight(unit.conv.weight, factor)
        y = unit.convolve(self.operand(x, unit.name), weight, self.bias(bias, x, scale))
        return self.store(activate(y, activation), unit.name, self.weighted_bits(wide))

    def add(self, name: str, x: Value, y: Value, activation: Activation) -> Value:
        return self.store(activate(x.tensor + y.tensor, activation), name, self.WIDE)

    def pool(self, name: str, x: Value) -> Value:
        return self.store(F.adaptive_avg_pool2d(x.tensor, 1).flatten(1), name, self.WIDE)

    def rearrange(self, x: Value, move: Callable[[torch.Tensor], torch.Tensor]) -> Value:
        return Value(move(x.tensor), x.name, x.bits)  # stays on its input's grid

    def linear(self, unit: LinearUnit, x: Value, activation: Activation, last: bool) -> torch.Tensor | Value:
        weight, scale = self.weight(unit.linear.weight, None)
        y = activate(F.linear(self.operand(x, unit.name), weight, self.bias(unit.linear.bias, x, scale)), activation)
        if not last:
            return self.store(y, unit.name, self.weighted_bits(wide=False))
        return self.store(y, unit.name, self.WIDE).tensor if self.exact else y
