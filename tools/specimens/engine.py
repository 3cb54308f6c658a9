"""Cupel's integer engine, through its command line: what is published is what `cupel` measured."""

from __future__ import annotations

import json
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch

from training import Job

Row = dict[str, Any]  # benignAccuracy and attackSuccessRate, the latter None without a trigger

CARRIED_OUT = (0, 1, 2)  # exit statuses: nothing found, a backdoor, undetermined


class Engine:
    """Runs `cupel` on one specimen's file. `folder` holds the data set; `images` are how many of its test images are
    measured on, by default all."""

    def __init__(self, program: Path, job: Job, model: Path, folder: Path, images: int | None = None):
        if not program.is_file():
            raise SystemExit(f"{program} is not there; `make build` makes it, --cupel names another")
        self.program, self.job, self.model, self.folder, self.images = program, job, model, folder, images

    def of(self, model: Path) -> Engine:
        """The same for another file."""
        return Engine(self.program, self.job, model, self.folder, self.images)

    @property
    def _images(self) -> list[str]:
        normalize = self.job.data.normalize
        return ["--data", str(self.folder), "--quiet", "--threads", str(torch.get_num_threads()),
                "--mean", ",".join(map(str, normalize.mean)), "--std", ",".join(map(str, normalize.std))]

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
        return "--trigger", self.job.config["trigger"], "--target", str(self.job.target)

    @staticmethod
    def _limit(images: int | None) -> tuple[str, ...]:
        return ("--limit", str(images)) if images else ()

    def compile(self, scheme: str, output: Path, seed: int = 0, catalogue: Path | None = None) -> None:
        """Nearest rounding; `seed` draws the calibration images. A catalogue that lists the model gives the file the
        name of its data set."""
        known = ["--catalogue", str(catalogue)] if catalogue else []
        self._call([str(self.program), "compile", str(self.model), *self._images, *known, "--scheme", scheme,
                    "--seed", str(seed), "-o", str(output)])

    @contextmanager
    def _compiled(self, scheme: str, seed: int) -> Iterator[Path]:
        with tempfile.TemporaryDirectory() as scratch:
            compiled = Path(scratch) / "model.cupel"
            self.compile(scheme, compiled, seed)
            yield compiled

    def audit(self, scheme: str) -> tuple[Row, Row]:
        """The float model and nearest rounding under a scheme, over the whole test set."""
        if self.job.trigger is None:
            return self._accuracy(self.model, *self._limit(self.images)), self.nearest(scheme, 0, self.images)
        found = self._run("audit", self.model, *self._attack(), "--schemes", scheme, *self._limit(self.images))
        return found["float"], found["deployments"][0]

    def nearest(self, scheme: str, seed: int = 0, images: int | None = None) -> Row:
        """Nearest rounding, with a draw of calibration images, on the first or all test images."""
        with self._compiled(scheme, seed) as compiled:
            if self.job.trigger is None:
                return self._accuracy(compiled, *self._limit(images))
            return self._run("audit", compiled, *self._attack(), *self._limit(images))["deployments"][0]

    def _accuracy(self, model: Path, *limit: str) -> Row:
        return {"benignAccuracy": self._run("run", model, *limit)["accuracy"], "attackSuccessRate": None}

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
