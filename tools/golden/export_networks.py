"""Writes the small networks of networks.py as ONNX by PyTorch's exporters, with golden logits.

    python tools/golden/export_networks.py Tests/ModelImportTests/Golden
"""

import sys
from pathlib import Path

import torch
from exporting import export, golden, pattern, versions, write_json
from networks import fixtures


def main(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    models = []
    for name, (model, shape) in fixtures().items():
        for exporter in ("torchscript", "dynamo", "dynamo-raw"):
            for batch in (None,) if exporter == "dynamo-raw" else (None, 1):
                file = f"{name}-{exporter}-{'open' if batch is None else batch}.onnx"
                torch.manual_seed(0)
                export(model, folder / file, shape, exporter, batch)
                images = pattern(3, shape)
                models.append({
                    "file": file, "shape": list(shape), "images": 3,
                    "logits": golden(model, folder / file, images)})
                print(file, (folder / file).stat().st_size)
    write_json(folder / "networks.json", {"versions": versions(), "models": models})


if __name__ == "__main__":
    main(Path(sys.argv[1]))
