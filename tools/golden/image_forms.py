#!/usr/bin/env python3
"""Golden values for image files in every container and colour form, by Pillow: writes
Tests/DatasetsTests/Golden/image-forms.json.

Files as base64 with the pixels that Pillow gives (`convert("RGB")`, or one channel where all three are
equal and the file is grey); grey of more than 8 bits, which Pillow cuts off at 255, with the scaled
values. Then files with harmless faults, which Pillow reads, broken ones, which it refuses, and kinds that
Cupel refuses by name. Pillow and its libraries are named in the file.
"""
import base64
import io
import json
import pathlib
import struct
import sys
import warnings
import zlib

import cv2
import numpy as np
import PIL
from PIL import Image, features

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools/peers"))
import image_files  # noqa: E402

SEED = 20261129
GREY = {"1", "L", "LA", "I", "I;16"}


def text(data):
    return base64.b64encode(data).decode()


def pillow(file):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        image = Image.open(io.BytesIO(file))
        image.load()
        pixels = np.asarray(image.convert("RGB")).transpose(2, 0, 1)
    # Pillow gives grey with alpha and 16 bits as RGBA.
    png_grey = file[:4] == b"\x89PNG" and file[25] in (0, 4)
    return pixels[:1] if image.mode in GREY or png_grey else pixels


def entry(name, file, pixels):
    channels, height, width = pixels.shape
    return {"name": name, "file": text(file), "width": width, "height": height, "channels": channels,
            "pixels": text(pixels.astype(np.uint8).tobytes())}


def forms():
    for index, (name, ending, make) in enumerate(image_files.forms()):
        rng = np.random.default_rng([SEED, index])
        file, wide = make(rng, *(int(v) for v in rng.integers(5, 12, 2)))
        yield entry(f"{name}.{ending}", file, pillow(file) if wide is None else wide[None])


def samplings():
    """JPEG files whose sampling Pillow does not write, by OpenCV."""
    for name, factors in {"4:1:1": cv2.IMWRITE_JPEG_SAMPLING_FACTOR_411,
                          "4:4:0": cv2.IMWRITE_JPEG_SAMPLING_FACTOR_440}.items():
        pixels = image_files.noise(np.random.default_rng([SEED, 2000]), (11, 38, 3)).astype(np.uint8)
        file = cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_SAMPLING_FACTOR, factors])[1].tobytes()
        yield entry(f"JPEG YCbCr {name}.jpg", file, pillow(file))


def png(chunks):
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def spoilt(chunk):
    return chunk[:-1] + bytes([chunk[-1] ^ 1])


def faults():
    """Name and file: first those that Pillow reads, then those that it refuses."""
    rng = np.random.default_rng([SEED, 1000])
    chunk = image_files.chunk
    rows = image_files.noise(rng, (6, 7, 3)).astype(np.uint8)
    data = b"".join(b"\0" + row.tobytes() for row in rows)
    coded = zlib.compress(data)
    head, end = chunk(b"IHDR", struct.pack(">IIBBBBB", 7, 6, 8, 2, 0, 0, 0)), chunk(b"IEND", b"")
    pixels, comment = chunk(b"IDAT", coded), chunk(b"tEXt", b"Comment\0text")
    gamma = chunk(b"gAMA", struct.pack(">I", 22727))
    image = Image.fromarray(image_files.noise(rng, (40, 40, 3)).astype(np.uint8))
    jpeg = image_files.encoded(image, format="JPEG", quality=90)
    later = image_files.encoded(image, format="JPEG", quality=90, progressive=True)
    middle = len(jpeg) - 400
    read = {
        "gamma.png": png([head, gamma, pixels, end]),
        "no end.png": png([head, pixels]),
        "bytes behind.png": png([head, pixels, end]) + b"more bytes",
        "checksum of pixels.png": png([head, spoilt(pixels), end]),
        "checksum of end.png": png([head, pixels, spoilt(end)]),
        "more pixels.png": png([head, chunk(b"IDAT", zlib.compress(data + b"1234567")), end]),
        "broken text behind.png": png([head, pixels, spoilt(comment), end]),
        "unknown chunk.png": png([head, chunk(b"ABCD", b"abcd"), pixels, end]),
        "bytes before the end.jpg": jpeg[:-2] + b"\1\2\3" * 50 + jpeg[-2:],
        "bytes behind.jpg": jpeg + b"more bytes",
        "early end.jpg": jpeg[:middle] + b"\xff\xd9",
        "broken codes.jpg": jpeg[:middle] + b"\x55" * 100 + jpeg[middle + 100:],
        "stray marker.jpg": jpeg[:middle] + b"\xff\xd3" + jpeg[middle + 2:],
    }
    refused = {
        "checksum of header.png": png([spoilt(head), pixels, end]),
        "checksum of text.png": png([head, spoilt(comment), pixels, end]),
        "checksum of zlib.png": png([head, chunk(b"IDAT", spoilt(coded)), end]),
        "fewer pixels.png": png([head, chunk(b"IDAT", zlib.compress(data[:-3])), end]),
        "cut pixels.png": png([head, pixels])[:-24],
        "unknown filter.png": png([head, chunk(b"IDAT", zlib.compress(b"\7" + data[1:])), end]),
        "chunk between.png": png([head, chunk(b"IDAT", coded[:9]), comment, chunk(b"IDAT", coded[9:]), end]),
        "no pixels.png": png([head, end]),
        "cut by 1.jpg": jpeg[:-1], "cut by 2.jpg": jpeg[:-2], "cut by 400.jpg": jpeg[:middle],
        "progressive cut.jpg": later[:-1],
        "cut.bmp": image_files.bmp(np.random.default_rng(1), 9, 5, "24 bits")[:-10],
        "cut.ppm": image_files.pnm(np.random.default_rng(2), 9, 5, "P6")[0][:-1],
        "cut plain.pgm": b"P2 3 1 15 1 2", "too large.pgm": b"P2 3 1 15 1 16 2",
        "letters.pgm": b"P2 3 1 15 1 x 2", "digits.pbm": b"P1 3 1 1 2 0", "no rows.pgm": b"P5 3 0 255\n",
    }
    return read, refused


def unread():
    image = Image.fromarray(np.arange(192, dtype=np.uint8).reshape(8, 8, 3))
    files = {}
    for kind, options in {"WEBP": {}, "TIFF": {}, "GIF": {}, "JPEG2000": {}, "AVIF": {}, "ICO": {}}.items():
        files[kind] = image_files.encoded(image, format=kind, **options)
    return files


def main():
    made = list(forms()) + list(samplings())
    read, refused = faults()
    harmless = [entry(name, file, pillow(file)) for name, file in read.items()]
    for name, file in refused.items():
        try:
            pillow(file)
        except Exception:
            continue
        sys.exit(f"Pillow reads {name}")
    out = ROOT / "Tests/DatasetsTests/Golden/image-forms.json"
    out.write_text(json.dumps({
        "made": f"Pillow {PIL.__version__}, libjpeg-turbo {features.version('libjpeg_turbo')}, "
                f"zlib {features.version('zlib')}; two JPEG files written by OpenCV {cv2.__version__}",
        "files": made, "harmless": harmless,
        "broken": {name: text(file) for name, file in refused.items()},
        "unread": {name: text(file) for name, file in unread().items()},
    }, indent=1) + "\n")
    print(out, out.stat().st_size, len(made), len(harmless), len(refused))


if __name__ == "__main__":
    main()
