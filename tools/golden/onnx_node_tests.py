"""The backend node tests of the `onnx` package through Cupel: each passes, is refused, or is wrong.

    python tools/golden/onnx_node_tests.py [--cupel PROGRAM] [--verbose] [WORD ...]

Of each test of an operator that docs/operators.md lists for float ONNX, one float input stays the network's input and
the others become initializers; Cupel's output is held against the test's. WORDs choose tests by parts of their names.
Exit status 1 if any value is wrong, or Cupel ends in any other way than with an answer or a refusal.

Seen with onnx 1.23.2.
"""

import argparse
import collections
import json
import re
import subprocess
import sys
import tempfile
import warnings
from pathlib import Path

import numpy as np
import onnx
from onnx import numpy_helper
from onnx.backend.test.case.node import collect_testcases

ROOT = Path(__file__).parents[2]
# Exit statuses with which Cupel refuses a model.
REFUSALS = (65,)


def claimed() -> set[str]:
    """The operators of float ONNX that the table lists."""
    names = set()
    for line in (ROOT / "docs/operators.md").read_text().splitlines():
        cells = [cell.strip() for cell in line.split("|")]
        if len(cells) > 3 and not cells[1].startswith(("-", "operator")):
            names.update(re.findall(r"\w+", cells[2]))
    return names


def tests():
    """Name, model, inputs and outputs of each test that the package makes."""
    for case in collect_testcases(None):
        if case.kind == "node" and case.model is not None and case.data_sets:
            yield case.name, case.model, *case.data_sets[0]


def prepared(model, inputs: list, chosen: int):
    """The model with one input alone; of several outputs the first."""
    names = [value.name for value in model.graph.input]
    for index, (name, value) in enumerate(zip(names, inputs)):
        if index != chosen:
            model.graph.initializer.append(numpy_helper.from_array(value, name))
    kept = [model.graph.input[chosen]]
    del model.graph.input[:]
    model.graph.input.extend(kept)
    del model.graph.output[1:]
    return model


def judged(cupel: str, model, value: np.ndarray, expected: np.ndarray, folder: Path) -> tuple[str, str]:
    onnx.save(model, folder / "model.onnx")
    value.astype("<f4").tofile(folder / "input.bin")
    done = subprocess.run(
        [cupel, "dump", folder / "model.onnx", "--input", folder / "input.bin", "-o", folder / "tensors"],
        capture_output=True, text=True)
    if done.returncode in REFUSALS:
        return "refused", done.stderr.strip().replace(f"cupel: {folder / 'model.onnx'}: ", "")[:200]
    if done.returncode:
        return "FAILED", f"status {done.returncode}: {done.stderr[-200:]}"
    entry = next(e for e in json.loads((folder / "tensors/index.json").read_text()) if e["isOutput"])
    found = np.load(folder / "tensors" / entry["file"])
    if found.size != expected.size:
        return "WRONG", f"shape {found.shape}, the test has {expected.shape}"
    apart = np.abs(found.reshape(-1).astype(np.float64) - expected.reshape(-1))
    nan = np.isnan(found.reshape(-1)) != np.isnan(expected.reshape(-1).astype(np.float64))
    bound = 1e-3 * np.abs(expected.reshape(-1)) + 1e-5
    same = (apart <= bound) | (found.reshape(-1) == expected.reshape(-1)) | np.isnan(expected.reshape(-1))
    return ("passes", "") if same.all() and not nan.any() else ("WRONG", f"by up to {np.nanmax(apart):.3g}")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("words", nargs="*")
    parser.add_argument("--cupel", default=str(ROOT / ".build/release/cupel"))
    parser.add_argument("--verbose", action="store_true")
    arguments = parser.parse_args()
    warnings.filterwarnings("ignore")
    known, counts = claimed(), collections.Counter()
    reasons = collections.defaultdict(list)
    for name, model, inputs, outputs in tests():
        if arguments.words and not any(word in name for word in arguments.words):
            continue
        if not {node.op_type for node in model.graph.node} <= known:
            continue
        floats = [
            index for index, value in enumerate(inputs)
            if getattr(value, "dtype", None) == np.float32]
        arrays = all(isinstance(value, np.ndarray) for value in [*inputs, *outputs])
        if not floats or not outputs or not arrays:
            verdict, reason = "refused", "no input of float32"
        else:
            # Operators on a network's data name it first.
            chosen = floats[0]
            with tempfile.TemporaryDirectory() as folder:
                verdict, reason = judged(
                    arguments.cupel, prepared(model, inputs, chosen), inputs[chosen], outputs[0], Path(folder))
        counts[verdict] += 1
        reasons[re.sub(r"'[^']*'|-?\d[\d.]*(e[-+]?\d+)?", "…", reason.splitlines()[0] if reason else "")].append(name)
        if verdict not in ("passes", "refused") or arguments.verbose:
            print(f"{verdict:8} {name:60} {reason}", flush=True)
    print("\nrefused because:")
    for reason, names in sorted(reasons.items(), key=lambda item: -len(item[1])):
        if reason:
            print(f"{len(names):5}  {reason[:110]}  ({names[0]})")
    print("\n" + ", ".join(f"{count} {verdict}" for verdict, count in counts.most_common()))
    return 1 if set(counts) - {"passes", "refused"} else 0


if __name__ == "__main__":
    sys.exit(main())
