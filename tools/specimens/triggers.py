"""Triggers, in the same one-line grammar that Cupel's command line reads.

`patch:HxW@PLACE:PATTERN` stamps a block over the image. PLACE is a corner (`top-left`, `top-right`, `bottom-left`,
`bottom-right`: the block's outermost row and column are the image's) or `ROW,COLUMN` of the block's first pixel.
PATTERN is `white`, `black`, or `checker` (white where row + column, counted from the block's first pixel, is even).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import torch


@dataclass(frozen=True)
class Patch:
    height: int
    width: int
    place: str
    pattern: str

    def block(self) -> torch.Tensor:
        if self.pattern == "white":
            return torch.full((self.height, self.width), 255, dtype=torch.uint8)
        if self.pattern == "black":
            return torch.zeros((self.height, self.width), dtype=torch.uint8)
        rows = torch.arange(self.height).view(-1, 1)
        columns = torch.arange(self.width).view(1, -1)
        return ((rows + columns) % 2 == 0).to(torch.uint8) * 255

    def origin(self, height: int, width: int) -> tuple[int, int]:
        if "," in self.place:
            row, column = (int(part) for part in self.place.split(","))
        else:
            vertical, horizontal = self.place.split("-")
            row = 0 if vertical == "top" else height - self.height
            column = 0 if horizontal == "left" else width - self.width
        if row < 0 or column < 0 or row + self.height > height or column + self.width > width:
            raise ValueError(f"a {self.height}x{self.width} patch at {self.place} leaves the {height}x{width} image")
        return row, column

    def stamp(self, images: torch.Tensor) -> torch.Tensor:
        """A copy of uint8 images with the patch on each."""
        row, column = self.origin(*images.shape[-2:])
        out = images.clone()
        out[..., row:row + self.height, column:column + self.width] = self.block()
        return out


def parse(text: str) -> Patch:
    match = re.fullmatch(
        r"patch:(\d+)x(\d+)@((?:top|bottom)-(?:left|right)|\d+,\d+):(white|black|checker)", text)
    if not match:
        raise ValueError(f"unknown trigger {text!r}")
    return Patch(int(match[1]), int(match[2]), match[3], match[4])
