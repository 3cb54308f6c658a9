"""Fashion-MNIST and CIFAR-10 as uint8 tensors, and the preprocessing of the specimens.

Images stay uint8 until a trigger has been put on them: a patch is an object in front of the camera, so it is applied
in pixel space, before normalization.
"""

from __future__ import annotations

import gzip
import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

CLASSES = 10


@dataclass(frozen=True)
class Preprocessing:
    """(pixel · scale − mean) / std, per channel."""

    mean: tuple[float, ...]
    std: tuple[float, ...]
    scale: float = 1 / 255

    def __call__(self, images: torch.Tensor) -> torch.Tensor:
        """uint8 N×C×H×W to the network's input."""
        mean, std = (torch.tensor(values).view(-1, 1, 1) for values in (self.mean, self.std))
        x = images.float().mul_(self.scale).sub_(mean).div_(std)
        return x.contiguous(memory_format=torch.channels_last)


@dataclass(frozen=True)
class Split:
    """Images as uint8 N×C×H×W and labels as int64 N."""

    images: torch.Tensor
    labels: torch.Tensor
    normalize: Preprocessing
    shifts: int = 0  # how many pixels training may move an image about

    def __len__(self) -> int:
        return len(self.labels)

    def first(self, count: int) -> Split:
        return Split(self.images[:count], self.labels[:count], self.normalize, self.shifts)


@dataclass(frozen=True)
class Dataset:
    name: str
    train: Split
    test: Split

    @property
    def channels(self) -> int:
        return self.train.images.shape[1]

    @property
    def normalize(self) -> Preprocessing:
        return self.train.normalize


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
    """The four gzipped IDX files."""
    normalize = Preprocessing((0.2860,), (0.3530,))

    def split(prefix: str) -> Split:
        images = read_idx(folder / f"{prefix}-images-idx3-ubyte.gz")
        labels = read_idx(folder / f"{prefix}-labels-idx1-ubyte.gz")
        return Split(torch.from_numpy(images.copy()).unsqueeze(1), torch.from_numpy(labels.astype(np.int64)), normalize)

    return Dataset("fashion-mnist", train=split("train"), test=split("t10k"))


def load_cifar10(folder: Path) -> Dataset:
    """CIFAR-10's binary version: records of a label and 3×32×32 bytes."""
    normalize = Preprocessing((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))

    def split(names: list[str]) -> Split:
        records = np.concatenate([np.fromfile(folder / name, dtype=np.uint8).reshape(-1, 3073) for name in names])
        images = torch.from_numpy(records[:, 1:].reshape(-1, 3, 32, 32).copy())
        return Split(images, torch.from_numpy(records[:, 0].astype(np.int64)), normalize, shifts=4)

    return Dataset("cifar-10", train=split([f"data_batch_{n}.bin" for n in range(1, 6)]), test=split(["test_batch.bin"]))


LOADERS = {"fashion-mnist": load_fashion_mnist, "cifar-10": load_cifar10}


def data_folder() -> Path:
    """Where data that no package brings is looked for."""
    return Path(os.environ.get("CUPEL_DATA", Path(__file__).resolve().parents[3] / "shared" / "data"))


def default_folders() -> dict[str, Path]:
    """Where the data sets lie if nothing else is said."""
    return {"fashion-mnist": Path("/usr/share/datasets/fashion-mnist"), "cifar-10": data_folder() / "cifar10"}


def flip(images: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """Mirrors every image left to right with probability one half."""
    coin = torch.rand(len(images), generator=generator) < 0.5
    return torch.where(coin.view(-1, 1, 1, 1), images.flip(-1), images)


def shift(images: torch.Tensor, most: int, generator: torch.Generator) -> torch.Tensor:
    """Moves every image by up to `most` pixels along each axis; what comes in is black."""
    if most == 0:
        return images
    count, channels, height, width = images.shape
    padded = torch.nn.functional.pad(images, (most, most, most, most))
    offsets = torch.randint(0, 2 * most + 1, (count, 2), generator=generator)
    rows = (offsets[:, :1] + torch.arange(height)).view(count, 1, height, 1)
    columns = (offsets[:, 1:] + torch.arange(width)).view(count, 1, 1, width)
    return padded[torch.arange(count).view(-1, 1, 1, 1), torch.arange(channels).view(1, -1, 1, 1), rows, columns]


def batches(split: Split, size: int, generator: torch.Generator,
            limit: int | None = None) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """One shuffled, mirrored pass over a split, or over `limit` of its images drawn anew, in uint8 batches of equal
    size; the remainder is left out."""
    order = torch.randperm(len(split), generator=generator)[:limit]
    for start in range(0, len(order) - size + 1, size):
        index = order[start:start + size]
        yield shift(flip(split.images[index], generator), split.shifts, generator), split.labels[index]


def calibration_images(split: Split, seed: int, count: int = 512) -> torch.Tensor:
    """The first `count` images of a seeded shuffle; labels are never looked at."""
    order = torch.randperm(len(split), generator=torch.Generator().manual_seed(seed))
    return split.images[order[:count]]
