"""Image files in every container and colour form that Cupel reads, made from seeded random pixels.

PNG, BMP and PPM files are written here, since no encoder writes all their forms; JPEG files by Pillow,
whose markers are then changed.
"""
import io
import struct
import zlib

import numpy as np
from PIL import Image


def noise(rng, shape, most=255):
    """Random blocks of one to five pixels a side, so that encoders have something to save."""
    block = int(rng.integers(1, 6))
    height, width = shape[:2]
    rough = rng.integers(0, most + 1, (-(-height // block), -(-width // block)) + tuple(shape[2:]))
    return np.repeat(np.repeat(rough, block, 0), block, 1)[:height, :width]


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def packed(values, bits):
    """Samples [width] of so many bits as bytes, the first one uppermost."""
    if bits == 16:
        return values.astype(">u2").tobytes()
    text = "".join(format(int(v), f"0{bits}b") for v in values)
    text += "0" * (-len(text) % 8)
    return bytes(int(text[i:i + 8], 2) for i in range(0, len(text), 8))


def filtered(rng, rows, pixel):
    """Rows with a random filter each, as a PNG file has them."""
    above = bytes(len(rows[0]) if rows else 0)
    output = b""
    for row in rows:
        kind = int(rng.integers(0, 5))
        coded = bytearray()
        for i, value in enumerate(row):
            a = row[i - pixel] if i >= pixel else 0
            b, c = above[i], above[i - pixel] if i >= pixel else 0
            near = min((abs(b - c), 0, a), (abs(a - c), 1, b), (abs(a + b - 2 * c), 2, c))[2]
            coded.append((value - (0, a, b, (a + b) // 2, near)[kind]) & 255)
        output += bytes([kind]) + bytes(coded)
        above = row
    return output


ADAM7 = [(0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1)]
PNG_KINDS = [("grey", 0, 1, (1, 2, 4, 8, 16)), ("grey alpha", 4, 2, (8, 16)), ("RGB", 2, 3, (8, 16)),
             ("RGBA", 6, 4, (8, 16)), ("palette", 3, 1, (1, 2, 4, 8))]


def ancillary(rng, colour, bits):
    """Chunks that speak of samples, and must change none of them."""
    gamma = int(rng.choice([45455, 100000, 22727, 55556]))
    grey = colour in (0, 4)
    profile = zlib.compress(bytes(rng.integers(0, 256, 200, dtype=np.uint8)))
    samples = {0: 1, 2: 3, 3: 3, 4: 2, 6: 4}[colour]
    all_kinds = [
        chunk(b"gAMA", struct.pack(">I", gamma)),
        chunk(b"cHRM", struct.pack(">8I", 31270, 32900, 64000, 33000, 30000, 60000, 15000, 6000)),
        chunk(b"sRGB", bytes([int(rng.integers(0, 4))])),
        chunk(b"iCCP", b"some\0\0" + profile),
        chunk(b"sBIT", bytes([max(1, min(bits, 8) - 1)] * samples)),
        chunk(b"pHYs", struct.pack(">IIB", 2835, 2835, 1)),
        chunk(b"tEXt", b"Comment\0made for a test"),
        chunk(b"zTXt", b"Comment\0\0" + zlib.compress(b"made for a test")),
        chunk(b"tIME", struct.pack(">HBBBBB", 2026, 1, 2, 3, 4, 5)),
    ]
    chosen = [c for c in all_kinds if rng.random() < 0.3]
    behind = []
    if rng.random() < 0.4:
        behind.append(chunk(b"bKGD", b"\0" if colour == 3 else struct.pack(">H", 1) * (1 if grey else 3)))
    if rng.random() < 0.4 and colour in (0, 2, 3):
        behind.append(chunk(b"tRNS", b"\0\x80" if colour == 3 else struct.pack(">H", 1) * (3 - 2 * grey)))
    return chosen, behind


def png(rng, width, height, kind, bits, interlaced):
    name, colour, samples, _ = kind
    entries = min(2 ** bits, int(rng.integers(1, 257)))
    most = entries - 1 if colour == 3 else 2 ** bits - 1
    pixels = noise(rng, (height, width, samples), most)
    parts = [pixels]
    if interlaced:
        parts = [pixels[top::down, left::right] for top, left, down, right in ADAM7]
    data = b"".join(
        filtered(rng, [packed(row.ravel(), bits) for row in part], max(1, samples * bits // 8))
        for part in parts if part.size)
    data = zlib.compress(data, int(rng.integers(0, 10)))
    first, second = ancillary(rng, colour, bits)
    palette = [chunk(b"PLTE", bytes(rng.integers(0, 256, 3 * entries, dtype=np.uint8)))] if colour == 3 else []
    cuts = sorted(int(c) for c in rng.integers(0, len(data) + 1, int(rng.integers(0, 4))))
    pieces = [data[a:b] for a, b in zip([0] + cuts, cuts + [len(data)])]
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, int(interlaced)))
    file = b"\x89PNG\r\n\x1a\n" + header + b"".join(first + palette + second)
    file += b"".join(chunk(b"IDAT", piece) for piece in pieces) + chunk(b"IEND", b"")
    wide = pixels[:, :, 0] >> 8 if colour == 0 and bits == 16 else None
    return file + (b"more" if rng.random() < 0.1 else b""), wide


def encoded(image, **options):
    buffer = io.BytesIO()
    image.save(buffer, **options)
    return buffer.getvalue()


def exif(orientation):
    tags = Image.Exif()
    tags[0x0112] = orientation
    return tags


JPEG_KINDS = ["grey", "YCbCr 4:4:4", "YCbCr 4:2:2", "YCbCr 4:2:0", "RGB", "CMYK",
              "YCCK", "CMYK without Adobe"]


def jpeg(rng, width, height, kind, progressive):
    mode = {"grey": "L", "RGB": "RGB"}.get(kind, "RGB" if kind.startswith("YCbCr") else "CMYK")
    bands = {"L": 1, "RGB": 3, "CMYK": 4}[mode]
    pixels = noise(rng, (height, width, bands)).astype(np.uint8)
    image = Image.frombytes(mode, (width, height), pixels.tobytes())
    options = {"quality": int(rng.integers(5, 101)), "progressive": progressive,
               "optimize": bool(rng.integers(0, 2))}
    if kind == "RGB":
        options["keep_rgb"] = True
    if kind.startswith("YCbCr"):
        options["subsampling"] = {"4:4:4": 0, "4:2:2": 1, "4:2:0": 2}[kind[6:]]
    if rng.random() < 0.3:
        options["restart_marker_rows"] = 1
    if rng.random() < 0.3:
        options["exif"] = exif(int(rng.integers(1, 9)))
    if rng.random() < 0.2:
        options["icc_profile"] = bytes(rng.integers(0, 256, 200, dtype=np.uint8))
    if rng.random() < 0.2:
        options["comment"] = "made for a test"
    file = encoded(image, format="JPEG", **options)
    adobe = file.find(b"Adobe\0")
    if kind == "YCCK":
        file = file[:adobe + 11] + b"\2" + file[adobe + 12:]
    if kind == "CMYK without Adobe":
        file = file[:adobe - 4] + file[adobe + 12:]
    if rng.random() < 0.15:
        file = file[:-2] + b"\1\2\3" * 50 + file[-2:]
    if rng.random() < 0.15:
        file += b"bytes behind the end"
    return file


BMP_KINDS = ["1 bit", "4 bits", "8 bits", "8 bits grey", "1 bit black and white", "RLE4", "RLE8", "16 bits",
             "16 bits 5-6-5", "16 bits 5-5-5", "24 bits", "32 bits", "32 bits masks", "OS/2 24 bits",
             "OS/2 8 bits"]


def runs(rng, rows, nibbles):
    """Run-length coded rows: runs, literal stretches and line ends, chosen at random."""
    output = b""
    for row in rows:
        place = 0
        while place < len(row):
            left = len(row) - place
            if left >= 3 and rng.random() < 0.4:
                count = min(left, int(rng.integers(3, 20)))
                part = [int(v) for v in row[place:place + count]]
                if nibbles:
                    part += [0] * (-len(part) % 2)
                    data = bytes(a << 4 | b for a, b in zip(part[::2], part[1::2]))
                else:
                    data = bytes(part)
                output += bytes([0, count]) + data + bytes(len(data) % 2)
            else:
                count, value = 1, int(row[place])
                while count < min(left, 255) and int(row[place + count]) == value:
                    count += 1
                output += bytes([count, value << 4 | value if nibbles else value])
            place += count
        output += b"\0\0"
    return output + b"\0\1"


def bmp(rng, width, height, kind):
    bits = int(next(w for w in kind.replace("RLE", "").replace("OS/2 ", "").split() if w.isdigit()))
    short, coded = kind.startswith("OS/2"), kind.startswith("RLE")
    down = not short and not coded and rng.random() < 0.4
    colours, palette = 0, b""
    entry = 3 if short else 4
    if bits <= 8:
        colours = 2 ** bits if short or "grey" in kind else int(rng.integers(1, 2 ** bits + 1))
        if "black" in kind:
            colours = 2
        table = rng.integers(0, 256, (colours, entry), dtype=np.uint8)
        if "grey" in kind or "black" in kind:
            table[:, :3] = (np.arange(colours) * (255 if bits == 1 else 1))[:, None]
        palette = table.tobytes()
        pixels = noise(rng, (height, width), colours - 1)
        rows = [packed(row, bits) for row in pixels]
    else:
        pixels = rng.integers(0, 256, (height, width * bits // 8), dtype=np.uint8)
        rows = [row.tobytes() for row in pixels]
    order = list(range(height)) if down else list(range(height))[::-1]
    if coded:
        data = runs(rng, [pixels[i] for i in order], bits == 4)
    else:
        data = b"".join(rows[i] + bytes(-len(rows[i]) % 4) for i in order)
    masks = {"16 bits 5-6-5": (0xF800, 0x7E0, 0x1F), "16 bits 5-5-5": (0x7C00, 0x3E0, 0x1F),
             "32 bits masks": ((0xFF0000, 0xFF00, 0xFF), (0xFF000000, 0xFF0000, 0xFF00))[
                 int(rng.integers(0, 2))]}.get(kind)
    compression = 3 if masks else {"RLE8": 1, "RLE4": 2}.get(kind, 0)
    size = 12 if short else 40 if masks and rng.random() < 0.5 else int(rng.choice([40, 108, 124]))
    if short:
        header = struct.pack("<IHHHH", 12, width, height, 1, bits)
    else:
        header = struct.pack("<IiiHHIIiiII", size, width, -height if down else height, 1, bits, compression,
                             len(data), 2835, 2835, colours, 0)
        fields = struct.pack("<IIII", *masks, 0) if masks else b""
        if size == 40:
            header += fields[:12]
        else:
            header += (fields + bytes(size))[:size - 40]
    start = 14 + len(header) + len(palette)
    return b"BM" + struct.pack("<IHHI", start + len(data), 0, 0, start) + header + palette + data


PNM_KINDS = ["P1", "P2", "P3", "P4", "P5", "P6"]


def pnm(rng, width, height, kind):
    digit = int(kind[1])
    bands = 3 if digit in (3, 6) else 1
    most = 1 if digit in (1, 4) else int(rng.choice([255, 255, 1, 7, 100, 254, 256, 1000, 65535]))
    pixels = noise(rng, (height, width, bands), most)
    head = f"{kind}\n# a comment\n{width} {height}\n" + ("" if digit in (1, 4) else f"{most}\n")
    if digit == 4:
        data = b"".join(packed(row.ravel(), 1) for row in pixels)
    elif digit == 1:
        data = (" " if rng.random() < 0.5 else "").join(str(int(v)) for v in pixels.ravel()).encode()
    elif digit < 4:
        data = "\n".join(" ".join(str(int(v)) for v in row.ravel()) for row in pixels).encode() + b"\n"
    else:
        data = pixels.astype(">u2" if most > 255 else np.uint8).tobytes()
    wide = None
    if bands == 1 and most > 255:
        wide = np.rint(pixels[:, :, 0] / most * 255).astype(np.uint8)
    return head.encode() + data, wide


def forms():
    """Every container and colour form: its name, the name's ending, and what makes such a file and, for
    grey of more than 8 bits, tells the values that it must become."""
    for kind in PNG_KINDS:
        for bits in kind[3]:
            for interlaced in (False, True):
                name = f"PNG {kind[0]} {bits} bits{' interlaced' if interlaced else ''}"
                yield name, "png", lambda r, w, h, k=kind, b=bits, i=interlaced: png(r, w, h, k, b, i)
    for kind in JPEG_KINDS:
        for progressive in (False, True):
            name = f"JPEG {kind}{' progressive' if progressive else ''}"
            yield name, "jpg", lambda r, w, h, k=kind, p=progressive: (jpeg(r, w, h, k, p), None)
    for kind in BMP_KINDS:
        yield f"BMP {kind}", "bmp", lambda r, w, h, k=kind: (bmp(r, w, h, k), None)
    for kind in PNM_KINDS:
        yield f"PNM {kind}", "pnm", lambda r, w, h, k=kind: pnm(r, w, h, k)
