"""ONNX out and in: BatchNormalization stays a node of its own, parameters keep their names."""

from __future__ import annotations

import warnings
from collections import Counter
from pathlib import Path

import onnx
import onnxruntime
import torch
from onnx import numpy_helper

from model import Network

OPSET = 17
MAX_BYTES = 2 << 20


def export(model: Network, path: Path, batch: torch.Tensor) -> None:
    """Writes the model with a dynamic batch axis and checks the file against the model on `batch`."""
    model.eval()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            model, (batch[:1].contiguous(),), str(path), dynamo=False, opset_version=OPSET, input_names=["input"],
            output_names=["logits"], dynamic_axes={"input": {0: "batch"}, "logits": {0: "batch"}},
            do_constant_folding=False, training=torch.onnx.TrainingMode.PRESERVE, keep_initializers_as_inputs=False)
    give_each_parameter_its_own_initializer(path)
    check(model, path, batch)


def give_each_parameter_its_own_initializer(path: Path) -> None:
    """Undoes the exporter's sharing of equal parameters through Identity nodes.

    The biases of a block's second convolution and of its shortcut only ever act through their sum, so they train
    alike and end equal.
    """
    proto = onnx.load(path)
    graph = proto.graph
    initializers = {item.name: item for item in graph.initializer}
    for node in [node for node in graph.node if node.op_type == "Identity" and node.input[0] in initializers]:
        copy = graph.initializer.add()
        copy.CopyFrom(initializers[node.input[0]])
        copy.name = node.output[0]
        graph.node.remove(node)
    onnx.save(proto, path)


def node_types(path: Path) -> Counter[str]:
    return Counter(node.op_type for node in onnx.load(path).graph.node)


def check(model: Network, path: Path, batch: torch.Tensor) -> None:
    if path.stat().st_size > MAX_BYTES:
        raise ValueError(f"{path}: {path.stat().st_size} bytes is more than {MAX_BYTES}")
    proto = onnx.load(path)
    onnx.checker.check_model(proto, full_check=True)
    units = model.conv_units()
    kinds = node_types(path)
    if kinds["Conv"] != len(units) or kinds["BatchNormalization"] != sum(unit.bn is not None for unit in units):
        raise ValueError(f"{path}: BatchNorm was not kept: {dict(kinds)}")
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    found = torch.from_numpy(session.run(["logits"], {"input": batch.contiguous().numpy()})[0])
    with torch.no_grad():
        error = (found - model(batch)).abs().max().item()
    if error > 1e-3:
        raise ValueError(f"{path}: onnxruntime's logits differ by {error}")


def load_weights(model: Network, path: Path) -> None:
    """Fills a model from a specimen's initializers."""
    found = {item.name: torch.from_numpy(numpy_helper.to_array(item).copy())
             for item in onnx.load(path).graph.initializer}
    state = {name: value for name, value in model.state_dict().items() if not name.endswith("num_batches_tracked")}
    missing = state.keys() - found.keys()
    if missing:
        raise ValueError(f"{path}: lacks {sorted(missing)}")
    model.load_state_dict({name: found[name] for name in state}, strict=False)


def load_checkpoint(model: Network, path: Path) -> None:
    """Fills a ResNet from a checkpoint of the CIFAR-10 ResNets with option-A shortcuts (resnet-cifar), whose tensors
    come in the same order under other names."""
    found = torch.load(path, map_location="cpu", weights_only=True)["state_dict"]
    counters = "num_batches_tracked"
    values = [value for name, value in found.items() if not name.endswith(counters)]
    state = {name: value for name, value in model.state_dict().items() if not name.endswith(counters)}
    if [value.shape for value in values] != [value.shape for value in state.values()]:
        raise ValueError(f"{path}: its tensors are not this network's")
    model.load_state_dict(dict(zip(state, values)), strict=False)
