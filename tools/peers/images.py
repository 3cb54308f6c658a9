#!/usr/bin/env python3
"""Compares the pixels that Cupel reads with Pillow's, over every container and colour form.

usage: images.py [--count N] [--seed S] [--reader PROGRAM] [--damaged N]

Makes N images (2000 unless told), reads each by both, and prints a table: images, how many are equal
pixel for pixel, how many not. Grey of more than 8 bits, which Pillow cuts off at 255, is compared with
the scaled values. With --damaged N, as many files are cut or have bytes changed, and the table says
which of the two reads them. The reader is Benchmarks' image-pixels (`swift build -c release
--package-path Benchmarks --product image-pixels`). Status 1 where a sound image differs.
"""
import argparse
import collections
import io
import pathlib
import subprocess
import sys
import tempfile
import warnings

import numpy as np
import PIL
from PIL import Image, ImageFile, features

import image_files

ROOT = pathlib.Path(__file__).resolve().parents[2]


class Reader:
    """Cupel, which reads a folder with one image at a time."""

    def __init__(self, program):
        self.process = subprocess.Popen([program], stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def read(self, folder):
        """[channels][height][width], or the message."""
        self.process.stdin.write(f"{folder}\n".encode())
        self.process.stdin.flush()
        line = self.process.stdout.readline().decode()
        words = line.split(" ")
        if words[0] != "ok":
            return line.strip()
        count, channels, height, width = map(int, words[1:5])
        size = count * channels * height * width
        pixels = np.frombuffer(self.process.stdout.read(size), np.uint8)
        return pixels.reshape(channels, height, width)


def pillow(file):
    """[3][height][width] as `convert("RGB")` gives, or the message."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            image = Image.open(io.BytesIO(file))
            image.load()
            return np.asarray(image.convert("RGB")).transpose(2, 0, 1)
    except Exception as error:
        return f"{type(error).__name__}: {error}"


def equal(own, other):
    """Whether Cupel's pixels are those; grey ones stand for three equal channels."""
    return own.shape[1:] == other.shape[1:] and bool((own == other).all())


def sound(reader, folder, count, seed):
    forms = list(image_files.forms())
    table = collections.defaultdict(lambda: [0, 0, ""])
    for index in range(count):
        rng = np.random.default_rng([seed, index])
        name, ending, make = forms[index % len(forms)]
        # Files with large sides only where writing them here costs little.
        most = 400 if ending == "jpg" and rng.random() < 0.2 else 40
        width, height = (int(v) for v in rng.integers(1, most + 1, 2))
        file, wide = make(rng, width, height)
        path = folder / f"image.{ending}"
        path.write_bytes(file)
        own = reader.read(folder)
        path.unlink()
        other = pillow(file) if wide is None else np.stack([wide] * 3).astype(np.uint8)
        row = table[name]
        row[0] += 1
        if isinstance(own, np.ndarray) and isinstance(other, np.ndarray) and equal(own, other):
            row[1] += 1
        elif not row[2]:
            shown = [v if isinstance(v, str) else f"{v.shape}" for v in (own, other)]
            row[2] = f"image {index}: Cupel {shown[0]}; Pillow {shown[1]}"
    print(f"{'form':34s}  images  equal  different")
    for name, (images, same, first) in table.items():
        print(f"{name:34s}  {images:6d}  {same:5d}  {images - same:9d}  {first}")
    images, same = (sum(row[i] for row in table.values()) for i in (0, 1))
    print(f"{'all':34s}  {images:6d}  {same:5d}  {images - same:9d}")
    return images == same


def damage(rng, file):
    kind = int(rng.integers(0, 3))
    if kind == 0:
        return file[:int(rng.integers(1, len(file)))]
    data = bytearray(file)
    for _ in range(int(rng.integers(1, 4))):
        place = int(rng.integers(0, len(data)))
        data[place] = int(rng.integers(0, 256)) if kind == 1 else data[place] ^ 1 << int(rng.integers(0, 8))
    return bytes(data)


def damaged(reader, folder, count, seed):
    forms = list(image_files.forms())
    table = collections.defaultdict(collections.Counter)
    examples = {}
    for index in range(count):
        rng = np.random.default_rng([seed, 1, index])
        name, ending, make = forms[index % len(forms)]
        file, wide = make(rng, *(int(v) for v in rng.integers(1, 41, 2)))
        if wide is not None:
            continue
        file = damage(rng, file)
        path = folder / f"image.{ending}"
        path.write_bytes(file)
        own, other = reader.read(folder), pillow(file)
        path.unlink()
        reads = isinstance(own, np.ndarray), isinstance(other, np.ndarray)
        verdict = {(True, False): "Cupel alone", (False, True): "Pillow alone", (False, False): "neither"}
        verdict = verdict.get(reads) or ("both, equal" if equal(own, other) else "both, other pixels")
        table[name.split(" ")[0]][verdict] += 1
        examples.setdefault((name.split(" ")[0], verdict), []).append(
            f"image {index} ({name}): Cupel {own if isinstance(own, str) else own.shape}; "
            f"Pillow {other if isinstance(other, str) else other.shape}")
    columns = ["both, equal", "neither", "Pillow alone", "Cupel alone", "both, other pixels"]
    print("\ndamaged files, by who reads them\n" + "kind  " + "  ".join(f"{c:>18s}" for c in columns))
    for name, row in table.items():
        print(f"{name:4s}  " + "  ".join(f"{row[c]:18d}" for c in columns))
    for (name, verdict), texts in sorted(examples.items()):
        if verdict in columns[2:]:
            print(f"{name}, {verdict}:", *texts[:6], sep="\n  ")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=2000)
    parser.add_argument("--damaged", type=int, default=0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--reader", default=ROOT / "Benchmarks/.build/release/image-pixels")
    options = parser.parse_args()
    print(f"Pillow {PIL.__version__}, libjpeg-turbo {features.version('libjpeg_turbo')}, "
          f"zlib {features.version('zlib')}, seed {options.seed}")
    # Pillow's JPEG writer needs room for a whole file at once where it optimizes codes.
    ImageFile.MAXBLOCK = 1 << 24
    reader = Reader(options.reader)
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        passed = sound(reader, folder, options.count, options.seed)
        if options.damaged:
            damaged(reader, folder, options.damaged, options.seed)
    sys.exit(0 if passed else 1)


if __name__ == "__main__":
    main()
