"""Both of PyTorch's ONNX exporters, and golden logits beside the files."""

import json
import logging
import warnings
from pathlib import Path

import onnx
import onnxruntime
import torch


def export(model: torch.nn.Module, path: Path, shape: tuple[int, ...], exporter: str, batch) -> None:
    """Writes `model`; `batch` is a number, or None for an open axis.

    `torchscript` and `dynamo-raw` keep BatchNormalization and shape arithmetic; `dynamo` folds both.
    """
    example = torch.zeros(2 if batch is None else batch, *shape)
    warnings.simplefilter("ignore")
    logging.disable(logging.WARNING)
    common = dict(input_names=["input"], output_names=["logits"], verbose=False)
    if exporter == "torchscript":
        axes = {"input": {0: "batch"}, "logits": {0: "batch"}} if batch is None else None
        torch.onnx.export(
            model, (example,), str(path), dynamo=False, opset_version=17, dynamic_axes=axes,
            do_constant_folding=False, training=torch.onnx.TrainingMode.PRESERVE, **common)
    else:
        dynamic = ({0: torch.export.Dim("batch")},) if batch is None else None
        torch.onnx.export(
            model, (example,), str(path), dynamo=True, opset_version=20, dynamic_shapes=dynamic,
            external_data=False, optimize=exporter == "dynamo", **common)
    strip(path)


def strip(path: Path) -> None:
    """Takes out documentation and metadata, which hold stack traces and paths."""
    model = onnx.load(path)
    model.doc_string = ""
    del model.metadata_props[:]
    for item in [model.graph, *model.graph.node, *model.graph.input, *model.graph.output]:
        item.doc_string = ""
        del item.metadata_props[:]
    del model.graph.value_info[:]
    onnx.save(model, path)


def golden(model: torch.nn.Module, path: Path, images: torch.Tensor) -> list[list[float]]:
    """PyTorch's logits, after a check that ONNX Runtime reads the file the same way."""
    with torch.no_grad():
        logits = model(images)
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    fixed = session.get_inputs()[0].shape[0]
    step = fixed if isinstance(fixed, int) else len(images)
    parts = [session.run(None, {"input": images[i : i + step].numpy()})[0] for i in range(0, len(images), step)]
    found = torch.cat([torch.from_numpy(part) for part in parts])
    torch.testing.assert_close(found, logits, rtol=1e-4, atol=1e-5)
    return [[float(f"{value:.7g}") for value in row] for row in logits.tolist()]


def pattern(count: int, shape: tuple[int, ...]) -> torch.Tensor:
    """Images that any language can make: element i is ((i · 7919) mod 1009) / 504.5 − 1."""
    size = count * torch.Size(shape).numel()
    index = torch.arange(size, dtype=torch.int64)
    return ((index * 7919 % 1009).double() / 504.5 - 1).float().reshape(count, *shape)


def versions() -> dict[str, str]:
    return {"torch": torch.__version__, "onnx": onnx.__version__, "onnxruntime": onnxruntime.__version__}


def write_json(path: Path, content) -> None:
    path.write_text(json.dumps(content, indent=1) + "\n")
