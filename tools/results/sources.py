"""Which sources a measurement comes from: what was measured before holds as long as they are the same."""

from __future__ import annotations

import hashlib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def digest(folders: tuple[str, ...], files: tuple[str, ...]) -> str:
    """Of what is in `Sources`, without the files in `folders` and those that are called as one of `files`."""
    found = hashlib.sha256()
    for path in sorted((ROOT / "Sources").rglob("*.*")):
        part = path.relative_to(ROOT / "Sources")
        if path.is_file() and path.name not in files and not str(part).startswith(folders):
            found.update(str(part).encode() + b"\0" + path.read_bytes())
    return found.hexdigest()
