"""Exported models in the runtimes they are exported for, against the model they come from.

usage: exports.py CUPEL MODEL.cupel --images IDX.gz --labels IDX.gz --mean M --std S
                  [--trigger patch:…] [--target K] [--limit N] [--json OUT]

MODEL is exported to .tflite and ONNX. On the first N images (default 10000), clean and triggered:

  LiteRT's reference kernels   every output against `cupel dump --profile litert-reference`
  LiteRT with XNNPACK          classes, where it accepts the model
  ONNX Runtime                 classes, against `--profile onnxruntime`

and benign accuracy and attack success rate in each. Exit status 1 if a reference output differs, less
than 99.9 % of ONNX Runtime's classes agree, or its BA or ASR is more than 0.1 points away.
"""

import argparse
import gzip
import json
import struct
import subprocess
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path

import numpy as np
import onnxruntime
from ai_edge_litert.interpreter import Interpreter, OpResolverType

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "specimens"))


def idx(path):
    with gzip.open(path) as file:
        rank = file.read(4)[3]
        shape = struct.unpack(f">{rank}I", file.read(4 * rank))
        return np.frombuffer(file.read(), np.uint8).reshape(shape)


def stamped(images, trigger):
    import torch
    from triggers import parse
    return parse(trigger).stamp(torch.from_numpy(images.copy())).numpy()


def normalized(images, mean, std):
    scaled = images.astype(np.float32) * np.float32(1 / 255)
    return ((scaled - np.float32(mean)) / np.float32(std))[:, None]


def litert(path, reals, resolver):
    """int8 inputs and outputs of each image; None where the runtime refuses the model."""
    interpreter = Interpreter(
        str(path), num_threads=1, experimental_op_resolver_type=resolver)
    try:
        interpreter.allocate_tensors()
    except RuntimeError as error:
        print("   refused:", str(error).splitlines()[0])
        return None
    source, target = interpreter.get_input_details()[0], interpreter.get_output_details()[0]
    scale, zero = source["quantization"]
    inputs = np.clip(np.rint(reals / np.float32(scale)) + np.float32(zero), -128, 127)
    inputs = inputs.astype(np.int8).transpose(0, 2, 3, 1)
    outputs = []
    for image in inputs:
        interpreter.set_tensor(source["index"], image[None])
        interpreter.invoke()
        outputs.append(interpreter.get_tensor(target["index"]).ravel().copy())
    return inputs, np.stack(outputs)


def cupel_outputs(cupel, model, inputs, profile, folder):
    inputs.tofile(folder / "inputs.bin")
    subprocess.run(
        [cupel, "dump", model, "--input", folder / "inputs.bin", "-o", folder / "tensors",
         "--profile", profile, "--output-only"], check=True, stdout=subprocess.DEVNULL)
    entries = json.loads((folder / "tensors" / "index.json").read_text())
    output = next(entry for entry in entries if entry["isOutput"])
    return np.load(folder / "tensors" / output["file"]).reshape(len(inputs), -1)


def rates(clean, triggered, labels, target):
    """BA, and ASR over images of other classes than the target."""
    benign = float(np.mean(clean == labels))
    if triggered is None:
        return benign, None
    others = labels != target
    return benign, float(np.mean(triggered[others] == target))


def onnx_classes(path, reals):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    run = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    name = run.get_inputs()[0].name
    return np.concatenate([
        run.run(None, {name: reals[start:start + 500]})[0].reshape(-1, 10).argmax(1)
        for start in range(0, len(reals), 500)])


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("cupel")
    parser.add_argument("model")
    parser.add_argument("--images", required=True)
    parser.add_argument("--labels", required=True)
    parser.add_argument("--mean", type=float, required=True)
    parser.add_argument("--std", type=float, required=True)
    parser.add_argument("--trigger")
    parser.add_argument("--target", type=int)
    parser.add_argument("--limit", type=int, default=10000)
    parser.add_argument("--json")
    options = parser.parse_args()
    images, labels = idx(options.images)[:options.limit], idx(options.labels)[:options.limit]
    sets = {"clean": images}
    if options.trigger:
        sets["triggered"] = stamped(images, options.trigger)
    result = {"schemaVersion": 1, "model": Path(options.model).name, "images": len(images),
              "versions": {n: version(n) for n in ("ai-edge-litert", "onnxruntime")}}
    good = True
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        for form in ("tflite", "onnx"):
            subprocess.run(
                [options.cupel, "export", options.model, "--to", form, "-o",
                 folder / f"model.{form}"], check=True)
        answers = {}
        for name, pixels in sets.items():
            reals = normalized(pixels, options.mean, options.std)
            inputs, theirs = litert(folder / "model.tflite", reals, OpResolverType.BUILTIN_REF)
            ours = cupel_outputs(
                options.cupel, options.model, inputs, "litert-reference", folder)
            differing = int(np.count_nonzero(ours != theirs))
            print(f"{name:10} LiteRT reference: {differing} of {theirs.size} outputs differ")
            good = good and differing == 0
            fast = litert(folder / "model.tflite", reals[:1000], OpResolverType.BUILTIN)
            own = cupel_outputs(options.cupel, options.model, inputs, "onnxruntime", folder)
            found = onnx_classes(folder / "model.onnx", reals)
            same = float(np.mean(found == own.argmax(1)))
            print(f"{name:10} ONNX Runtime: {same:.4%} of {len(found)} classes equal")
            good = good and same >= 0.999
            answers[name] = {
                "litert": theirs.argmax(1), "cupel": ours.argmax(1), "onnx": found,
                "cupelOnnx": own.argmax(1)}
            result[name] = {"differingOutputs": differing, "outputs": int(theirs.size),
                            "onnxAgreement": same}
            if fast is not None:
                fastSame = float(np.mean(fast[1].argmax(1) == theirs[:1000].argmax(1)))
                print(f"{name:10} LiteRT with XNNPACK: {fastSame:.2%} of 1000 classes as reference")
                result[name]["xnnpackAgreement"] = fastSame
        triggered = answers.get("triggered", {})
        table = {who: rates(values, triggered.get(who), labels, options.target)
                 for who, values in answers["clean"].items()}
        for who, (benign, attack) in table.items():
            text = f"{who:10} BA {benign:.2%}"
            print(text + (f"  ASR {attack:.2%}" if attack is not None else ""))
        result["rates"] = {who: {"BA": b, "ASR": a} for who, (b, a) in table.items()}
        for one, other, bound in (("litert", "cupel", 0), ("onnx", "cupelOnnx", 0.001)):
            for mine, theirs in zip(table[one], table[other]):
                good = good and (mine is None or abs(mine - theirs) <= bound)
    if options.json:
        Path(options.json).write_text(json.dumps(result, indent=1) + "\n")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
