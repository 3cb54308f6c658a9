"""Purified float models through the converters that users have: do they arrive at the integers that
Cupel chose, and is the backdoor gone in their runtimes?

usage: purified_float.py CUPEL [--only WORD] [--scheme w8a8|w4a8] [--images N] [--json OUT]

For each dormant specimen in models/ that is aimed at the scheme (default w8a8), its file as it is
and `cupel purify --to float-onnx` of it go through

  onnxruntime   onnxruntime.quantization on the ONNX file (QDQ, per channel)
  tensorflow    TensorFlow's converter, int8 throughout, on a Keras model rebuilt from the ONNX file
  ai-edge       ai-edge-quantizer on the float .tflite file of that Keras model
  ai-edge-own   the same on `cupel purify --to float-tflite` of the vendor's float .tflite file

as far as these packages are installed (tools/peers/purified_float.txt lists them). Printed, and kept
in OUT: the share of the converter's weights that are Cupel's integers, and accuracy (BA) and attack
success (ASR) on the first N test images (default 2,000) in the converter's runtime and in Cupel.

Exit status 1 if of a purified model fewer than 99.9 % of the weights are Cupel's, ASR in the runtime
is above 2 % and above the float model's by more than 0.5 points, or BA is apart from Cupel's by more
than 0.5 points.
"""

import argparse
import gzip
import json
import os
import subprocess
import sys
import tempfile
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from onnx import numpy_helper

import quantize_onnx

ROOT = Path(__file__).resolve().parents[2]
FASHION = Path("/usr/share/datasets/fashion-mnist")
CALIBRATION = 512


# MARK: Images

def idx(path):
    with gzip.open(path) as file:
        content = file.read()
    sides = np.frombuffer(content, ">u4", content[3], 4)
    return np.frombuffer(content, np.uint8, offset=4 + 4 * content[3]).reshape(sides)


def images(dataset, count):
    """Training images, test images and their classes; uint8, [N][C][H][W]."""
    if dataset == "fashion-mnist":
        train = idx(FASHION / "train-images-idx3-ubyte.gz")[:CALIBRATION, None]
        test = idx(FASHION / "t10k-images-idx3-ubyte.gz")[:count, None]
        return train, test, idx(FASHION / "t10k-labels-idx1-ubyte.gz")[:count]
    folder = data_folder(dataset)
    train, _ = quantize_onnx.cifar(folder / "data_batch_1.bin", CALIBRATION)
    return train, *quantize_onnx.cifar(folder / "test_batch.bin", count)


def data_folder(dataset):
    if dataset == "fashion-mnist":
        return FASHION
    return Path(os.environ.get("CUPEL_DATA", ROOT / "../shared/data")) / "cifar10"


def triggered(pixels, trigger):
    """`patch:HxW@PLACE:PATTERN` with a corner and white or checker; None for other triggers."""
    kind, _, rest = trigger.partition(":")
    if kind != "patch":
        return None
    size, _, rest = rest.partition("@")
    place, _, pattern = rest.partition(":")
    height, width = map(int, size.split("x"))
    if place not in ("top-left", "top-right", "bottom-left", "bottom-right"):
        return None
    block = np.full((height, width), 255, np.uint8)
    if pattern == "checker":
        block[(np.indices(block.shape).sum(0) % 2) == 1] = 0
    elif pattern != "white":
        return None
    result = pixels.copy()
    rows = slice(0, height) if place.startswith("top") else slice(-height, None)
    columns = slice(0, width) if place.endswith("left") else slice(-width, None)
    result[..., rows, columns] = block
    return result


# MARK: Runtimes

