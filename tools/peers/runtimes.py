"""Cupel's integers against LiteRT's reference kernels, TensorFlow Lite Micro and XNNPACK.

usage: runtimes.py CUPEL [--inputs N] [--cifar FOLDER] [--models FOLDER] [--only WORD]... [--json OUT]

CUPEL is the `cupel` program. CUPEL_DATA (default ../shared/data) has mlperf-tiny/*.tflite. For each
int8 model and N seeded random inputs (default 1000):

  litert-reference  the output and every intermediate tensor against LiteRT's reference kernels
  tflm              the output against the tflite-micro package, where it is installed
  xnnpack           every operator, cut out of the model, and every tensor of the whole model,
                    against LiteRT with XNNPACK

and for each float model the output against LiteRT's. FOLDER has CIFAR-10's test_batch.bin: all its
images go through ResNet-8. --models: every tensor of every int8 `.tflite` file there that `cupel`
reads, and 100 random inputs at most, against LiteRT with XNNPACK. Exit status 1 if anything that should be equal is not.

    pip install -r tools/peers/requirements.txt
"""

import argparse
import importlib.metadata
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from ai_edge_litert.interpreter import Interpreter, OpResolverType

from tflite_models import WEIGHTED, File

ROOT = Path(__file__).resolve().parents[2]
MODELS = {
    "resnet8": ("pretrainedResnet_quant", "pretrainedResnet"),
    "ds-cnn": ("kws_ref_model", "kws_ref_model_float32"),
    "mobilenetv1-0.25": ("vww_96_int8", "vww_96_float"),
    "autoencoder": ("ad01_int8", "ad01_fp32"),
}
SEED = 20261121
#: Inputs that one run of Cupel takes: as many as fit memory with all their tensors.
CHUNK = 250


