"""Quantized ONNX models: Cupel's integers against ONNX Runtime's CPU kernels.

usage: onnx_agreement.py CUPEL MODEL.onnx --cifar FOLDER --mean M,M,M --std S,S,S [--limit N]
                         [--inputs N] [--json OUT]

Three comparisons, of a model as onnxruntime.quantization makes it:

  operators   every operator with one input, cut out of the model with its Quantize- and
              DequantizeLinear, on N random inputs (default 20): elements that differ
  classes     the answers to CIFAR-10's test images; FOLDER has test_batch.bin
  tensors     for each image that is answered differently, `cupel diff` on ONNX Runtime's tensors:
              the first tensor that differs, and by how much

Exit status 1 if an operator other than an addition differs, fewer than 99.9 % of answers agree, or a
first difference is more than one unit.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

from quantize_onnx import cifar, normalized, numbers

QUANTIZED = (TensorProto.UINT8, TensorProto.INT8)


def session(model):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"])


class Model:
    def __init__(self, path):
        self.model = onnx.load(path)
        graph = self.model.graph
        self.input = graph.input[0].name
        self.initializers = {i.name: numpy_helper.to_array(i) for i in graph.initializer}
        inferred = onnx.shape_inference.infer_shapes(self.model).graph
        self.types = {v.name: v.type.tensor_type for v in inferred.value_info}
        self.producers = {name: node for node in graph.node for name in node.output}
        self.activations = [
            node.output[0] for node in graph.node if self.is_quantized(node)
            and node.input[0] not in self.initializers]

    def is_quantized(self, node):
        """ONNX's shape inference does not know ONNX Runtime's own operators."""
        name = node.output[0]
        return (node.op_type == "QuantizeLinear" or node.op_type.startswith(("QLinear", "QGemm"))
                or (name in self.types and self.types[name].elem_type in QUANTIZED))

    def tensors(self, images):
        """Every quantized activation, signed."""
        model = onnx.ModelProto()
        model.CopyFrom(self.model)
        for name in self.activations:
            model.graph.output.append(onnx.ValueInfoProto(name=name))
        values = session(model).run(self.activations, {self.input: images})
        return dict(zip(self.activations, values))

    def cut(self, name):
        """The part of the model that computes one activation from others: a model, and their names."""
        nodes, sources, waiting = [], [], [name]
        seen = set()
        while waiting:
            node = self.producers.get(waiting.pop())
            if node is None or node.name in seen:
                continue
            seen.add(node.name)
            nodes.append(node)
            for value in node.input:
                if value in self.activations and value != name:
                    if value not in sources:
                        sources.append(value)
                elif value not in self.initializers:
                    waiting.append(value)
        if self.input in {value for node in nodes for value in node.input}:
            return None, []
        if any(value not in self.types for value in [name, *sources]):
            return None, []
        nodes = [node for node in self.model.graph.node if node.name in seen]
        used = {value for node in nodes for value in node.input}
        graph = helper.make_graph(
            nodes, "cut", [self.value(source) for source in sources], [self.value(name)],
            [i for i in self.model.graph.initializer if i.name in used])
        model = helper.make_model(graph, opset_imports=self.model.opset_import)
        model.ir_version = self.model.ir_version
        return model, sources

    def value(self, name):
        shape = [d.dim_value or "N" for d in self.types[name].shape.dim]
        return helper.make_tensor_value_info(
            name, self.types[name].elem_type, ["N"] + shape[1:])


def operators(cupel, model, count, folder):
    """Differences of each operator with one input; (kind, name, elements, differing, largest)."""
    rows = []
    random = np.random.default_rng(7)
    for name in model.activations:
        cut, sources = model.cut(name)
        if cut is None or len(sources) != 1:
            continue
        kinds = [n.op_type for n in cut.graph.node if not n.op_type.endswith("izeLinear")]
        shape = [d.dim_value for d in model.types[sources[0]].shape.dim][1:]
        unsigned = model.types[sources[0]].elem_type == TensorProto.UINT8
        values = random.integers(0, 256, (count, *shape))
        values = (values if unsigned else values - 128).astype(np.uint8 if unsigned else np.int8)
        expected = session(cut).run(None, {sources[0]: values})[0].astype(np.int16)
        expected -= 128 if unsigned else 0
        found = dump(cupel, cut, values.astype(np.int16) - (128 if unsigned else 0), folder)
        apart = np.abs(found - channels_last(expected).ravel())
        rows.append({
            "operator": "+".join(kinds) or "Quantize", "tensor": name, "elements": int(apart.size),
            "differing": int(np.count_nonzero(apart)), "largest": int(apart.max())})
    return rows


def channels_last(values):
    return values.transpose(0, 2, 3, 1) if values.ndim == 4 else values


def dump(cupel, model, values, folder):
    onnx.save(model, folder / "cut.onnx")
    channels_last(values).astype(np.int8).tofile(folder / "cut.bin")
    subprocess.run(
        [cupel, "dump", folder / "cut.onnx", "--input", folder / "cut.bin", "-o", folder / "cut",
         "--output-only"], check=True, stdout=subprocess.DEVNULL)
    entries = json.loads((folder / "cut" / "index.json").read_text())
    output = next(entry for entry in entries if entry["isOutput"])
    return np.load(folder / "cut" / output["file"]).astype(np.int16).ravel()


def classes(cupel, path, model, options, folder):
    pixels, labels = cifar(Path(options.cifar) / "test_batch.bin", options.limit)
    run = session(model.model)
    theirs = []
    for start in range(0, len(pixels), 500):
        images = normalized(pixels[start:start + 500], options.mean, options.std)
        theirs.append(run.run(None, {model.input: images})[0].argmax(1))
    theirs = np.concatenate(theirs)
    listing = folder / "classes.txt"
    subprocess.run(
        [cupel, "run", path, "--data", options.cifar, "--mean", ",".join(map(str, options.mean)),
         "--std", ",".join(map(str, options.std)), "--limit", str(len(pixels)), "--quiet",
         "--predictions", listing], check=True, stdout=subprocess.DEVNULL)
    ours = np.loadtxt(listing, dtype=int)
    return pixels, labels, ours, theirs


def tensors(cupel, path, model, images, folder):
    """`cupel diff` on the tensors of images: the report."""
    values = model.tensors(images)
    np.savez(folder / "tensors.npz", **values)
    subprocess.run(
        [cupel, "diff", path, folder / "tensors.npz", "--dump-layout", "nchw", "--json",
         folder / "diff.json"], check=True, stdout=subprocess.DEVNULL)
    return json.loads((folder / "diff.json").read_text())


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("cupel")
    parser.add_argument("model")
    parser.add_argument("--cifar", required=True)
    parser.add_argument("--mean", type=numbers, required=True)
    parser.add_argument("--std", type=numbers, required=True)
    parser.add_argument("--limit", type=int, default=10000)
    parser.add_argument("--inputs", type=int, default=20)
    parser.add_argument("--json")
    options = parser.parse_args()
    model = Model(options.model)
    good = True
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        rows = operators(options.cupel, model, options.inputs, folder)
        for row in rows:
            if row["differing"]:
                print("  differs:", row)
        exact = sum(row["differing"] == 0 for row in rows)
        print(f"operators   {exact} of {len(rows)} equal on {options.inputs} random inputs, "
              f"{sum(r['elements'] for r in rows)} elements")
        good = good and exact == len(rows)
        pixels, labels, ours, theirs = classes(options.cupel, options.model, model, options, folder)
        apart = np.nonzero(ours != theirs)[0]
        print(f"classes     {np.mean(ours == theirs):.4%} of {len(ours)} equal; accuracy "
              f"{np.mean(ours == labels):.4f}, ONNX Runtime {np.mean(theirs == labels):.4f}")
        good = good and np.mean(ours == theirs) >= 0.999
        first = []
        for image in apart:
            report = tensors(
                options.cupel, options.model, model,
                normalized(pixels[image:image + 1], options.mean, options.std), folder)
            row = next(t for t in report["tensors"] if t["differing"])
            cut = model.cut(row["name"])[0]
            kinds = [n.op_type for n in cut.graph.node if not n.op_type.endswith("izeLinear")] \
                if cut else []
            first.append({
                "image": int(image), "tensor": row["name"], "operator": "+".join(kinds),
                "differing": row["differing"], "largest": row["largest"]})
            print("  ", first[-1])
        good = good and all(item["largest"] == 1 for item in first)
        sample = normalized(pixels[:100], options.mean, options.std)
        report = tensors(options.cupel, options.model, model, sample, folder)
        total = sum(t["elements"] for t in report["tensors"])
        differing = sum(t["differing"] for t in report["tensors"])
        equal = sum(t["differing"] == 0 for t in report["tensors"])
        earliest = next((t["name"] for t in report["tensors"] if t["differing"]), None)
        print(f"tensors     of 100 images: {differing} of {total} elements differ, {equal} of "
              f"{len(report['tensors'])} tensors equal, the first that differs: {earliest}")
    if options.json:
        Path(options.json).write_text(json.dumps({
            "schemaVersion": 1, "versions": {n: version(n) for n in ("onnxruntime", "onnx", "numpy")},
            "model": Path(options.model).name, "operators": rows,
            "images": len(ours), "agreement": float(np.mean(ours == theirs)),
            "accuracy": float(np.mean(ours == labels)),
            "accuracyOnnxRuntime": float(np.mean(theirs == labels)), "disagreements": first,
            "elements": total, "differing": differing}, indent=1) + "\n")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