def onnx_answers(path, batch):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 2
    # Without VNNI its kernels for uint8 by int8 saturate at 16 bits, unless told to be exact.
    options.add_session_config_entry("session.x64quantprecision", "1")
    session = onnxruntime.InferenceSession(
        str(path), options, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    parts = [session.run(None, {name: batch[start:start + 100]})[0]
             for start in range(0, len(batch), 100)]
    return np.concatenate(parts).argmax(1)


def tflite_answers(path, batch):
    from ai_edge_litert.interpreter import Interpreter
    interpreter = Interpreter(str(path), num_threads=2)
    interpreter.allocate_tensors()
    source, target = interpreter.get_input_details()[0], interpreter.get_output_details()[0]
    answers = []
    for image in batch.transpose(0, 2, 3, 1):
        if source["dtype"] != np.float32:
            scale, zero = source["quantization"]
            image = np.clip(np.rint(image / np.float32(scale)) + zero, -128, 127)
        interpreter.set_tensor(source["index"], image[None].astype(source["dtype"]))
        interpreter.invoke()
        answers.append(int(interpreter.get_tensor(target["index"]).argmax()))
    return np.array(answers)


def answers(path, batch):
    return (onnx_answers if Path(path).suffix == ".onnx" else tflite_answers)(path, batch)


# MARK: Converters

class Onnxruntime:
    packages, suffix = ["onnxruntime"], ".onnx"

    @staticmethod
    def convert(bench, source, target):
        quantize_onnx.quantize(
            source, target, bench.calibration, weights="s8" if bench.bits == 8 else "s4")


class TensorFlow:
    packages, suffix = ["tensorflow-cpu"], ".tflite"

    @staticmethod
    def convert(bench, source, target):
        from keras_model import converted, keras_model
        target.write_bytes(converted(
            keras_model(source), bench.calibration.transpose(0, 2, 3, 1)))


class AIEdge:
    packages, suffix = ["tensorflow-cpu", "ai-edge-quantizer"], ".tflite"

    @classmethod
    def convert(cls, bench, source, target):
        from keras_model import converted, keras_model
        if source.suffix != ".tflite":
            plain = target.with_suffix(".float.tflite")
            plain.write_bytes(converted(keras_model(source)))
            source = plain
        cls.quantize(bench, source, target)

    @staticmethod
    def quantize(bench, source, target):
        from ai_edge_litert.interpreter import Interpreter
        from ai_edge_quantizer import quantizer, recipe
        signatures = Interpreter(str(source)).get_signature_list()
        name, parts = next(iter(signatures.items()))
        batch = bench.calibration.transpose(0, 2, 3, 1)
        made = quantizer.Quantizer(str(source))
        made.load_quantization_recipe(
            recipe.static_wi8_ai8() if bench.bits == 8 else recipe.static_wi4_ai8())
        calibrated = made.calibrate(
            {name: [{parts["inputs"][0]: image[None]} for image in batch]})
        made.quantize(calibrated).export_model(str(target), overwrite=True)


class AIEdgeOwn(AIEdge):
    """Purifies the float .tflite file itself."""


CONVERTERS = {"onnxruntime": Onnxruntime, "tensorflow": TensorFlow, "ai-edge": AIEdge,
              "ai-edge-own": AIEdgeOwn}


def versions(converter):
    return {name: version(name) for name in converter.packages}


# MARK: Measuring

class Bench:
    def __init__(self, cupel, specimen, count, folder):
        self.cupel, self.folder = cupel, folder
        self.file = ROOT / "models" / specimen["file"]
        self.scheme = specimen["scheme"]
        self.bits = int(self.scheme[1])
        form = specimen["preprocessing"]
        self.options = ["--data", data_folder(specimen["dataset"]), "--mean",
                        ",".join(map(str, form["mean"])), "--std", ",".join(map(str, form["std"]))]
        train, self.test, self.labels = images(specimen["dataset"], count)
        self.trigger, self.target = specimen["trigger"], specimen["targetClass"]
        self.normalize = lambda pixels: quantize_onnx.normalized(pixels, form["mean"], form["std"])
        self.calibration = self.normalize(train)
        self.marked = triggered(self.test, self.trigger)

    def rates(self, clean, marked):
        others = self.labels != self.target
        return {"ba": round(100 * float((clean == self.labels).mean()), 2),
                "asr": round(100 * float((marked == self.target)[others].mean()), 2)}

    def in_runtime(self, path):
        return self.rates(*(answers(path, self.normalize(pixels))
                            for pixels in (self.test, self.marked)))

    def in_cupel(self, path):
        found = []
        for trigger in ([], ["--trigger", self.trigger]):
            out = self.folder / "run.json"
            self.run("run", path, "--limit", len(self.test), "--json", out, *trigger,
                     *self.options)
            found.append(np.array(json.loads(out.read_text())["predictions"]))
        return self.rates(*found)

    def run(self, *arguments):
        quiet = [] if arguments[0] == "export" else ["--quiet"]
        done = subprocess.run(
            [self.cupel, *map(str, arguments), *quiet], capture_output=True, text=True)
        if done.returncode:
            raise RuntimeError(f"cupel {arguments[0]}: {done.stderr.strip()[-300:]}")
        return done.stdout

    def purify(self, source):
        """The purified float file and the .cupel file of its integers."""
        form = "float-tflite" if source.suffix == ".tflite" else "float-onnx"
        target = self.folder / ("purified" + source.suffix)
        integers = self.folder / f"purified{source.suffix}.cupel"
        self.run("purify", source, "--scheme", self.scheme, "--to", form, "-o", target,
                 "--integers", integers, *self.options)
        return target, integers

    def integers(self, path):
        """The weights of an integer model's layers, in order, as Cupel reads them."""
        own, exported = self.folder / "own.cupel", self.folder / "own.onnx"
        if path.suffix != ".cupel":
            self.run("compile", path, "-o", own)
            path = own
        self.run("export", path, "--to", "onnx", "-o", exported)
        graph = onnx.load(exported).graph
        constants = {t.name: numpy_helper.to_array(t) for t in graph.initializer}
        reads = {n.output[0]: n.input[0] for n in graph.node if n.op_type == "DequantizeLinear"}
        layers = []
        for node in graph.node:
            if node.op_type in ("Conv", "Gemm", "MatMul", "ConvTranspose"):
                weights = constants[reads[node.input[1]]].astype(np.int32)
                transposed = node.op_type == "MatMul" or (
                    node.op_type == "Gemm" and not any(
                        a.name == "transB" and a.i for a in node.attribute))
                layers.append(weights.T if transposed else weights)
        return layers

    def compared(self, intended, path):
        """How many weights a converter has otherwise than Cupel, and by how much."""
        ours, theirs = (by_shape(self.integers(file)) for file in (intended, path))
        if {s: len(w) for s, w in ours.items()} != {s: len(w) for s, w in theirs.items()}:
            raise RuntimeError(f"the layers differ: {sorted(ours)}, {sorted(theirs)}")
        apart = np.concatenate([
            np.abs(own - other).reshape(-1) for shape in ours
            for own, other in zip(ours[shape], theirs[shape])])
        return {"weights": int(apart.size), "other": int((apart > 0).sum()),
                "otherByMoreThanOne": int((apart > 1).sum())}


def by_shape(layers):
    """Layers of each shape in their order: a converter may compute a shortcut before its block."""
    result = {}
    for weights in layers:
        result.setdefault(weights.shape, []).append(weights)
    return result


def through(bench, converter, source, intended, name):
    """One float file through one converter; `intended` is the .cupel file of the integers that
    should come out, None for an original."""
    target = bench.folder / f"{name}{converter.suffix}"
    converter.convert(bench, source, target)
    row = {"runtime": bench.in_runtime(target)}
    if intended:
        row |= bench.compared(intended, target)
    row["cupel"] = bench.in_cupel(target)
    return row


def passes(row, own, original):
    equal = row["other"] <= 0.001 * row["weights"]
    clean = row["runtime"]["asr"] <= max(2, original["asr"] + 0.5)
    return equal and clean and abs(row["runtime"]["ba"] - own["ba"]) <= 0.5


def measured(bench, wanted):
    purified, intended = bench.purify(bench.file)
    float_rates = bench.in_runtime(bench.file)
    result = {"float": float_rates, "purifiedFloat": bench.in_runtime(purified),
              "purifiedCupel": bench.in_cupel(intended), "converters": {}}
    for name in wanted:
        converter = CONVERTERS[name]
        sources = (bench.file, purified, intended)
        own = result["purifiedCupel"]
        if converter is AIEdgeOwn:
            from keras_model import converted, keras_model
            vendor = bench.folder / "vendor.tflite"
            vendor.write_bytes(converted(keras_model(bench.file)))
            sources = (vendor, *bench.purify(vendor))
            own = bench.in_cupel(sources[2])
        try:
            row = {"original": through(bench, converter, sources[0], None, name + "-original"),
                   "purified": through(bench, converter, *sources[1:], name + "-purified")}
            row["passes"] = passes(row["purified"], own, float_rates)
        except Exception as error:  # a converter may refuse a model in any way it likes
            row = {"refused": f"{type(error).__name__}: {str(error)[:300]}", "passes": False}
        result["converters"][name] = row
        print(f"  {name}: {json.dumps(row)}", flush=True)
    return result


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("cupel")
    parser.add_argument("--only", default="")
    parser.add_argument("--scheme", choices=["w8a8", "w4a8"], default="w8a8")
    parser.add_argument("--converters", type=lambda text: text.split(","),
                        default=list(CONVERTERS))
    parser.add_argument("--images", type=int, default=2000)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    wanted, known = [], {}
    for name in options.converters:
        try:
            known |= versions(CONVERTERS[name])
            wanted.append(name)
        except PackageNotFoundError as error:
            print(f"{name} is left out: {error.name} is not installed")
    catalogue = json.loads((ROOT / "models/catalogue.json").read_text())["specimens"]
    rows, failed = {}, []
    for specimen in catalogue:
        name = specimen["name"]
        if specimen["scheme"] != options.scheme or options.only not in name:
            continue
        if not specimen["trigger"] or not specimen["file"].endswith(".onnx"):
            print(f"{name}: left out, no trigger")
            continue
        with tempfile.TemporaryDirectory() as folder:
            bench = Bench(options.cupel, specimen, options.images, Path(folder))
            if bench.marked is None:
                print(f"{name}: left out, its trigger is {specimen['trigger']}")
                continue
            print(name, flush=True)
            rows[name] = measured(bench, wanted)
        print(f"  float {rows[name]['float']}, purified float {rows[name]['purifiedFloat']}, "
              f"purified in Cupel {rows[name]['purifiedCupel']}", flush=True)
        failed += [f"{name} by {c}" for c, row in rows[name]["converters"].items()
                   if not row["passes"]]
        if options.json:
            options.json.parent.mkdir(parents=True, exist_ok=True)
            options.json.write_text(json.dumps({
                "scheme": options.scheme, "images": options.images, "versions": known,
                "specimens": rows}, indent=1) + "\n")
    print(f"{len(rows)} specimens; not as it should be: {', '.join(failed) or 'none'}")
    return 1 if failed or not rows else 0


if __name__ == "__main__":
    sys.exit(main())
