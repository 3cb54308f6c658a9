"""Quantizes a float ONNX classifier as users do it: by onnxruntime.quantization, statically.

usage: quantize_onnx.py FLOAT.onnx OUT.onnx --cifar FOLDER --mean M,M,M --std S,S,S [--images N]
                        [--format qdq|qoperator] [--activations u8|s8] [--weights s8|s4]
                        [--per-tensor]

FOLDER has CIFAR-10's binary layout; calibration takes the first images of data_batch_1.bin.
"""

import argparse
import tempfile
from importlib.metadata import version
from pathlib import Path

import numpy as np
import onnx
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process

TYPES = {"u8": QuantType.QUInt8, "s8": QuantType.QInt8, "s4": QuantType.QInt4}


class Batches(CalibrationDataReader):
    def __init__(self, name, images, size=32):
        self.batches = iter(
            {name: images[start:start + size]} for start in range(0, len(images), size))

    def get_next(self):
        return next(self.batches, None)


def quantize(source, target, images, form="qdq", activations="u8", weights="s8", per_channel=True):
    """`images`: floats as the network takes them, for calibration."""
    with tempfile.TemporaryDirectory() as temporary:
        prepared = Path(temporary) / "prepared.onnx"
        quant_pre_process(str(source), str(prepared), skip_symbolic_shape=True)
        name = onnx.load(prepared).graph.input[0].name
        quantize_static(
            prepared, target, Batches(name, images),
            quant_format=QuantFormat.QDQ if form == "qdq" else QuantFormat.QOperator,
            per_channel=per_channel, activation_type=TYPES[activations],
            weight_type=TYPES[weights])
    model = onnx.load(target)
    model.doc_string = ""
    del model.metadata_props[:]
    del model.graph.value_info[:]
    for item in [model.graph, *model.graph.node, *model.graph.input, *model.graph.output]:
        item.doc_string = ""
        del item.metadata_props[:]
    model.producer_version = version("onnxruntime")
    onnx.save(model, target)


def cifar(path, count=None):
    """Pixels [N][3][32][32] and labels of one batch file."""
    records = np.fromfile(path, np.uint8).reshape(-1, 3073)[:count]
    return records[:, 1:].reshape(-1, 3, 32, 32), records[:, 0]


def normalized(pixels, mean, std):
    """As Cupel's preprocessing: float32 throughout, (p / 255 - mean) / std."""
    mean, std = (np.array(values, np.float32).reshape(1, -1, 1, 1) for values in (mean, std))
    return (pixels.astype(np.float32) * np.float32(1 / 255) - mean) / std


def numbers(text):
    return [float(part) for part in text.split(",")]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("source")
    parser.add_argument("target")
    parser.add_argument("--cifar", required=True)
    parser.add_argument("--mean", type=numbers, required=True)
    parser.add_argument("--std", type=numbers, required=True)
    parser.add_argument("--images", type=int, default=512)
    parser.add_argument("--format", choices=["qdq", "qoperator"], default="qdq")
    parser.add_argument("--activations", choices=["u8", "s8"], default="u8")
    parser.add_argument("--weights", choices=["s8", "s4"], default="s8")
    parser.add_argument("--per-tensor", action="store_true")
    options = parser.parse_args()
    pixels, _ = cifar(Path(options.cifar) / "data_batch_1.bin", options.images)
    quantize(
        options.source, options.target, normalized(pixels, options.mean, options.std),
        options.format, options.activations, options.weights, not options.per_tensor)


if __name__ == "__main__":
    main()
