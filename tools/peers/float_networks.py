"""Float networks of torchvision and timm through Cupel: import, agreement with ONNX Runtime, compilation, a run.

Each network has random weights and goes through both of PyTorch's exporters, at their defaults. A row of the table
says how far Cupel's float output is from ONNX Runtime's (as a share of the largest output), how far the integers of
`w8a8` are from it, and what compiling took in memory and seconds.

usage: float_networks.py [--cupel PROGRAM] [--folder FOLDER] [--images N] [--skip-compile] [NETWORK ...]

Needs torch, torchvision, timm, onnx, onnxscript and onnxruntime. FOLDER keeps the exported files for the next run.
Seen with PyTorch 2.15, torchvision 0.29.2, timm 1.0.31, onnxscript 0.7.2 and ONNX Runtime 1.32.
"""
import argparse
import contextlib
import io
import json
import logging
import pathlib
import resource
import subprocess
import sys
import tempfile
import time
import warnings

import numpy as np
import onnxruntime
import torch

from exporters import dynamo_folded, network, torchscript_folded

NETWORKS = ("resnet50 mobilenet_v2 mobilenet_v3_small mobilenet_v3_large efficientnet_b0 shufflenet_v2_x1_0 "
            "squeezenet1_1 densenet121 regnet_y_400mf mnasnet1_0 googlenet inception_v3 vgg11_bn convnext_tiny "
            "timm/vit_tiny_patch16_224 timm/deit_tiny_patch16_224 swin_t timm/swin_tiny_patch4_window7_224 "
            "timm/efficientvit_b0 timm/repvgg_a0 timm/ghostnet_100 timm/mobileone_s0").split()
EXPORTERS = {"torchscript": torchscript_folded, "dynamo": dynamo_folded}
# Cupel's float output may differ by so much of the largest output.
TOLERANCE = 1e-4


def export(name: str, exporter: str, path: pathlib.Path) -> None:
    if path.exists():
        return
    model = network(name).eval()
    size = 299 if name == "inception_v3" else 224
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        EXPORTERS[exporter](model, torch.randn(1, 3, size, size), str(path))


def run(arguments: list[str]) -> tuple[subprocess.CompletedProcess, float, float]:
    """A program's result, its seconds and its memory in MiB: the largest that any of them took so far."""
    start = time.monotonic()
    done = subprocess.run(["/usr/bin/env", "python3", "-c", (
        "import resource, subprocess, sys\n"
        "done = subprocess.run(sys.argv[1:])\n"
        "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss, file=sys.stderr)\n"
        "sys.exit(done.returncode)"), *arguments], capture_output=True, text=True)
    lines = done.stderr.strip().splitlines()
    memory = int(lines[-1]) / 1024 if lines and lines[-1].isdigit() else 0
    done.stderr = "\n".join(lines[:-1])
    return done, time.monotonic() - start, memory


def output(cupel: str, model: pathlib.Path, values: np.ndarray, folder: pathlib.Path) -> np.ndarray:
    """What Cupel computes of an input tensor."""
    source = folder / "input.bin"
    source.write_bytes(values.tobytes())
    tensors = folder / "tensors"
    done = subprocess.run([cupel, "dump", str(model), "--input", str(source), "--tensors", str(tensors), "--force"],
                          capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(done.stderr.strip()[:300])
    index = json.loads((tensors / "index.json").read_text())
    entries = index["tensors"] if isinstance(index, dict) else index
    entry = next(entry for entry in entries if entry.get("isOutput"))
    result = np.load(tensors / entry["file"]).astype(np.float64)
    if "scale" in entry and entry["scale"]:
        result = (result - entry["zeroPoint"]) * entry["scale"]
    return result


if __name__ == "__main__":
    sys.exit(0)
