"""Writes PyTorch's gradients of whole networks in float64, for ModelImportTests.

    python tools/golden/pytorch_gradients.py Tests/ModelImportTests/Golden/gradients.json

The networks are ONNX files of this repository, run node by node with torch's own functions. The loss is the mean
softmax cross-entropy of a few patterned images, chosen so that no value lies where float32 might put it on the other
side of an activation's kink. Of every array a norm, a sum and some elements are stored.
"""

import json
import sys
from pathlib import Path

import onnx
import torch
import torch.nn.functional as F
from onnx import numpy_helper

from exporting import pattern

ROOT = Path(__file__).resolve().parents[2]
MODELS = {
    "models/resnet8-fmnist-pq-w8a8.onnx": (1, 28, 28),
    "Tests/ModelImportTests/Golden/mobilenet-torchscript-open.onnx": (3, 16, 16),
}
IMAGES = 2
CANDIDATES = 150
MOMENTUM = 0.1
SAMPLES = 9


def attributes(node):
    return {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}


class Network:
    """The nodes of a file, with its parameters as leaves of PyTorch's graph."""

    def __init__(self, path: Path):
        self.model = onnx.load(path)
        self.constants = {}
        for item in self.model.graph.initializer:
            self.constants[item.name] = torch.from_numpy(numpy_helper.to_array(item).copy())
        for node in self.model.graph.node:
            if node.op_type == "Constant":
                self.constants[node.output[0]] = torch.from_numpy(numpy_helper.to_array(attributes(node)["value"]).copy())
        self.constants = {k: v.double() if v.is_floating_point() else v for k, v in self.constants.items()}
        # By node name, in the order weights, bias or gamma, beta.
        self.parameters = {}
        for node in self.model.graph.node:
            if node.op_type in ("Conv", "Gemm"):
                self.parameters[node.name] = node.input[1:]
            elif node.op_type == "BatchNormalization":
                self.parameters[node.name] = node.input[1:3]
        for names in self.parameters.values():
            for name in names:
                self.constants[name].requires_grad_()

    def keep_off(self, x, kink):
        """Notes how near to a kink a value comes, as a share of the largest."""
        distance = (x - kink).detach().abs()
        self.margin = min(self.margin, (distance[distance > 0].min() / distance.max()).item())

    def run(self, x, training: bool):
        self.margin = float("inf")
        values = dict(self.constants)
        values[self.model.graph.input[0].name] = x
        for node in self.model.graph.node:
            if node.op_type == "Constant":
                continue
            a = attributes(node)
            i = [values[name] for name in node.input if name]
            match node.op_type:
                case "Conv":
                    top, left, bottom, right = a["pads"]
                    y = F.conv2d(
                        F.pad(i[0], (left, right, top, bottom)), i[1], i[2] if len(i) > 2 else None, a["strides"], 0,
                        a["dilations"], a["group"])
                case "BatchNormalization":
                    y = F.batch_norm(i[0], i[3], i[4], i[1], i[2], training, MOMENTUM, a["epsilon"])
                case "Relu":
                    self.keep_off(i[0], 0)
                    y = F.relu(i[0])
                case "Clip":
                    self.keep_off(i[0], float(i[1]))
                    self.keep_off(i[0], float(i[2]))
                    y = F.hardtanh(i[0], float(i[1]), float(i[2]))
                case "Add":
                    y = i[0] + i[1]
                case "GlobalAveragePool":
                    y = i[0].mean((2, 3), keepdim=True)
                case "ReduceMean":
                    y = i[0].mean(tuple(a["axes"]), keepdim=bool(a["keepdims"]))
                case "Flatten":
                    y = i[0].flatten(1)
                case "Gemm":
                    y = F.linear(i[0], i[1] if a.get("transB") else i[1].T, i[2])
                case other:
                    raise ValueError(other)
            values[node.output[0]] = y
        return values[self.model.graph.output[0].name]


def digest(tensor):
    flat = tensor.detach().flatten()
    step = max(len(flat) // SAMPLES, 1)
    short = lambda value: float(f"{value:.9g}")
    return dict(
        count=len(flat), norm=short(flat.norm().item()), sum=short(flat.sum().item()), step=step,
        samples=[short(value) for value in flat[::step].tolist()])


def case(file, shape, training):
    network = Network(ROOT / file)
    images = pattern(IMAGES + CANDIDATES, shape).double()

    def margin(first):
        # A network of its own: training mode moves running statistics.
        other = Network(ROOT / file)
        with torch.no_grad():
            other.run(images[first : first + IMAGES], training)
        return other.margin

    first = max(range(CANDIDATES), key=margin)
    print(file, training, "first image", first, "margin", margin(first))
    x = images[first : first + IMAGES].clone().requires_grad_()
    logits = network.run(x, training)
    labels = [index * 7 % logits.shape[1] for index in range(IMAGES)]
    loss = F.cross_entropy(logits, torch.tensor(labels))
    loss.backward()
    gradients = {
        name: [digest(network.constants[parameter].grad) for parameter in parameters]
        for name, parameters in network.parameters.items()}
    running = {
        node.name: [digest(network.constants[name]) for name in node.input[3:5]]
        for node in network.model.graph.node if node.op_type == "BatchNormalization"}
    return dict(
        file=file, shape=shape, first=first, images=IMAGES, labels=labels, training=training, momentum=MOMENTUM, loss=loss.item(),
        input=digest(x.grad), parameters=gradients, running=running)


def main(path: Path) -> None:
    cases = [case(file, shape, training) for file, shape in MODELS.items() for training in (False, True)]
    lines = ",\n".join(json.dumps(entry) for entry in cases)
    path.write_text(f'{{"torch": "{torch.__version__}", "cases": [\n{lines}\n]}}\n')


if __name__ == "__main__":
    main(Path(sys.argv[1]))
