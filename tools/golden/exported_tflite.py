"""What LiteRT's reference kernels compute with files that Cupel exported.

    CUPEL_EXPORT_GOLDEN=Tests/ModelExportTests/Golden swift test -c release \\
        --disable-testable-imports --filter filesAreTheRecordedOnes
    python tools/golden/exported_tflite.py Tests/ModelExportTests/Golden

Writes `litert.json` beside the `.tflite` files: seeded random inputs and the outputs, int8 in base64.
"""

import base64
import json
import sys
import zlib
from importlib.metadata import version
from pathlib import Path

import numpy as np
from ai_edge_litert.interpreter import Interpreter, OpResolverType

IMAGES = 6


def run(path):
    interpreter = Interpreter(
        str(path), num_threads=1, experimental_op_resolver_type=OpResolverType.BUILTIN_REF)
    interpreter.allocate_tensors()
    source, target = interpreter.get_input_details()[0], interpreter.get_output_details()[0]
    random = np.random.default_rng(zlib.crc32(path.stem.encode()))
    inputs = random.integers(-128, 128, (IMAGES, *source["shape"][1:])).astype(np.int8)
    outputs = []
    for image in inputs:
        interpreter.set_tensor(source["index"], image[None])
        interpreter.invoke()
        outputs.append(interpreter.get_tensor(target["index"]).ravel().copy())
    return inputs, np.stack(outputs)


def main(folder):
    files = []
    for path in sorted(folder.glob("*.tflite")):
        inputs, outputs = run(path)
        files.append({
            "file": path.stem, "inputs": base64.b64encode(inputs.tobytes()).decode(),
            "outputs": base64.b64encode(outputs.tobytes()).decode()})
    result = {"versions": {n: version(n) for n in ("ai-edge-litert", "numpy")}, "files": files}
    text = json.dumps(result, separators=(",", ":")).replace('{"file"', '\n{"file"')
    (folder / "litert.json").write_text(text + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
