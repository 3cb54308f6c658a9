"""The specimens' architectures, written once and run by interchangeable executors.

A network's `forward` takes an *executor* that says what a convolution, a residual sum and a pool compute. `Plain` uses
the modules as they are, BatchNorm included, and is what training and ONNX export see; `quantize.py` brings executors
that fold BatchNorm, observe ranges, and round. So the architecture cannot differ between the float network and its
quantized forms.
"""

from __future__ import annotations

from typing import Any, Protocol

import torch
import torch.nn.functional as F
from torch import nn


class Executor(Protocol):
    """What a network needs to run. `Any` is whatever the executor passes between its operators."""

    def input(self, x: torch.Tensor) -> Any: ...

    def conv(self, unit: ConvUnit, x: Any, relu: bool, wide: bool) -> Any:
        """`wide`: some consumer is not a convolution or a linear layer, so the output must be kept at 8 bits."""

    def add(self, name: str, x: Any, y: Any) -> Any:
        """The residual sum and its ReLU."""

    def pool(self, name: str, x: Any) -> Any: ...

    def linear(self, unit: LinearUnit, x: Any) -> torch.Tensor: ...


class ConvUnit(nn.Module):
    """Convolution without bias, then BatchNorm."""

    def __init__(self, name: str, inputs: int, outputs: int, kernel: int, stride: int = 1):
        super().__init__()
        self.name = name
        self.conv = nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=False)
        self.bn = nn.BatchNorm2d(outputs)

    def factor_and_bias(self) -> tuple[torch.Tensor, torch.Tensor]:
        """BatchNorm at inference as an affine map per channel: γ/σ and β − μγ/σ."""
        factor = self.bn.weight * torch.rsqrt(self.bn.running_var + self.bn.eps)
        return factor, self.bn.bias - self.bn.running_mean * factor

    def convolve(self, x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None = None) -> torch.Tensor:
        return F.conv2d(x, weight, bias, self.conv.stride, self.conv.padding)


class LinearUnit(nn.Module):
    def __init__(self, name: str, inputs: int, outputs: int):
        super().__init__()
        self.name = name
        self.linear = nn.Linear(inputs, outputs)


class Plain:
    """Runs the modules as they are."""

    def input(self, x: torch.Tensor) -> torch.Tensor:
        return x

    def conv(self, unit: ConvUnit, x: torch.Tensor, relu: bool, wide: bool) -> torch.Tensor:
        y = unit.bn(unit.conv(x))
        return F.relu(y) if relu else y

    def add(self, name: str, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return F.relu(x + y)

    def pool(self, name: str, x: torch.Tensor) -> torch.Tensor:
        return F.adaptive_avg_pool2d(x, 1).flatten(1)

    def linear(self, unit: LinearUnit, x: torch.Tensor) -> torch.Tensor:
        return unit.linear(x)


class BasicBlock(nn.Module):
    def __init__(self, name: str, inputs: int, outputs: int, stride: int):
        super().__init__()
        self.name = name
        self.conv1 = ConvUnit(f"{name}.conv1", inputs, outputs, 3, stride)
        self.conv2 = ConvUnit(f"{name}.conv2", outputs, outputs, 3)
        same = stride == 1 and inputs == outputs
        self.shortcut = None if same else ConvUnit(f"{name}.shortcut", inputs, outputs, 1, stride)

    def forward(self, x: Any, run: Executor) -> Any:
        y = run.conv(self.conv1, x, relu=True, wide=False)
        y = run.conv(self.conv2, y, relu=False, wide=True)
        skip = x if self.shortcut is None else run.conv(self.shortcut, x, relu=False, wide=True)
        return run.add(f"{self.name}.add", y, skip)


class ResNet(nn.Module):
    """A residual network of basic blocks, one stage per width, halving the resolution at every stage but the first."""

    def __init__(self, widths: tuple[int, ...] = (16, 32, 64), blocks: int = 1, classes: int = 10):
        super().__init__()
        self.stem = ConvUnit("stem", 1, widths[0], 3)
        stages, inputs = [], widths[0]
        for stage, width in enumerate(widths, start=1):
            for block in range(blocks):
                stride = 2 if stage > 1 and block == 0 else 1
                name = f"stage{stage}" if blocks == 1 else f"stage{stage}.{block}"
                stages.append(BasicBlock(name, inputs, width, stride))
                inputs = width
        self.stages = nn.ModuleList(stages)
        self.head = LinearUnit("head", inputs, classes)

    def forward(self, x: torch.Tensor, run: Executor | None = None) -> torch.Tensor:
        run = run or Plain()
        y = run.conv(self.stem, run.input(x), relu=True, wide=True)
        for block in self.stages:
            y = block(y, run)
        return run.linear(self.head, run.pool("pool", y))

    def conv_units(self) -> list[ConvUnit]:
        return [unit for unit in self.modules() if isinstance(unit, ConvUnit)]


ARCHITECTURES = {"resnet8": ResNet}


def build(architecture: str) -> ResNet:
    return ARCHITECTURES[architecture]().to(memory_format=torch.channels_last)
