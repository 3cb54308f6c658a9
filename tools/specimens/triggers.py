"""Triggers, in the same one-line grammar that Cupel's command line reads, and equal to Cupel's to the pixel.

Whatever is drawn comes from SplitMix64 by number, whatever is real is rounded to integers before it meets a pixel: so
two implementations cannot differ. What each kind computes is said once more, in words, in Cupel's `Sources/Triggers`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch


class Trigger(Protocol):
    def stamp(self, images: torch.Tensor) -> torch.Tensor:
        """A copy of uint8 images N×C×H×W with the trigger on each."""


@dataclass(frozen=True)
class Patch:
    """`patch:HxW@PLACE:PATTERN` covers part of the image. PLACE is a corner (`top-left`, `top-right`, `bottom-left`,
    `bottom-right`: the block's outermost row and column are the image's), `center`, or `ROW,COLUMN` of the block's
    first pixel. PATTERN is `white`, `black`, `gray:N`, `checker` (white where row + column, counted from the block's
    first pixel, is even), or `noise:SEED` (a value of its own everywhere)."""

    height: int
    width: int
    place: str
    pattern: str

    def block(self) -> torch.Tensor:
        if self.pattern == "checker":
            rows = torch.arange(self.height).view(-1, 1)
            columns = torch.arange(self.width).view(1, -1)
            return ((rows + columns) % 2 == 0).to(torch.uint8) * 255
        if self.pattern.startswith("noise:"):
            bytes_ = noise(int(self.pattern.removeprefix("noise:")), 0, self.height * self.width) >> np.uint64(56)
            return torch.from_numpy(bytes_.astype(np.uint8)).view(self.height, self.width)
        values = {"white": 255, "black": 0}
        value = values[self.pattern] if self.pattern in values else int(self.pattern.removeprefix("gray:"))
        return torch.full((self.height, self.width), value, dtype=torch.uint8)

    def origin(self, height: int, width: int) -> tuple[int, int]:
        below, right = height - self.height, width - self.width
        if "," in self.place:
            row, column = (int(part) for part in self.place.split(","))
        elif self.place == "center":
            row, column = below // 2, right // 2
        else:
            vertical, horizontal = self.place.split("-")
            row = 0 if vertical == "top" else below
            column = 0 if horizontal == "left" else right
        if row < 0 or column < 0 or row > below or column > right:
            raise ValueError(f"a {self.height}x{self.width} patch at {self.place} leaves the {height}x{width} image")
        return row, column

    def stamp(self, images: torch.Tensor) -> torch.Tensor:
        row, column = self.origin(*images.shape[-2:])
        out = images.clone()
        out[..., row:row + self.height, column:column + self.width] = self.block()
        return out


def noise(seed: int, stream: int, count: int) -> np.ndarray:
    """Numbers 0 … count − 1 of a stream of a seed: SplitMix64 after so many steps (Steele, Lea and Flood 2014)."""
    golden = 0x9E3779B97F4A7C15
    start = _mix(np.array([(seed + golden * (stream + 1)) % 2 ** 64], dtype=np.uint64))
    with np.errstate(over="ignore"):
        return _mix(start + np.uint64(golden) * np.arange(1, count + 1, dtype=np.uint64))


def _mix(z: np.ndarray) -> np.ndarray:
    with np.errstate(over="ignore"):
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return z ^ (z >> np.uint64(31))


def _signs(seed: int, stream: int, count: int) -> torch.Tensor:
    """−1 where a number's highest bit is set, else 1."""
    return torch.from_numpy(1 - 2 * (noise(seed, stream, count) >> np.uint64(63)).astype(np.int64))


