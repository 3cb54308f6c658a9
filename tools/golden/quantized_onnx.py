"""Small quantized ONNX models by onnxruntime.quantization, and what ONNX Runtime computes with them.

    python tools/golden/quantized_onnx.py Tests/ModelImportTests/Golden

Reads the float networks `*-dynamo-open.onnx` there and writes `quantized-*.onnx`, and
`quantized.json` with the versions and, for each model and one input, every quantized tensor
of it: int8 in base64, batch first, channels first.
"""

import base64
import json
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from onnx import numpy_helper

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "peers"))
from quantize_onnx import quantize  # noqa: E402

#: Name, network, its shape, and how it is quantized.
MODELS = [
    ("qdq-u8s8-resnet-a", "resnet-a", (3, 16, 16), {}),
    ("qdq-u8s8-vgg", "vgg", (3, 16, 16), {}),
    ("qdq-u8s8-mobilenet", "mobilenet", (3, 16, 16), {}),
    ("qdq-u8s4-vgg", "vgg", (3, 16, 16), {"weights": "s4"}),
    ("qdq-s8s8-mobilenet", "mobilenet", (3, 16, 16), {"activations": "s8"}),
    ("qdq-u8s8-tensor-vgg", "vgg", (3, 16, 16), {"per_channel": False}),
    ("qoperator-u8s8-resnet-a", "resnet-a", (3, 16, 16), {"form": "qoperator"}),
    ("qoperator-u8s8-mobilenet", "mobilenet", (3, 16, 16), {"form": "qoperator"}),
]


def images(count, shape, seed):
    random = np.random.default_rng(seed)
    return random.standard_normal((count, *shape)).astype(np.float32)


#: What ONNX's shape inference says of values that are merely moved.
QUANTIZED = (onnx.TensorProto.UINT8, onnx.TensorProto.INT8)


def tensors(model):
    """Names of everything that is uint8 or int8 and is computed."""
    inferred = onnx.shape_inference.infer_shapes(model)
    types = {v.name: v.type.tensor_type.elem_type for v in inferred.graph.value_info}
    return [node.output[0] for node in model.graph.node
            if node.op_type == "QuantizeLinear" or node.op_type.startswith(("QLinear", "QGemm"))
            or types.get(node.output[0]) in QUANTIZED]


def record(path, inputs):
    """Each quantized tensor's values, from a model of which all of them are outputs."""
    model = onnx.load(path)
    names = tensors(model)
    initializers = {item.name: numpy_helper.to_array(item) for item in model.graph.initializer}
    constant = {node.output[0] for node in model.graph.node if node.input[0] in initializers}
    names = [name for name in names if name not in constant]
    for name in names:
        model.graph.output.append(onnx.ValueInfoProto(name=name))
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    values = session.run(names, {model.graph.input[0].name: inputs})
    return {name: signed(value) for name, value in zip(names, values)}


def signed(value):
    return value.astype(np.int16) - (128 if value.dtype == np.uint8 else 0)


def main(folder):
    result = {"versions": {n: version(n) for n in ("onnxruntime", "onnx", "numpy")}, "models": []}
    for name, network, shape, options in MODELS:
        path = folder / f"quantized-{name}.onnx"
        quantize(folder / f"{network}-dynamo-open.onnx", path, images(64, shape, 1), **options)
        model = onnx.load(path)
        first = next(n for n in model.graph.node
                     if n.op_type == "QuantizeLinear" and n.input[0] == model.graph.input[0].name)
        found = record(path, images(1, shape, 2))
        result["models"].append({
            "file": path.name, "input": first.output[0],
            "tensors": {key: {"shape": list(value.shape), "values": base64.b64encode(value.astype(np.int8).tobytes()).decode()}
                        for key, value in found.items()}})
    text = json.dumps(result, separators=(",", ":"))
    (folder / "quantized.json").write_text(text.replace('{"file"', '\n{"file"') + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
