"""Exports the ResNet-20 of resnet-cifar (option-A shortcuts) by PyTorch's exporters, with golden logits.

    python tools/golden/export_resnet20.py CHECKPOINT.th FOLDER

Too large to commit: the test that reads it takes the folder from CUPEL_RESNET20, or is skipped.
"""

import sys
from pathlib import Path

import torch
from exporting import export, golden, pattern, versions, write_json
from networks import ResNet


def main(checkpoint: Path, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    state = torch.load(checkpoint, map_location="cpu", weights_only=True)["state_dict"]
    model = ResNet((16, 32, 64), blocks=3)
    model.load_state_dict({name.removeprefix("module."): value for name, value in state.items()})
    model.eval()
    models = []
    for exporter in ("torchscript", "dynamo", "dynamo-raw"):
        file = f"resnet20-{exporter}.onnx"
        export(model, folder / file, (3, 32, 32), exporter, None)
        logits = golden(model, folder / file, pattern(8, (3, 32, 32)))
        models.append({"file": file, "shape": [3, 32, 32], "images": 8, "logits": logits})
    write_json(folder / "networks.json", {"versions": versions(), "models": models})


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
