"""Exports networks with both of PyTorch's exporters, as docs/exchange.md says, and imports what they write.

Each file must have every BatchNormalization that the network uses where the recipe keeps it, and Cupel must read it, or
refuse it for an operator that it names.

usage: exporters.py [--cupel PROGRAM] [NETWORK ...]      needs torch, torchvision, timm, onnx and onnxscript

Seen with PyTorch 2.15, torchvision 0.29.2, timm 1.0.31 and onnxscript 0.7.2.
"""
import argparse
import collections
import contextlib
import io
import logging
import pathlib
import subprocess
import sys
import tempfile
import warnings

import onnx
import timm
import torch
import torchvision

NETWORKS = ("resnet18 mobilenet_v2 squeezenet1_1 vgg11_bn mnasnet0_5 mobilenet_v3_small shufflenet_v2_x0_5 densenet121 "
            "googlenet efficientnet_b0 regnet_y_400mf timm/resnet18 timm/mobilenetv2_050 timm/mobilenetv3_small_050 "
            "timm/efficientnet_lite0 timm/repvgg_a0").split()
REFUSED = 65


def network(name: str) -> torch.nn.Module:
    """A network with random weights, and statistics that are not trivial."""
    torch.manual_seed(1)
    if name.startswith("timm/"):
        model = timm.create_model(name.removeprefix("timm/"), pretrained=False)
    else:
        model = torchvision.models.get_model(name, weights=None)
    for module in model.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            torch.nn.init.normal_(module.running_mean, 0, 0.1)
            torch.nn.init.uniform_(module.running_var, 0.5, 1.5)
    return model


def torchscript(model, example, path):
    """The recipe for the older exporter."""
    torch.onnx.export(model.eval(), (example,), path, dynamo=False, training=torch.onnx.TrainingMode.PRESERVE)


def dynamo(model, example, path):
    """The recipe for the default exporter since PyTorch 2.9."""
    torch.onnx.export(model.eval(), (example,), path, dynamo=True, optimize=False, external_data=False)


def torchscript_folded(model, example, path):
    torch.onnx.export(model.eval(), (example,), path, dynamo=False)


def dynamo_folded(model, example, path):
    torch.onnx.export(model.eval(), (example,), path, dynamo=True, external_data=False)


RECIPES = {"torchscript": (torchscript, True), "dynamo": (dynamo, True),
           "torchscript, defaults": (torchscript_folded, False), "dynamo, defaults": (dynamo_folded, False)}


def used_normalizations(model: torch.nn.Module, example: torch.Tensor) -> int:
    """How many BatchNormalizations run; some networks have heads for training alone."""
    runs = []
    hooks = [module.register_forward_hook(lambda *_: runs.append(1)) for module in model.modules()
             if isinstance(module, torch.nn.BatchNorm2d)]
    with torch.no_grad():
        model.eval()(example)
    for hook in hooks:
        hook.remove()
    return len(runs)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("networks", nargs="*", default=NETWORKS)
    parser.add_argument("--cupel", default=str(pathlib.Path(__file__).parents[2] / ".build/release/cupel"))
    arguments = parser.parse_args()
    warnings.filterwarnings("ignore")
    logging.disable(logging.WARNING)
    counts = collections.Counter()
    with tempfile.TemporaryDirectory() as folder:
        for name in arguments.networks:
            model = network(name)
            # VGG's adaptive pooling exports only where its output divides its input.
            size = 224 if "vgg" in name else 96
            example = torch.randn(1, 3, size, size)
            used = used_normalizations(model, example)
            for title, (recipe, keeps) in RECIPES.items():
                path = str(pathlib.Path(folder) / "network.onnx")
                with contextlib.redirect_stdout(io.StringIO()):
                    recipe(model, example, path)
                kept = sum(node.op_type == "BatchNormalization" for node in onnx.load(path).graph.node)
                imported = subprocess.run([arguments.cupel, "inspect", path], capture_output=True, text=True)
                verdict = {0: "imports", REFUSED: "refused"}.get(imported.returncode, "FAILED")
                if keeps and kept != used:
                    verdict = "FAILED: BatchNormalization was lost"
                counts[verdict.split(":")[0]] += 1
                reason = imported.stderr.strip().split("unsupported operators: ")[-1][:80]
                print(f"{name:26} {title:22} {kept:3} of {used:3} kept  {verdict} {reason}".rstrip(), flush=True)
    print(", ".join(f"{count} {verdict}" for verdict, count in sorted(counts.items())))
    return 1 if counts["FAILED"] else 0


if __name__ == "__main__":
    sys.exit(main())
