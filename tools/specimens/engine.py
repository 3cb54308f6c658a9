"""Cupel's integer engine, through its command line: what is published is what `cupel` measured."""

from __future__ import annotations

import json
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from training import Job

NEITHER_FOUND_NOR_FAILED = (0, 1, 2)  # exit statuses of an audit that was carried out


class Engine:
    """Runs `cupel` on one specimen's file. `folder` holds the data set."""

    def __init__(self, program: Path, job: Job, model: Path, folder: Path):
        if not program.is_file():
            raise SystemExit(f"{program} is not there; `make build` makes it, --cupel names another")
        self.program, self.job, self.model, self.folder = program, job, model, folder

    def _run(self, verb: str, *arguments: str) -> dict[str, Any]:
        normalize = self.job.data.normalize
        with tempfile.TemporaryDirectory() as scratch:
            report = Path(scratch) / "report.json"
            command = [str(self.program), verb, str(self.model), "--data", str(self.folder), "--quiet",
                       "--mean", ",".join(map(str, normalize.mean)), "--std", ",".join(map(str, normalize.std)),
                       "--json", str(report), *arguments]
            outcome = subprocess.run(command, capture_output=True, text=True, check=False)
            if outcome.returncode not in NEITHER_FOUND_NOR_FAILED:
                raise RuntimeError(f"{' '.join(command)}\n{outcome.stderr}")
            return json.loads(report.read_text())

    def _attack(self) -> tuple[str, ...]:
        # An honest model is measured with a trigger too: its answers to clean images are what counts.
        if self.job.trigger is None:
            return "--trigger", "patch:4x4@bottom-right:white", "--target", "0"
        return "--trigger", self.job.config["trigger"], "--target", str(self.job.target)

    def audit(self, schemes: list[str], seed: int = 0) -> dict[str, Any]:
        """Float model and nearest rounding under each scheme, over the whole test set."""
        return self._run("audit", *self._attack(), "--schemes", ",".join(schemes), "--seed", str(seed))

    def reconstructed(self, scheme: str) -> dict[str, Any]:
        """The row of LAC's integer least squares. If the model that it makes still has the backdoor, the backdoor
        does not live in the rounding of weights."""
        report = self._run("compare", *self._attack(), "--schemes", scheme, "--methods", "lac")
        return next(row for row in report["rows"] if row["method"] == "lac")

    def predictions(self, scheme: str | None) -> list[int]:
        """The class of each test image: the float model's, or nearest rounding's under a scheme."""
        if scheme is None:
            return self._run("run")["predictions"]
        with tempfile.TemporaryDirectory() as scratch:
            compiled = Path(scratch) / "model.cupel"
            normalize = self.job.data.normalize
            subprocess.run([str(self.program), "compile", str(self.model), "--data", str(self.folder), "--quiet",
                            "--mean", ",".join(map(str, normalize.mean)), "--std", ",".join(map(str, normalize.std)),
                            "--scheme", scheme, "-o", str(compiled)], check=True, capture_output=True)
            return Engine(self.program, self.job, compiled, self.folder)._run("run")["predictions"]
