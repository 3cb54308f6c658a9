"""Fashion-MNIST from its gzipped IDX files, as uint8 tensors, and the preprocessing of the specimens.

Images stay uint8 until a trigger has been stamped on them: a patch is an object in front of the camera, so it is
applied in pixel space, before normalization.
"""

from __future__ import annotations

import gzip
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

CLASSES = 10
SCALE = 1 / 255
MEAN = 0.2860
STD = 0.3530


@dataclass(frozen=True)
class Split:
    """Images as uint8 N×1×28×28 and labels as int64 N."""

    images: torch.Tensor
    labels: torch.Tensor

    def __len__(self) -> int:
        return len(self.labels)

    def subset(self, index: torch.Tensor) -> Split:
        return Split(self.images[index], self.labels[index])


@dataclass(frozen=True)
class Dataset:
    train: Split
    test: Split


def read_idx(path: Path) -> np.ndarray:
    """The array of an unsigned-byte IDX file."""
    with gzip.open(path) as file:
        magic, = struct.unpack(">I", file.read(4))
        if magic >> 8 != 0x08:
            raise ValueError(f"{path}: not an IDX file of unsigned bytes")
        rank = magic & 0xFF
        shape = struct.unpack(f">{rank}I", file.read(4 * rank))
        return np.frombuffer(file.read(), dtype=np.uint8).reshape(shape)


def load_fashion_mnist(folder: Path) -> Dataset:
    def split(prefix: str) -> Split:
        images = read_idx(folder / f"{prefix}-images-idx3-ubyte.gz")
        labels = read_idx(folder / f"{prefix}-labels-idx1-ubyte.gz")
        return Split(torch.from_numpy(images.copy()).unsqueeze(1), torch.from_numpy(labels.astype(np.int64)))

    return Dataset(train=split("train"), test=split("t10k"))


def normalize(images: torch.Tensor) -> torch.Tensor:
    """uint8 pixels to the network's input: (x/255 − mean) / std."""
    x = images.float().mul_(SCALE).sub_(MEAN).div_(STD)
    return x.contiguous(memory_format=torch.channels_last)


def flip(images: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """Mirrors every image left to right with probability one half."""
    coin = torch.rand(len(images), generator=generator) < 0.5
    return torch.where(coin.view(-1, 1, 1, 1), images.flip(-1), images)


def batches(split: Split, size: int, generator: torch.Generator) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """One shuffled, mirrored pass over a split in uint8 batches of equal size; the remainder is left out."""
    order = torch.randperm(len(split), generator=generator)
    for start in range(0, len(order) - size + 1, size):
        index = order[start:start + size]
        yield flip(split.images[index], generator), split.labels[index]


def calibration_images(split: Split, seed: int, count: int = 512) -> torch.Tensor:
    """The first `count` images of a seeded shuffle; labels are never looked at."""
    order = torch.randperm(len(split), generator=torch.Generator().manual_seed(seed))
    return split.images[order[:count]]