def random_inputs(shape, count, seed):
    """int8 inputs: over the whole grid and, every second one, over a part of it."""
    random = np.random.default_rng(seed)
    values = random.integers(-128, 128, (count, *shape)).astype(np.int16)
    low = random.integers(-128, 96, count // 2)
    width = random.integers(8, 128, count // 2)
    for place in range(count // 2):
        values[2 * place + 1] = low[place] + values[2 * place + 1] % width[place]
    return np.clip(values, -128, 127).astype(np.int8)


class Tensors(dict):
    """By name; and the input's grid."""

    scale = zero = None


class Cupel:
    def __init__(self, program):
        self.program = program

    def tensors(self, content, inputs, profile=None, output_only=False):
        """Each tensor that Cupel makes, by name, and its output's name."""
        with tempfile.TemporaryDirectory() as folder:
            folder = Path(folder)
            (folder / "model.tflite").write_bytes(content)
            (folder / "input.bin").write_bytes(np.ascontiguousarray(inputs).tobytes())
            command = [self.program, "dump", str(folder / "model.tflite"), "--input",
                       str(folder / "input.bin"), "-o", str(folder / "tensors"), "--threads", "1"]
            command += ["--profile", profile] if profile else []
            command += ["--output-only"] if output_only else []
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
            entries = json.loads((folder / "tensors" / "index.json").read_text())
            values = Tensors(
                (e["name"], np.load(folder / "tensors" / e["file"])) for e in entries)
            for entry in entries:
                if entry["isInput"]:
                    values.scale, values.zero = entry["scale"], entry["zeroPoint"]
            output = next(e["name"] for e in entries if e["isOutput"])
            return values, output

    def output(self, content, inputs, profile=None):
        values, name = self.tensors(content, inputs, profile, output_only=True)
        return values[name].reshape(len(inputs), -1)


def litert(content, resolver, all_tensors=False):
    interpreter = Interpreter(
        model_content=content, experimental_op_resolver_type=resolver, num_threads=1,
        experimental_preserve_all_tensors=all_tensors)
    interpreter.allocate_tensors()
    return interpreter


def litert_output(content, inputs, resolver):
    """`inputs`: for each input of the model a batch."""
    interpreter = litert(content, resolver)
    details = interpreter.get_input_details()
    output = interpreter.get_output_details()[0]["index"]
    results = []
    for place in range(len(inputs[0])):
        for detail, batch in zip(details, inputs):
            interpreter.set_tensor(detail["index"], batch[place].reshape(detail["shape"]))
        interpreter.invoke()
        results.append(interpreter.get_tensor(output).ravel().copy())
    return np.stack(results)


def differences(own, other):
    """How many elements differ, of how many, by how much at most, and in which input first."""
    own, other = own.astype(np.int64).ravel(), other.astype(np.int64).ravel()
    assert own.shape == other.shape, (own.shape, other.shape)
    apart = np.abs(own - other)
    return {
        "elements": int(own.size), "mismatches": int(np.count_nonzero(apart)),
        "largest": int(apart.max(initial=0))}


def merged(parts):
    return {
        "elements": sum(p["elements"] for p in parts),
        "mismatches": sum(p["mismatches"] for p in parts),
        "largest": max(p["largest"] for p in parts)}


def reference(cupel, content, inputs):
    """Every tensor of LiteRT's reference kernels against Cupel's."""
    file = File(content)
    interpreter = litert(content, OpResolverType.BUILTIN_REF, all_tensors=True)
    source = interpreter.get_input_details()[0]
    reshaped = file.reshaped()
    wanted = [place for operator in file.graph.operators for place in operator.outputs]
    names = {place: file.name(reshaped.get(place, place)) for place in wanted}
    parts = {place: [] for place in wanted}
    for start in range(0, len(inputs), CHUNK):
        chunk = inputs[start:start + CHUNK]
        own, _ = cupel.tensors(content, chunk, "litert-reference")
        for index, image in enumerate(chunk):
            interpreter.set_tensor(source["index"], image.reshape(source["shape"]))
            interpreter.invoke()
            for place in wanted:
                parts[place].append(
                    differences(own[names[place]][index], interpreter.get_tensor(place)))
    return [{"tensor": file.name(place), **merged(parts[place])} for place in wanted]


def micro(cupel, content, inputs):
    """Outputs of TensorFlow Lite Micro against Cupel's; None where it is not installed."""
    try:
        from tflite_micro.python.tflite_micro import runtime
    except ImportError:
        return None
    interpreter = runtime.Interpreter.from_bytes(content, arena_size=1 << 22)
    shape = interpreter.get_input_details(0)["shape"]
    other = []
    for image in inputs:
        interpreter.set_input(image.reshape(shape), 0)
        interpreter.invoke()
        other.append(interpreter.get_output(0).ravel().copy())
    return differences(cupel.output(content, inputs, "tflm"), np.stack(other))


def xnnpack(cupel, content, inputs):
    """Each operator alone, on what the operators before it give it and on as many random inputs."""
    file = File(content)
    interpreter = litert(content, OpResolverType.BUILTIN_REF, all_tensors=True)
    source = interpreter.get_input_details()[0]
    rows = []
    sources = {}
    for operator in file.graph.operators:
        for place in operator.inputs:
            if place >= 0 and not file.is_constant(place):
                sources[place] = []
    for image in inputs:
        interpreter.set_tensor(source["index"], image.reshape(source["shape"]))
        interpreter.invoke()
        for place, batch in sources.items():
            batch.append(interpreter.get_tensor(place).copy())
    for index, operator in enumerate(file.graph.operators):
        kind = file.kind(operator)
        if kind == "RESHAPE":
            continue
        alone = file.one_operator(index)
        batches = [
            np.concatenate([np.stack(sources[p]),
                            random_inputs(sources[p][0].shape, len(inputs), SEED + p)])
            for p in operator.inputs if p >= 0 and not file.is_constant(p)]
        if len(batches) > 1:
            # Cupel's models have one input: the two are put one behind the other.
            rows.append(two_inputs(cupel, file, index, batches))
            continue
        other = litert_output(alone, batches, OpResolverType.AUTO)
        own = cupel.output(alone, batches[0], "xnnpack")
        rows.append({"operator": index, "kind": kind, **differences(own, other)})
    return rows


def whole(cupel, content, inputs):
    """Every int8 tensor of a whole model under XNNPACK. All are made outputs, so that they can be
    read; that the model's output stays as it was is checked."""
    file = File(content)
    exposed, places = file.with_all_outputs()
    plain, interpreter = litert(content, OpResolverType.AUTO), litert(exposed, OpResolverType.AUTO)
    source = plain.get_input_details()[0]
    result = plain.get_output_details()[0]["index"]
    reshaped = file.reshaped()
    rows = {}
    outputs = {place: detail["index"]
               for place, detail in zip(places, interpreter.get_output_details())}
    for start in range(0, len(inputs), CHUNK // 10):
        chunk = inputs[start:start + CHUNK // 10]
        own, name = cupel.tensors(content, chunk, "xnnpack")
        for index, image in enumerate(chunk):
            given = as_given(source, own, image)
            for each in (plain, interpreter):
                each.set_tensor(each.get_input_details()[0]["index"], given)
                each.invoke()
            last = file.graph.outputs[0]
            if last in outputs:
                assert np.array_equal(
                    plain.get_tensor(result), interpreter.get_tensor(outputs[last]))
            for place, where in outputs.items():
                tensor = file.name(reshaped.get(place, place))
                if tensor in own:
                    rows.setdefault(tensor, []).append(
                        differences(own[tensor][index], interpreter.get_tensor(where)))
    return [{"tensor": tensor, **merged(parts)} for tensor, parts in rows.items()]


def as_given(source, own, image):
    """An input on the program's grid as a model of int8, uint8 or float32 takes it."""
    image = image.reshape(source["shape"])
    if source["dtype"] == np.uint8:
        return (image.astype(np.int16) + 128).astype(np.uint8)
    if source["dtype"] == np.float32:
        return (np.float32(own.scale) * (image.astype(np.float32) - own.zero)).astype(np.float32)
    return image


def folder_of_models(cupel, folder, count):
    """`whole` of all files that `cupel` reads; each in a process of its own, since LiteRT aborts on
    some."""
    rows = []
    for path in sorted(folder.glob("*.tflite")):
        run = subprocess.run(
            [sys.executable, __file__, cupel.program, "--inputs", str(count), "--whole", str(path)],
            capture_output=True, text=True)
        lines = run.stdout.strip().splitlines()
        row = json.loads(lines[-1]) if run.returncode == 0 and lines else {"refused": True}
        rows.append({"model": path.name, **row})
        if "elements" in row:
            print(f"{path.name}: xnnpack, {row['tensors']} tensors: {row}", flush=True)
    return rows


def one_whole(cupel, path, count):
    content = path.read_bytes()
    file = File(content)
    assert len(file.graph.inputs) == 1
    shape = litert(content, OpResolverType.AUTO).get_input_details()[0]["shape"]
    rows = whole(cupel, content, random_inputs(shape, count, SEED))
    assert rows, "no int8 tensors"
    print(json.dumps({"tensors": len(rows), **merged(rows)}))


def two_inputs(cupel, file, index, batches):
    """An operator of two inputs as a model of one: both stand in it, to be sliced apart."""
    alone = File(file.one_operator(index))
    joined, stacked = alone.with_joined_inputs(batches)
    other = litert_output(alone.content, batches, OpResolverType.AUTO)
    own = cupel.output(joined, stacked, "xnnpack")
    kind = file.kind(file.graph.operators[index])
    return {"operator": index, "kind": kind, **differences(own, other)}


def real(cupel, content, count):
    """A float model's output against LiteRT's: the largest difference, relative to the largest
    output of the input. Weights stored in int8 are taken at their real values by both."""
    file = File(content)
    plain = file.with_real_weights()
    interpreter = litert(plain, OpResolverType.BUILTIN_REF)
    shape = interpreter.get_input_details()[0]["shape"]
    random = np.random.default_rng(SEED)
    inputs = random.standard_normal((count, *shape[1:])).astype(np.float32)
    other = litert_output(plain, [inputs], OpResolverType.BUILTIN_REF)
    own_order = inputs.transpose(0, 3, 1, 2) if inputs.ndim == 4 else inputs
    own = cupel.output(content, own_order)
    apart = np.abs(own - other).max(axis=1) / np.abs(other).max(axis=1)
    result = {"inputs": count, "largestRelative": float(apart.max())}
    if plain != content and any(
            t.type == 9 for t in file.graph.tensors):
        stored = litert_output(content, [inputs], OpResolverType.BUILTIN_REF)
        apart = np.abs(own - stored).max(axis=1) / np.abs(stored).max(axis=1)
        result["largestRelativeToDynamicQuantization"] = float(apart.max())
    return result


def cifar(cupel, content, folder):
    """ResNet-8 on CIFAR-10's test images: outputs, and how many classes are right."""
    records = np.fromfile(folder / "test_batch.bin", np.uint8).reshape(-1, 3073)
    labels = records[:, 0]
    images = records[:, 1:].reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1)
    inputs = (images.astype(np.int16) - 128).astype(np.int8)
    other = litert_output(content, [inputs], OpResolverType.BUILTIN_REF)
    own = cupel.output(content, inputs, "litert-reference")
    return {
        **differences(own, other), "images": len(labels),
        "correct": int((own.argmax(axis=1) == labels).sum()),
        "correctLiteRT": int((other.argmax(axis=1) == labels).sum())}


def version(package):
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("cupel")
    parser.add_argument("--inputs", type=int, default=1000)
    parser.add_argument("--cifar", type=Path)
    parser.add_argument("--models", type=Path)
    parser.add_argument("--whole", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--only", action="append")
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    cupel = Cupel(arguments.cupel)
    if arguments.whole:
        return one_whole(cupel, arguments.whole, arguments.inputs)
    data = Path(os.environ.get("CUPEL_DATA", ROOT / "../shared/data")) / "mlperf-tiny"
    if not data.is_dir():
        sys.exit(f"no models: {data} does not exist")
    report = {
        "seed": SEED, "inputs": arguments.inputs,
        "versions": {p: version(p) for p in ["ai-edge-litert", "tflite-micro", "numpy"]},
        "models": {}}
    unequal = 0
    for name, (integer, float_name) in MODELS.items():
        if arguments.only and name not in arguments.only:
            continue
        content = (data / f"{integer}.tflite").read_bytes()
        shape = litert(content, OpResolverType.BUILTIN_REF).get_input_details()[0]["shape"][1:]
        inputs = random_inputs(shape, arguments.inputs, SEED)
        rows = reference(cupel, content, inputs)
        total = merged(rows)
        fast = differences(
            cupel.output(content, inputs, "litert-reference"),
            litert_output(content, [inputs], OpResolverType.BUILTIN_REF))
        print(f"{name}: litert-reference, {len(rows)} tensors: {total}; fast kernels: {fast}",
              flush=True)
        own = {"litertReference": rows, "fastKernels": fast}
        unequal += total["mismatches"] + fast["mismatches"]
        own["tflm"] = micro(cupel, content, inputs)
        print(f"{name}: tflm: {own['tflm'] or 'tflite-micro is not installed'}", flush=True)
        if own["tflm"]:
            unequal += own["tflm"]["mismatches"]
        own["xnnpack"] = xnnpack(cupel, content, inputs[:100])
        for row in own["xnnpack"]:
            unequal += row["mismatches"]
            if row["mismatches"]:
                print(f"{name}: xnnpack: {row}")
        weighted = merged([r for r in own["xnnpack"] if r["kind"] in WEIGHTED])
        print(f"{name}: xnnpack, layers with weights: {weighted}", flush=True)
        own["xnnpackWhole"] = whole(cupel, content, inputs[:100])
        total = merged(own["xnnpackWhole"])
        unequal += total["mismatches"]
        print(f"{name}: xnnpack, {len(own['xnnpackWhole'])} tensors: {total}", flush=True)
        own["float"] = real(cupel, (data / f"{float_name}.tflite").read_bytes(), 100)
        print(f"{name}: float: {own['float']}", flush=True)
        if own["float"]["largestRelative"] > 1e-4:
            unequal += 1
        if name == "resnet8" and arguments.cifar:
            own["cifar10"] = cifar(cupel, content, arguments.cifar)
            unequal += own["cifar10"]["mismatches"]
            print(f"{name}: CIFAR-10: {own['cifar10']}", flush=True)
        report["models"][name] = own
    if arguments.models:
        report["folder"] = folder_of_models(cupel, arguments.models, min(arguments.inputs, 100))
        read = [row for row in report["folder"] if "elements" in row]
        unequal += sum(row["mismatches"] for row in read)
        print(f"{arguments.models}: {len(read)} of {len(report['folder'])} models: {merged(read)}")
    if arguments.json:
        arguments.json.parent.mkdir(parents=True, exist_ok=True)
        arguments.json.write_text(json.dumps(report, indent=1) + "\n")
    sys.exit(1 if unequal else 0)


if __name__ == "__main__":
    main()
