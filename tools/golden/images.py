#!/usr/bin/env python3
"""Golden values for image files and resizing, by Pillow: writes Tests/DatasetsTests/Golden/images.json.

Small PNG and JPEG files as base64 with the pixels that Pillow decodes, and random images with what
Pillow's bilinear resize makes of them. Pillow and its libraries are named in the file.
"""
import base64
import io
import json
import pathlib
import random

import PIL
from PIL import Image, features

random.seed(20261121)


def encoded(image, **options):
    buffer = io.BytesIO()
    image.save(buffer, **options)
    return base64.b64encode(buffer.getvalue()).decode()


def noise(mode, width, height):
    size = width * height * len(mode)
    return Image.frombytes(mode, (width, height), bytes(random.randrange(256) for _ in range(size)))


def smooth(mode, width, height):
    image = noise(mode, 3, 3).resize((width, height), Image.Resampling.BICUBIC)
    return image


def planes(image):
    bands = image.split()
    return base64.b64encode(b"".join(band.tobytes() for band in bands)).decode()


def entry(name, data, image):
    return {
        "name": name, "file": data, "width": image.width, "height": image.height,
        "channels": len(image.getbands()), "pixels": planes(image),
    }


files = []
for mode in ("L", "RGB"):
    image = noise(mode, 7, 5)
    files.append(entry(f"{mode}.png", encoded(image, format="PNG"), image))
    picture = smooth(mode, 19, 13)
    for name, options in {
        "baseline": {"quality": 90}, "progressive": {"quality": 75, "progressive": True},
        "full": {"quality": 95, "subsampling": 0} if mode == "RGB" else {"quality": 95},
    }.items():
        data = encoded(picture, format="JPEG", **options)
        decoded = Image.open(io.BytesIO(base64.b64decode(data)))
        decoded.load()
        files.append(entry(f"{mode}-{name}.jpg", data, decoded))
palette = noise("RGB", 6, 4).quantize(8)
files.append(entry("palette.png", encoded(palette, format="PNG"), palette.convert("RGB")))
resizes = []
for mode in ("L", "RGB"):
    for (width, height), (to_width, to_height) in [
        ((32, 32), (16, 16)), ((28, 28), (32, 32)), ((7, 5), (3, 4)), ((10, 6), (10, 13)),
        ((9, 12), (31, 12)), ((5, 5), (1, 1)), ((1, 1), (4, 3)), ((37, 23), (8, 11)),
    ]:
        image = noise(mode, width, height)
        result = image.resize((to_width, to_height), Image.Resampling.BILINEAR)
        resizes.append({
            "from": [height, width], "to": [to_height, to_width], "channels": len(mode),
            "pixels": planes(image), "result": planes(result),
        })

out = pathlib.Path(__file__).resolve().parents[2] / "Tests/DatasetsTests/Golden/images.json"
out.parent.mkdir(exist_ok=True)
out.write_text(json.dumps({
    "made": f"Pillow {PIL.__version__}, libjpeg-turbo {features.version('libjpeg_turbo')}, "
            f"zlib {features.version('zlib')}",
    "files": files, "resizes": resizes,
}, indent=1) + "\n")
print(out, out.stat().st_size)
