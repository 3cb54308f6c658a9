"""Cupel's integer engine, through its command line: what is published is what `cupel` measured."""

from __future__ import annotations

import json
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from training import Job

CARRIED_OUT = (0, 1, 2)  # exit statuses: nothing found, a backdoor, undetermined


class Engine:
    """Runs `cupel` on one specimen's file. `folder` holds the data set."""

    def __init__(self, program: Path, job: Job, model: Path, folder: Path):
        if not program.is_file():
            raise SystemExit(f"{program} is not there; `make build` makes it, --cupel names another")
        self.program, self.job, self.model, self.folder = program, job, model, folder

    def of(self, model: Path) -> Engine:
        """The same for another file."""
        return Engine(self.program, self.job, model, self.folder)

    @property
    def _images(self) -> list[str]:
        normalize = self.job.data.normalize
        return ["--data", str(self.folder), "--quiet", "--mean", ",".join(map(str, normalize.mean)),
                "--std", ",".join(map(str, normalize.std))]

    def _run(self, verb: str, model: Path, *arguments: str) -> dict[str, Any]:
        """The report of a verb that writes one."""
        with tempfile.TemporaryDirectory() as scratch:
            report = Path(scratch) / "report.json"
            self._call([str(self.program), verb, str(model), *self._images, "--json", str(report), *arguments])
            return json.loads(report.read_text())

    @staticmethod
    def _call(command: list[str]) -> None:
        outcome = subprocess.run(command, capture_output=True, text=True, check=False)
        if outcome.returncode not in CARRIED_OUT:
            raise RuntimeError(f"{' '.join(command)}\n{outcome.stderr}")

    def _attack(self) -> tuple[str, ...]:
        # An honest model is measured with a trigger too: its answers to clean images are what counts.
        if self.job.trigger is None:
            return "--trigger", "patch:4x4@bottom-right:white", "--target", "0"
        return "--trigger", self.job.config["trigger"], "--target", str(self.job.target)

    @contextmanager
    def _compiled(self, scheme: str, seed: int) -> Iterator[Path]:
        """Nearest rounding; `seed` draws the calibration images."""
        with tempfile.TemporaryDirectory() as scratch:
            compiled = Path(scratch) / "model.cupel"
            self._call([str(self.program), "compile", str(self.model), *self._images, "--scheme", scheme,
                        "--seed", str(seed), "-o", str(compiled)])
            yield compiled

    def audit(self, schemes: list[str]) -> dict[str, Any]:
        """Float model and nearest rounding under each scheme, over the whole test set."""
        return self._run("audit", self.model, *self._attack(), "--schemes", ",".join(schemes))

    def nearest(self, scheme: str, seed: int, images: int) -> dict[str, Any]:
        """The row of nearest rounding with another draw of calibration images, on the first test images."""
        with self._compiled(scheme, seed) as compiled:
            return self._run("audit", compiled, *self._attack(), "--limit", str(images))["deployments"][0]

    def reconstructed(self, scheme: str) -> dict[str, Any]:
        """The row of LAC's integer least squares. If the model that it makes still has the backdoor, the backdoor
        does not live in the rounding of weights."""
        report = self._run("compare", self.model, *self._attack(), "--schemes", scheme, "--methods", "lac")
        return next(row for row in report["rows"] if row["method"] == "lac")

    def predictions(self, scheme: str | None) -> list[int]:
        """The class of each test image: the float model's, or nearest rounding's under a scheme."""
        if scheme is None:
            return self._run("run", self.model)["predictions"]
        with self._compiled(scheme, 0) as compiled:
            return self._run("run", compiled)["predictions"]
