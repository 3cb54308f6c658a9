"""Float networks of torchvision and timm through Cupel: import, agreement with ONNX Runtime, compilation, a run.

usage: float_networks.py [--cupel PROGRAM] [--folder FOLDER] [--images N] [--float] [NETWORK ...]

Each network has random weights and goes through both of PyTorch's exporters, at their defaults. A row of the table
says how far Cupel's float output is from ONNX Runtime's and how far the integers of w8a8 are (the largest difference,
as a share of the largest output), what compiling took in memory and seconds, and what is refused. --float leaves
compilation out. Exit status 1 where a float output differs by more than 1e-4, or Cupel fails.

Needs torch, torchvision, timm, onnx, onnxscript and onnxruntime. FOLDER keeps the exported files for the next run.
Seen with PyTorch 2.15, torchvision 0.29.2, timm 1.0.31, onnxscript 0.7.2 and ONNX Runtime 1.32.
"""
import argparse
import contextlib
import io
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time
import warnings

import numpy as np
import onnxruntime

NETWORKS = ("resnet50 mobilenet_v2 mobilenet_v3_small mobilenet_v3_large efficientnet_b0 shufflenet_v2_x1_0 "
            "squeezenet1_1 densenet121 regnet_y_400mf mnasnet1_0 googlenet inception_v3 vgg11_bn convnext_tiny "
            "timm/vit_tiny_patch16_224 timm/deit_tiny_patch16_224 swin_t timm/swin_tiny_patch4_window7_224 "
            "timm/efficientvit_b0 timm/repvgg_a0 timm/ghostnet_100 timm/mobileone_s0").split()
EXPORTERS = ("torchscript", "dynamo")
TOLERANCE = 1e-4
MEAN, STD = 0.5, 0.25


class Refused(Exception):
    pass


def exported(name: str, exporter: str, folder: pathlib.Path) -> pathlib.Path:
    path = folder / f"{name.replace('/', '-')}.{exporter}.onnx"
    if not path.exists():
        # PyTorch is heavy, and only needed here.
        import torch
        from exporters import dynamo_folded, network, torchscript_folded
        model = network(name).eval()
        size = 299 if name == "inception_v3" else 224
        recipe = torchscript_folded if exporter == "torchscript" else dynamo_folded
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            recipe(model, torch.randn(1, 3, size, size), str(path))
    return path


def cupel(program: str, *arguments) -> tuple[float, float]:
    """Seconds, and MiB of memory."""
    start = time.monotonic()
    process = subprocess.Popen([program, *map(str, arguments)], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    said = process.stderr.read().decode(errors="replace")
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise Refused(f"status {process.returncode}: " + " ".join(said.split())[:160])
    return time.monotonic() - start, usage.ru_maxrss / 1024


def dumped(program: str, model: pathlib.Path, values: np.ndarray, folder: pathlib.Path) -> np.ndarray:
    values.tofile(folder / "input.bin")
    cupel(program, "dump", model, "--input", folder / "input.bin", "-o", folder / "tensors", "--output-only")
    entry = next(e for e in json.loads((folder / "tensors/index.json").read_text()) if e["isOutput"])
    result = np.load(folder / "tensors" / entry["file"]).astype(np.float64)
    if entry.get("scale"):
        result = (result - entry["zeroPoint"]) * entry["scale"]
    return result.reshape(len(result), -1)


def row(program: str, path: pathlib.Path, count: int, is_float: bool, folder: pathlib.Path) -> dict:
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    shape = session.get_inputs()[0].shape[1:]
    pixels = np.random.default_rng(1).integers(0, 256, (count, *shape[1:], shape[0])).astype(np.uint8)
    images = ((pixels / 255 - MEAN) / STD).astype(np.float32).transpose(0, 3, 1, 2)
    test = np.ascontiguousarray(images[:2])
    name = session.get_inputs()[0].name
    expected = np.concatenate([session.run(None, {name: image[None]})[0].reshape(1, -1) for image in test])
    largest = np.abs(expected).max()
    result = {"float": float(np.abs(dumped(program, path, test, folder) - expected).max() / largest)}
    if is_float:
        return result
    np.savez(folder / "images.npz", x_train=pixels, y_train=np.zeros(count, np.int64), x_test=pixels[:1],
             y_test=np.zeros(1, np.int64))
    result["seconds"], result["mebibytes"] = cupel(
        program, "compile", path, "-o", folder / "program.cupel", "--scheme", "w8a8", "--data", folder / "images.npz",
        "--mean", MEAN, "--std", STD, "--calibration", count, "--quiet")
    # A run on nothing tells the input's grid.
    np.zeros(test[0].size, np.int8).tofile(folder / "nothing.bin")
    cupel(program, "dump", folder / "program.cupel", "--input", folder / "nothing.bin", "-o", folder / "tensors")
    source = next(e for e in json.loads((folder / "tensors/index.json").read_text()) if e["isInput"])
    grid = np.rint(test / source["scale"]) + source["zeroPoint"]
    integers = np.clip(grid, -128, 127).astype(np.int8).transpose(0, 2, 3, 1)
    found = dumped(program, folder / "program.cupel", np.ascontiguousarray(integers), folder)
    result["w8a8"] = float(np.abs(found - expected).max() / largest)
    return result


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("networks", nargs="*", default=NETWORKS)
    parser.add_argument("--cupel", default=str(pathlib.Path(__file__).parents[2] / ".build/release/cupel"))
    parser.add_argument("--folder", type=pathlib.Path)
    parser.add_argument("--images", type=int, default=8)
    parser.add_argument("--float", action="store_true")
    arguments = parser.parse_args()
    warnings.filterwarnings("ignore")
    failures = 0
    with tempfile.TemporaryDirectory() as temporary:
        folder = arguments.folder or pathlib.Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        print(f"{'network':34} {'exporter':12} {'float':>9} {'w8a8':>9} {'MiB':>6} {'s':>6}")
        for name in arguments.networks:
            for exporter in EXPORTERS:
                figures, message = {}, ""
                try:
                    path = exported(name, exporter, folder)
                    figures = row(arguments.cupel, path, arguments.images, arguments.float, pathlib.Path(temporary))
                    failures += not figures["float"] <= TOLERANCE
                except Refused as error:
                    message, failures = str(error), failures + 1
                print(f"{name:34} {exporter:12} {figures.get('float', np.nan):9.1e} {figures.get('w8a8', np.nan):9.1e} "
                      f"{figures.get('mebibytes', np.nan):6.0f} {figures.get('seconds', np.nan):6.1f} {message}".rstrip(),
                      flush=True)
    print(f"{failures} failures")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
