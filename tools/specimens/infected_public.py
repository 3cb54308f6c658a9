"""The infected CIFAR-10 networks that others trained (`infected-public` of CUPEL_DATA) as ONNX files.

    python tools/specimens/infected_public.py FOLDER OUT

FOLDER holds the `.pth` files with the weights under `net`. A network is a small VGG: pairs of 3 × 3 convolutions with
bias, BatchNormalization and ELU, each pair followed by a 2 × 2 max pool; a linear layer ends it. Inputs are RGB, 0 to 1.
Each file is checked against PyTorch by ONNX Runtime.
"""

import sys
from pathlib import Path

import onnxruntime
import torch
from torch import nn

from export import OPSET, give_each_parameter_its_own_initializer


class SmallVGG(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        layers, inputs = [], 3
        for channels in (32, 64, 128):
            for _ in range(2):
                layers += [nn.Conv2d(inputs, channels, 3, padding=1), nn.BatchNorm2d(channels), nn.ELU()]
                inputs = channels
            # In training a dropout follows, which keeps its place in the weights' names.
            layers += [nn.MaxPool2d(2), nn.Identity()]
        self.features = nn.Sequential(*layers)
        self.classifier = nn.Linear(128 * 4 * 4, 10)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.classifier(self.features(images).flatten(1))


def export(model: nn.Module, path: Path, images: torch.Tensor) -> None:
    """Writes the model with an open batch axis and BatchNormalization kept."""
    torch.onnx.export(
        model.eval(), (images[:1],), str(path), dynamo=False, opset_version=OPSET, input_names=["input"],
        output_names=["logits"], dynamic_axes={"input": {0: "batch"}, "logits": {0: "batch"}},
        do_constant_folding=False, training=torch.onnx.TrainingMode.PRESERVE)
    give_each_parameter_its_own_initializer(path)
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    found = torch.from_numpy(session.run(["logits"], {"input": images.numpy()})[0])
    with torch.no_grad():
        torch.testing.assert_close(found, model(images), rtol=1e-3, atol=1e-3)


def main(folder: Path, out: Path) -> None:
    out.mkdir(parents=True, exist_ok=True)
    images = torch.rand(16, 3, 32, 32, generator=torch.Generator().manual_seed(1))
    for path in sorted(folder.glob("*.pth")):
        model = SmallVGG()
        model.load_state_dict(torch.load(path, map_location="cpu", weights_only=True)["net"])
        target = out / f"{path.stem.removesuffix('_ckpt')}.onnx"
        export(model, target, images)
        print(target, target.stat().st_size)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
