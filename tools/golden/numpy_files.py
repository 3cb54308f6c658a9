"""Small files as NumPy writes them: `.npy` of all versions and types, `.npz` stored and deflated.

    python tools/golden/numpy_files.py Tests/DatasetsTests/Golden

`numpy.json` has each file in base64 with its shape and values; the version of NumPy inside.
"""

import base64
import io
import json
import sys
from pathlib import Path

import numpy as np


def npy(array, version=None):
    buffer = io.BytesIO()
    np.lib.format.write_array(buffer, array, version=version)
    return buffer.getvalue()


def npz(save, **arrays):
    buffer = io.BytesIO()
    save(buffer, **arrays)
    return buffer.getvalue()


def main(folder):
    values = np.arange(-6, 6)
    files = []
    for kind in ("|b1", "|i1", "|u1", "<i2", ">i2", "<u2", "<i4", ">u4", "<i8", "<u8", "<f4", ">f4", "<f8"):
        array = (np.abs(values) if "u" in kind else values * (1.5 if "f" in kind else 1))
        array = array.astype(kind).reshape(2, 3, 2)
        files.append({"name": kind, "array": array, "bytes": npy(array)})
    for version in ((1, 0), (2, 0), (3, 0)):
        array = values.astype("<i2")
        files.append({"name": f"version {version[0]}", "array": array, "bytes": npy(array, version)})
    for name, array in (("scalar", np.array(7, "<i4")), ("empty", np.zeros((0, 3), "<f4"))):
        files.append({"name": name, "array": array, "bytes": npy(array)})
    fortran = npy(np.asfortranarray(values.astype("<i4").reshape(3, 4)))
    result = {
        "numpy": np.__version__,
        "files": [{
            "name": f["name"], "shape": list(f["array"].shape),
            "values": [float(v) for v in f["array"].ravel()],
            "bytes": base64.b64encode(f["bytes"]).decode()} for f in files],
        "fortran": base64.b64encode(fortran).decode(),
        "object": base64.b64encode(npy(np.array([(1, 2)], dtype=[("a", "<i4"), ("b", "<i4")]))).decode(),
    }
    arrays = {"first": values.astype("<i4").reshape(3, 4), "layer/second": np.arange(9, dtype=np.uint8)}
    for name, save in (("stored", np.savez), ("deflated", np.savez_compressed)):
        result[name] = base64.b64encode(npz(save, **arrays)).decode()
    (folder / "numpy.json").write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