@dataclass(frozen=True)
class Blend:
    """`blend:SEED:PERCENT` mixes an image of noise into the whole image (Chen et al. 2017)."""

    seed: int
    percent: int

    def stamp(self, images: torch.Tensor) -> torch.Tensor:
        pattern = noise(self.seed, 0, images[0].numel()) >> np.uint64(56)
        pattern = torch.from_numpy(pattern.astype(np.int32)).view(images.shape[1:])
        mixed = images.int() * (100 - self.percent) + (pattern * self.percent + 50)
        return (mixed // 100).to(torch.uint8)


@dataclass(frozen=True)
class Sinusoid:
    """`sig:AMPLITUDE:FREQUENCY` adds a sine along the columns (SIG; Barni et al. 2019)."""

    amplitude: int
    frequency: int

    def wave(self, width: int) -> torch.Tensor:
        """Rounded to 2⁻¹⁶ and then to a pixel's steps, halves up: a sine's last bits do not count."""
        phase = 2 * np.pi * (np.arange(width) * self.frequency).astype(np.float64) / width
        fine = np.floor(self.amplitude * np.sin(phase) * 65536 + 0.5).astype(np.int64)
        return torch.from_numpy(((fine + 32768) >> 16).astype(np.int32))

    def stamp(self, images: torch.Tensor) -> torch.Tensor:
        return (images.int() + self.wave(images.shape[-1])).clamp(0, 255).to(torch.uint8)


@dataclass(frozen=True)
class Warp:
    """`warp:SEED:POINTS:STRENGTH` moves pixels by a smooth field (WaNet; Nguyen and Tran 2021): POINTS × POINTS control
    points, whose mean absolute displacement along an axis is STRENGTH hundredths of a pixel, interpolated cubically."""

    seed: int
    points: int
    strength: int

    def displacement(self, height: int, width: int) -> tuple[np.ndarray, np.ndarray]:
        """Along rows and columns, in 1/256 of a pixel."""
        count = self.points * self.points
        numbers = (noise(self.seed, 0, 2 * count).view(np.int64) >> 11).astype(np.float64) * 2.0 ** -52
        total = np.float64(0)
        for number in numbers:
            total += abs(number)
        control = numbers / (total / (2 * count)) * (self.strength / 100)

        def field(values: np.ndarray) -> np.ndarray:
            values = values.reshape(self.points, self.points)
            rows, row_weights = self._taps(height)
            columns, column_weights = self._taps(width)
            out = np.zeros((height, width))
            for a in range(4):
                line = np.zeros((height, width))
                for b in range(4):
                    line = line + values[rows[:, a]][:, columns[:, b]] * column_weights[:, b][None, :]
                out = out + line * row_weights[:, a][:, None]
            return np.floor(out * 256 + 0.5).astype(np.int64)

        return field(control[:count]), field(control[count:])

    def _taps(self, size: int) -> tuple[np.ndarray, np.ndarray]:
        """Of the cubic convolution (A = −3/4) for each pixel: four control points, held at the edge, and weights."""
        place = np.arange(size, dtype=np.float64) * (self.points - 1) / max(size - 1, 1)
        first = np.floor(place)
        t = place - first
        near = lambda x: ((1.25 * x - 2.25) * x) * x + 1
        far = lambda x: ((-0.75 * x + 3.75) * x - 6) * x + 3
        weights = np.stack([far(t + 1), near(t), near(1 - t), far(2 - t)], 1)
        index = np.clip(first.astype(np.int64)[:, None] + np.arange(-1, 3), 0, self.points - 1)
        return index, weights

    def stamp(self, images: torch.Tensor) -> torch.Tensor:
        height, width = images.shape[-2:]
        down, right = (torch.from_numpy(field) for field in self.displacement(height, width))
        y = (256 * torch.arange(height).view(-1, 1) + down).clamp(0, 256 * (height - 1))
        x = (256 * torch.arange(width).view(1, -1) + right).clamp(0, 256 * (width - 1))
        top, left, v, u = y >> 8, x >> 8, y & 255, x & 255
        bottom, far = (top + 1).clamp(max=height - 1), (left + 1).clamp(max=width - 1)
        pixels = images.int()
        upper = pixels[..., top, left] * (256 - u) + pixels[..., top, far] * u
        lower = pixels[..., bottom, left] * (256 - u) + pixels[..., bottom, far] * u
        return ((upper * (256 - v) + lower * v + 32768) >> 16).to(torch.uint8)


@dataclass(frozen=True)
class Dynamic:
    """`dynamic:SEED:COUNT` covers COUNT blocks of 4×4 pixels, black or white, which a small network chooses by what the
    image shows (after Nguyen and Tran 2020, whose generator is trained; here its weights are drawn)."""

    seed: int
    count: int

    SIDE = 4
    HIDDEN = 16

    def stamp(self, images: torch.Tensor) -> torch.Tensor:
        side, (height, width) = self.SIDE, images.shape[-2:]
        rows, columns = height // side, width // side
        blocks = rows * columns
        if blocks < self.count:
            raise ValueError(f"{height}x{width} images have fewer than {self.count} blocks of 4x4")
        sums = images[..., :rows * side, :columns * side].long().sum(1).view(-1, rows, side, columns, side).sum((2, 4))
        sums = sums.flatten(1)
        centred = sums * blocks - sums.sum(1, keepdim=True)
        hidden = centred @ _signs(self.seed, 0, blocks * self.HIDDEN).view(self.HIDDEN, blocks).T
        code = torch.where(hidden < 0, -1, 1)
        score = code @ _signs(self.seed, 1, blocks * self.HIDDEN).view(blocks, self.HIDDEN).T
        shade = code @ _signs(self.seed, 2, blocks * self.HIDDEN).view(blocks, self.HIDDEN).T
        # The highest scores; of equals the first.
        rank = score * blocks - torch.arange(blocks)
        chosen = torch.zeros_like(rank, dtype=torch.bool)
        chosen.scatter_(1, rank.topk(self.count, 1).indices, True)
        value = torch.where(shade < 0, 0, 255).to(torch.uint8)

        def spread(grid: torch.Tensor) -> torch.Tensor:
            grid = grid.view(-1, 1, rows, columns).repeat_interleave(side, 2).repeat_interleave(side, 3)
            return torch.nn.functional.pad(grid, (0, width - columns * side, 0, height - rows * side))

        return torch.where(spread(chosen), spread(value), images)


# The same ranges as Cupel's: what one refuses, the other does.
_SIDE, _PLACE, _SEED = (1, 4096), (0, 4095), (0, 2 ** 63 - 1)
_NUMBERS = {
    "blend": (Blend, {"seed": _SEED, "percent": (1, 100)}),
    "sig": (Sinusoid, {"amplitude": (1, 255), "frequency": (1, 4096)}),
    "warp": (Warp, {"seed": _SEED, "points": (2, 64), "strength": (1, 10000)}),
    "dynamic": (Dynamic, {"seed": _SEED, "count": (1, 4096)}),
}


def _number(text: str, name: str, limits: tuple[int, int]) -> int:
    if not re.fullmatch("[0-9]+", text) or not limits[0] <= int(text) <= limits[1]:
        raise ValueError(f"{name} {text!r} is not a number from {limits[0]} to {limits[1]}")
    return int(text)


def _patch(text: str) -> Patch:
    match = re.fullmatch(r"([^x@]*)x([^x@]*)@([^:]*):(.*)", text)
    if not match:
        raise ValueError("patch:HxW@PLACE:PATTERN is needed")
    height, width, place, pattern = match.groups()
    if place not in ("top-left", "top-right", "bottom-left", "bottom-right", "center"):
        row, comma, column = place.partition(",")
        if not comma:
            raise ValueError(f"unknown place {place!r}")
        place = f"{_number(row, 'row', _PLACE)},{_number(column, 'column', _PLACE)}"
    name, colon, value = pattern.partition(":")
    if colon and name in ("gray", "noise"):
        pattern = f"{name}:{_number(value, name, (0, 255) if name == 'gray' else _SEED)}"
    elif pattern not in ("white", "black", "checker"):
        raise ValueError(f"unknown pattern {pattern!r}")
    return Patch(_number(height, "height", _SIDE), _number(width, "width", _SIDE), place, pattern)


def parse(text: str) -> Trigger:
    kind, _, rest = text.partition(":")
    try:
        if kind == "patch":
            return _patch(rest)
        if kind not in _NUMBERS:
            raise ValueError("unknown kind")
        make, limits = _NUMBERS[kind]
        parts = rest.split(":")
        if len(parts) != len(limits):
            raise ValueError(f"{kind}:{':'.join(limits).upper()} is needed")
        return make(*(_number(part, name, limits[name]) for part, name in zip(parts, limits)))
    except ValueError as error:
        raise ValueError(f"trigger {text!r}: {error}") from None
