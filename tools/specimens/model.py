"""The specimens' architectures, written once and run by interchangeable executors.

A network's `forward` takes an *executor* that says what a convolution, a residual sum and a pool compute. `Plain` uses
the modules as they are, BatchNorm included, and is what training and ONNX export see; `quantize.py` brings executors
that fold BatchNorm, observe ranges, and round. So the architecture cannot differ between the float network and its
quantized forms.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, Protocol

import torch
import torch.nn.functional as F
from torch import nn

Activation = Literal["relu", "relu6"] | None


class Executor(Protocol):
    """What a network needs to run. `Any` is whatever the executor passes between its operators."""

    def input(self, x: torch.Tensor) -> Any: ...

    def conv(self, unit: ConvUnit, x: Any, activation: Activation, wide: bool) -> Any:
        """`wide`: some consumer is not a convolution or a linear layer, so the output must be kept at 8 bits."""

    def add(self, name: str, x: Any, y: Any, activation: Activation) -> Any:
        """The residual sum."""

    def pool(self, name: str, x: Any) -> Any:
        """The mean over the image, as features."""

    def rearrange(self, x: Any, move: Callable[[torch.Tensor], torch.Tensor]) -> Any:
        """What moves values about without making new ones: max pooling, slices, padding by zero, flattening."""

    def linear(self, unit: LinearUnit, x: Any, activation: Activation, last: bool) -> Any:
        """`last`: the output is the logits, as a tensor."""


class ConvUnit(nn.Module):
    """Convolution without bias, then BatchNorm; or, without `norm`, convolution with bias."""

    def __init__(self, name: str, inputs: int, outputs: int, kernel: int, stride: int = 1, groups: int = 1,
                 norm: bool = True):
        super().__init__()
        self.name = name
        self.conv = nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=not norm)
        self.bn = nn.BatchNorm2d(outputs) if norm else None

    def factor_and_bias(self) -> tuple[torch.Tensor | None, torch.Tensor]:
        """BatchNorm at inference as an affine map per channel: γ/σ and β − μγ/σ. Without it, no factor."""
        if self.bn is None:
            return None, self.conv.bias
        factor = self.bn.weight * torch.rsqrt(self.bn.running_var + self.bn.eps)
        return factor, self.bn.bias - self.bn.running_mean * factor

    def folded(self) -> tuple[torch.Tensor, torch.Tensor]:
        """Weight and bias with BatchNorm folded in."""
        factor, bias = self.factor_and_bias()
        return self.conv.weight if factor is None else self.conv.weight * factor.view(-1, 1, 1, 1), bias

    def convolve(self, x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None = None) -> torch.Tensor:
        return F.conv2d(x, weight, bias, self.conv.stride, self.conv.padding, 1, self.conv.groups)


class LinearUnit(nn.Module):
    def __init__(self, name: str, inputs: int, outputs: int):
        super().__init__()
        self.name = name
        self.linear = nn.Linear(inputs, outputs)


def activate(x: torch.Tensor, activation: Activation) -> torch.Tensor:
    return x if activation is None else F.relu(x) if activation == "relu" else F.relu6(x)


class Plain:
    """Runs the modules as they are."""

    def input(self, x: torch.Tensor) -> torch.Tensor:
        return x

    def conv(self, unit: ConvUnit, x: torch.Tensor, activation: Activation, wide: bool) -> torch.Tensor:
        y = unit.conv(x)
        return activate(y if unit.bn is None else unit.bn(y), activation)

    def add(self, name: str, x: torch.Tensor, y: torch.Tensor, activation: Activation) -> torch.Tensor:
        return activate(x + y, activation)

    def pool(self, name: str, x: torch.Tensor) -> torch.Tensor:
        return F.adaptive_avg_pool2d(x, 1).flatten(1)

    def rearrange(self, x: torch.Tensor, move: Callable[[torch.Tensor], torch.Tensor]) -> torch.Tensor:
        return move(x)

    def linear(self, unit: LinearUnit, x: torch.Tensor, activation: Activation, last: bool) -> torch.Tensor:
        return activate(unit.linear(x), activation)


class Network(nn.Module):
    """What all architectures have in common."""

    def conv_units(self) -> list[ConvUnit]:
        return [unit for unit in self.modules() if isinstance(unit, ConvUnit)]

    def linear_units(self) -> list[LinearUnit]:
        return [unit for unit in self.modules() if isinstance(unit, LinearUnit)]

    def weights(self) -> list[nn.Parameter]:
        """Of every layer that is rounded."""
        return [unit.conv.weight for unit in self.conv_units()] + [unit.linear.weight for unit in self.linear_units()]


class BasicBlock(nn.Module):
    """Two 3×3 convolutions and a shortcut: where shapes differ a 1×1 convolution, or with `option_a` every second
    pixel, channels padded by zeros on both sides (He et al. 2016, section 4.2)."""

    def __init__(self, name: str, inputs: int, outputs: int, stride: int, option_a: bool):
        super().__init__()
        self.name = name
        self.conv1 = ConvUnit(f"{name}.conv1", inputs, outputs, 3, stride)
        self.conv2 = ConvUnit(f"{name}.conv2", outputs, outputs, 3)
        self.same = stride == 1 and inputs == outputs
        self.padding = (outputs - inputs) // 2
        self.shortcut = None if self.same or option_a else ConvUnit(f"{name}.shortcut", inputs, outputs, 1, stride)

    def forward(self, x: Any, run: Executor) -> Any:
        y = run.conv(self.conv1, x, "relu", wide=False)
        y = run.conv(self.conv2, y, None, wide=True)
        if self.shortcut is not None:
            skip = run.conv(self.shortcut, x, None, wide=True)
        elif self.same:
            skip = x
        else:
            sides = (0, 0, 0, 0, self.padding, self.padding)
            skip = run.rearrange(x, lambda t: F.pad(t[:, :, ::2, ::2], sides, "constant", 0))
        return run.add(f"{self.name}.add", y, skip, "relu")


class ResNet(Network):
    """A residual network of basic blocks, one stage per width, halving the resolution at every stage but the first."""

    def __init__(self, channels: int, widths: tuple[int, ...] = (16, 32, 64), blocks: int = 1, classes: int = 10,
                 option_a: bool = False):
        super().__init__()
        self.stem = ConvUnit("stem", channels, widths[0], 3)
        stages, inputs = [], widths[0]
        for stage, width in enumerate(widths, start=1):
            for block in range(blocks):
                stride = 2 if stage > 1 and block == 0 else 1
                name = f"stage{stage}" if blocks == 1 else f"stage{stage}.{block}"
                stages.append(BasicBlock(name, inputs, width, stride, option_a))
                inputs = width
        self.stages = nn.ModuleList(stages)
        self.head = LinearUnit("head", inputs, classes)

    def forward(self, x: torch.Tensor, run: Executor | None = None) -> torch.Tensor:
        run = run or Plain()
        y = run.conv(self.stem, run.input(x), "relu", wide=True)
        for block in self.stages:
            y = block(y, run)
        return run.linear(self.head, run.pool("pool", y), None, last=True)


class Chain(Network):
    """Convolutions and 2×2 max pooling, then linear layers: VGG with BatchNorm, AlexNet without.

    `plan` holds the convolutions' widths, "M" where a pooling follows.
    """

    def __init__(self, channels: int, plan: tuple[int | str, ...], side: int, hidden: tuple[int, ...], norm: bool,
                 classes: int = 10):
        super().__init__()
        units, self.pooled, inputs = [], [], channels
        for step, following in zip(plan, [*plan[1:], None]):
            if isinstance(step, int):
                units.append(ConvUnit(f"conv{len(units) + 1}", inputs, step, 3, norm=norm))
                self.pooled.append(following == "M")
                inputs = step
            else:
                side //= 2
        self.units = nn.ModuleList(units)
        sizes = [inputs * side * side, *hidden, classes]
        self.layers = nn.ModuleList(
            LinearUnit(f"linear{index}", *pair) for index, pair in enumerate(zip(sizes, sizes[1:]), start=1))

    def forward(self, x: torch.Tensor, run: Executor | None = None) -> torch.Tensor:
        run = run or Plain()
        y = run.input(x)
        for index, (unit, pooled) in enumerate(zip(self.units, self.pooled)):
            y = run.conv(unit, y, "relu", wide=pooled or index == len(self.units) - 1)
            if pooled:
                y = run.rearrange(y, lambda t: F.max_pool2d(t, 2, 2))
        y = run.rearrange(y, lambda t: torch.flatten(t, 1))
        for layer in self.layers[:-1]:
            y = run.linear(layer, y, "relu", last=False)
        return run.linear(self.layers[-1], y, None, last=True)


class InvertedResidual(nn.Module):
    def __init__(self, name: str, inputs: int, outputs: int, stride: int, expansion: int):
        super().__init__()
        hidden = inputs * expansion
        self.name = name
        self.adds = stride == 1 and inputs == outputs
        self.expand = None if expansion == 1 else ConvUnit(f"{name}.expand", inputs, hidden, 1)
        self.depthwise = ConvUnit(f"{name}.depthwise", hidden, hidden, 3, stride, groups=hidden)
        self.project = ConvUnit(f"{name}.project", hidden, outputs, 1)

    def forward(self, x: Any, run: Executor, wide: bool) -> Any:
        """`wide`: a sum reads the output as well."""
        y = x if self.expand is None else run.conv(self.expand, x, "relu6", wide=False)
        y = run.conv(self.depthwise, y, "relu6", wide=False)
        y = run.conv(self.project, y, None, wide=self.adds or wide)
        return run.add(f"{self.name}.add", x, y, None) if self.adds else y


class MobileNetV2(Network):
    """Sandler et al. 2018 with the strides usual for 32×32 images. `stages`: expansion, width, blocks, stride."""

    def __init__(self, channels: int, stem: int, stages: tuple[tuple[int, int, int, int], ...], last: int,
                 classes: int = 10):
        super().__init__()
        self.stem = ConvUnit("stem", channels, stem, 3)
        blocks, inputs = [], stem
        for stage, (expansion, width, count, stride) in enumerate(stages, start=1):
            for block in range(count):
                name = f"stage{stage}.{block}"
                blocks.append(InvertedResidual(name, inputs, width, stride if block == 0 else 1, expansion))
                inputs = width
        self.blocks = nn.ModuleList(blocks)
        self.last = ConvUnit("last", inputs, last, 1)
        self.head = LinearUnit("head", last, classes)

    def forward(self, x: torch.Tensor, run: Executor | None = None) -> torch.Tensor:
        run = run or Plain()
        adds = [block.adds for block in self.blocks] + [False]
        y = run.conv(self.stem, run.input(x), "relu6", wide=adds[0])
        for block, following in zip(self.blocks, adds[1:]):
            y = block(y, run, wide=following)
        y = run.conv(self.last, y, "relu6", wide=True)
        return run.linear(self.head, run.pool("pool", y), None, last=True)


MOBILE = ((1, 8, 1, 1), (6, 16, 2, 2), (6, 24, 2, 2), (6, 32, 2, 1), (6, 48, 2, 2), (6, 64, 1, 1))

# By name; each takes the images' channels and side.
ARCHITECTURES: dict[str, Callable[[int, int], Network]] = {
    "resnet8": lambda channels, side: ResNet(channels),
    "resnet8-w8": lambda channels, side: ResNet(channels, (8, 16, 32)),
    "resnet20": lambda channels, side: ResNet(channels, blocks=3, option_a=True),
    "resnet18-w8": lambda channels, side: ResNet(channels, (8, 16, 32, 64), blocks=2),
    "vgg11-w12": lambda channels, side: Chain(
        channels, (12, "M", 24, "M", 48, 48, "M", 96, 96, "M", 96, 96, "M"), side, (), norm=True),
    "vgg9-w12": lambda channels, side: Chain(
        channels, (12, "M", 24, "M", 48, 48, "M", 96, 96, "M"), side, (), norm=True),
    "alexnet-w16": lambda channels, side: Chain(
        channels, (16, "M", 48, "M", 96, 64, 64, "M"), side, (128, 64), norm=False),
    "mobilenetv2-w8": lambda channels, side: MobileNetV2(channels, 16, MOBILE, 128),
}


def build(architecture: str, channels: int, side: int) -> Network:
    return ARCHITECTURES[architecture](channels, side).to(memory_format=torch.channels_last)
