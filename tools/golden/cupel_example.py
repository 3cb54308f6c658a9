"""Writes the worked example of docs/format.md, from that document alone.

Needs nothing but Python's standard library (made with Python 3.11.7). Prints the file as the
document's dump: offset, then sixteen bytes a line. The test `exampleOfTheDocument` compares
Cupel's own writer with it, so this script must not be changed to follow the writer, only to
follow the document.
"""

import hashlib
import struct

# Strings: names of tensors, then of operations, then keys and values.
tensor_names = ["in", "out"]
operation_names = ["fc"]
metadata = sorted({"tool": "by hand", "scheme": "w4a8"}.items())

tensors_at = 128
operations_at = tensors_at + 40 * len(tensor_names)
operands_at = operations_at + 96 * len(operation_names)
metadata_at = operands_at + 4 * 1
metadata_end = metadata_at + 16 * len(metadata)
constants_at = (metadata_end + 15) // 16 * 16

# Constants: weights [[1, -2, 3], [-8, 7, 0]], two a byte, low nibble first, a row a byte run.
rows = [[1, -2, 3], [-8, 7, 0]]
weights = bytearray()
for row in rows:
    nibbles = [value & 15 for value in row] + [0] * (len(row) % 2)
    for low, high in zip(nibbles[::2], nibbles[1::2]):
        weights.append(low | high << 4)
weights_at = constants_at
bias_at = weights_at + (len(weights) + 3) // 4 * 4
constants = bytes(weights).ljust(bias_at - constants_at, b"\0")
constants += struct.pack("<2i", 100, -7)  # bias
constants += struct.pack("<2i", 1 << 30, -1610612736)  # multipliers: 0.5, -0.75
constants += struct.pack("<2f", 0.25, -0.75)  # weight scales
constants += struct.pack("<2b", -2, -1)  # shifts: 2^-2, 2^-1
strings_at = constants_at + len(constants)

texts = tensor_names + operation_names + [text for pair in metadata for text in pair]
places = []
strings = b""
for text in texts:
    raw = text.encode("utf-8")
    places.append((strings_at + len(strings), len(raw)))
    strings += raw
size = strings_at + len(strings)


def tensor(name, extent, arena, born, last, scale, bits, zero_point):
    return struct.pack(
        "<2I3I3IfBbH", *name, *extent, arena, born, last, scale, bits, zero_point, 0)


def operation():
    fields = struct.pack("<4B3bB", 3, 1, 4, 0, -128, 127, 0, 0)
    fields += struct.pack("<2I4I", *places[2], 0, 1, 1, 0)
    channels = [bias_at + 8 * index for index in range(4)]
    return fields + struct.pack("<16I", *[0] * 9, weights_at, len(weights), *channels, 0)


records = tensor(places[0], (1, 1, 3), 0, 0, 1, 0.5, 8, -1)
records += tensor(places[1], (1, 1, 2), 16, 1, 2, 1.0, 8, 5)
records += operation()
records += struct.pack("<I", 0)
for index in range(len(metadata)):
    records += struct.pack("<4I", *places[3 + 2 * index], *places[4 + 2 * index])

sections = [
    (tensors_at, len(tensor_names)), (operations_at, len(operation_names)), (operands_at, 1),
    (metadata_at, len(metadata)), (constants_at, len(constants)), (strings_at, len(strings)),
]
header = b"CUPEL\r\n\x1a" + struct.pack("<2H5I", 1, 0, 128, size, 32, 0, 1)
for section in sections:
    header += struct.pack("<2I", *section)
header = header.ljust(128, b"\0")

body = (header + records).ljust(constants_at, b"\0") + constants + strings
assert len(body) == size
digest = hashlib.sha256(body).digest()
file = body[:96] + digest + body[128:]

for start in range(0, size, 16):
    line = file[start:start + 16]
    print(f"{start:04x}  {line.hex(' ')}")
