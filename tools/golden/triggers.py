"""Golden images of every kind of trigger, by the specimens' own implementation.

    python tools/golden/triggers.py Tests/TriggersTests/Golden

Writes `triggers.json` (versions; for each case the trigger, the images' size and how many) and `triggers.u8` (the
triggered images of all cases, one after the other). The images before are `picture`, which the test computes too.
"""

import json
import platform
import sys
from pathlib import Path

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "specimens"))
import triggers

SIZES = [(1, 28, 28), (3, 32, 32), (2, 9, 14)]
IMAGES = 2
TRIGGERS = [
    "patch:3x3@bottom-right:white", "patch:4x4@center:checker", "patch:6x6@top-left:black", "patch:8x8@1,2:gray:77",
    "patch:5x7@center:noise:3", "patch:2x9@0,1:noise:9223372036854775807",
    "blend:1:15", "blend:9223372036854775807:100", "sig:20:6", "sig:15:1", "sig:255:3", "warp:1:4:25", "warp:7:2:300",
    "warp:3:9:10000", "dynamic:1:4", "dynamic:12345:6",
]


def picture(count: int, channels: int, height: int, width: int) -> torch.Tensor:
    """Images with slopes, edges and both extremes: ((i² mod 8191) + 37·i div 11) mod 256 for byte i of all."""
    i = torch.arange(count * channels * height * width)
    return (((i * i) % 8191 + 37 * i // 11) % 256).to(torch.uint8).view(count, channels, height, width)


def main(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    cases, content = [], bytearray()
    for text in TRIGGERS:
        for size in SIZES:
            content += triggers.parse(text).stamp(picture(IMAGES, *size)).numpy().tobytes()
            cases.append({"trigger": text, "channels": size[0], "height": size[1], "width": size[2], "images": IMAGES})
    versions = {"python": platform.python_version(), "numpy": np.__version__, "torch": torch.__version__}
    (folder / "triggers.json").write_text(json.dumps({"versions": versions, "cases": cases}, indent=1) + "\n")
    (folder / "triggers.u8").write_bytes(content)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
