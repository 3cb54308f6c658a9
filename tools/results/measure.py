"""Every specimen under nearest rounding and under the defences, on the integer engine: `make results`.

    python3 tools/results/measure.py [--fresh] [--methods efrap,lac,lac-pda,qvec,auto] [NAME…]

Runs `cupel compare` for each specimen of `models/catalogue.json` and of `models/more/catalogue.json` (whose files are
made by command: `tools/specimens/make.py`), as many at a time as there are cores, and keeps each report in
`out/results/`, so that an interrupted run goes on where it stopped; a report is made again when its form, the model, the
arguments or the sources that comparisons come from change (the program is taken to be built from those, as `make
results` does first). Then writes `out/results.json` and `docs/results.md`. A specimen whose comparison fails is named
there as not run, and the exit status is 1. Needs Python 3.11 and nothing else. CIFAR-10's binary files are looked for
in `cifar10/` of the folder that CUPEL_DATA names; specimens whose images or whose file are not there are left out and
named. With names of specimens it measures those alone; what was measured of others that are there stays in both
documents.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import subprocess
import sys
import time
import tomllib
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import detection
import report
import sources

ROOT = Path(__file__).resolve().parents[2]
METHODS = "efrap,lac,lac-pda,qvec,auto"
CLEAN_SCHEMES = "w8a8,w4a8,w4a4"
FORM = 2  # of the reports that are kept


@dataclass(frozen=True)
class Task:
    """One specimen's comparison."""

    specimen: dict[str, Any]
    command: list[str]
    made_from: dict[str, Any]  # the report's form, the model's digest, that of the sources, the arguments
    output: Path

    @property
    def _stored(self) -> dict[str, Any]:
        return json.loads(self.output.read_text()).get("madeFrom", {}) if self.output.exists() else {}

    @property
    def is_done(self) -> bool:
        return self._stored == self.made_from

    @property
    def is_there(self) -> bool:
        """Done, or measured of this very model, in this form, by earlier sources."""
        return all(self._stored.get(key) == self.made_from[key] for key in ("form", "model"))

    def run(self) -> float:
        """Seconds that it took."""
        started = time.monotonic()
        partial = self.output.with_suffix(".partial")
        outcome = subprocess.run([*self.command, "--json", str(partial)], capture_output=True, text=True, check=False)
        if outcome.returncode != 0:
            raise RuntimeError(f"{' '.join(self.command)}\n{outcome.stderr}")
        found = json.loads(partial.read_text())
        partial.unlink()
        temporary = self.output.with_suffix(".tmp")
        temporary.write_text(json.dumps({"madeFrom": self.made_from, **found}, indent=1) + "\n")
        os.replace(temporary, self.output)
        return time.monotonic() - started


def cifar10() -> Path | None:
    folder = Path(os.environ.get("CUPEL_DATA", ROOT.parent / "shared" / "data")) / "cifar10"
    return folder if (folder / "test_batch.bin").exists() else None


def specimens() -> list[dict[str, Any]]:
    """The catalogues' entries; `file` is relative to `models/`."""
    found = []
    for folder in ("", "more/"):
        for item in json.loads((ROOT / "models" / folder / "catalogue.json").read_text())["specimens"]:
            found.append(item | {"file": folder + item["file"]})
    names = [item["name"] for item in found]
    if repeated := {name for name in names if names.count(name) > 1}:
        raise SystemExit(f"in both catalogues: {', '.join(sorted(repeated))}")
    return found


def lacks(specimen: dict[str, Any]) -> str | None:
    """What is not here that measuring it would take."""
    if not (ROOT / "models" / specimen["file"]).exists():
        return "not made here (tools/specimens/make.py)"
    if specimen["dataset"] == "cifar-10" and cifar10() is None:
        return "no CIFAR-10 binary files (see CUPEL_DATA)"
    return None


def comparison_version() -> str:
    """Of all sources that a comparison comes from; the audit without a trigger is no part of it."""
    return sources.digest(("Audit/Evidence", "Audit/Exhibits", "Audit/Report", "Audit/Rule", "Audit/Search", "AuditReports"),
                          ("DetectionAudit.swift", "DetectionVerdict.swift"))


def task(specimen: dict[str, Any], program: Path, version: str, methods: str, folder: Path) -> Task:
    model = ROOT / "models" / specimen["file"]
    schemes = "attacked" if specimen["scheme"] else CLEAN_SCHEMES
    arguments = ["compare", str(model.relative_to(ROOT)), "--catalogue",
                 str(model.relative_to(ROOT).parent / "catalogue.json"), "--schemes", schemes, "--methods", methods,
                 "--threads", "1", "--quiet"]
    if specimen["dataset"] == "cifar-10":
        arguments += ["--data", str(cifar10())]
    digest = hashlib.sha256(model.read_bytes()).hexdigest()
    if digest != specimen["sha256"]:
        raise ValueError(f"{model}: its SHA-256 is not the catalogue's")
    made_from = {"form": FORM, "model": digest, "sources": version, "arguments": arguments}
    return Task(specimen, [str(program), *arguments], made_from, folder / f"{specimen['name']}.json")


def run_all(tasks: list[Task]) -> dict[str, Exception]:
    """Runs what is not done, the slowest, those with most weights, first; returns what failed."""
    waiting = sorted((task for task in tasks if not task.is_done),
                     key=lambda task: -(ROOT / "models" / task.specimen["file"]).stat().st_size)
    done, failed = len(tasks) - len(waiting), {}
    if done:
        print(f"{done} of {len(tasks)} specimens were measured before", flush=True)
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        running = {pool.submit(task.run): task.specimen["name"] for task in waiting}
        for future in as_completed(running):
            done, name = done + 1, running[future]
            try:
                outcome = f"{future.result():.0f} s"
            except Exception as error:  # one specimen's failure must not cost the others
                failed[name], outcome = error, "failed"
            print(f"[{done}/{len(tasks)}] {name}  {outcome}", flush=True)
    return failed


def rows(task: Task) -> list[dict[str, Any]]:
    """The rows of `out/results.json` that one specimen gives."""
    found = json.loads(task.output.read_text())
    result = []
    for row in found["rows"]:
        result.append({
            "specimen": task.specimen["name"], "method": row["method"], "scheme": row["scheme"],
            "benignAccuracy": row["benignAccuracy"], "attackSuccessRate": row.get("attackSuccessRate"),
            "der": row.get("der") if row["method"] != "nearest" else None,
            "floatBenignAccuracy": row["floatBenignAccuracy"],
            "floatAttackSuccessRate": row.get("floatAttackSuccessRate"),
            "classAccuracies": row["classAccuracies"], "floatClassAccuracies": row["floatClassAccuracies"],
            "samplesLost": row.get("samplesLost"), "seconds": row["seconds"],
        })
    return result


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help="specimens; all by default")
    parser.add_argument("--fresh", action="store_true", help="measure everything again")
    parser.add_argument("--methods", default=METHODS)
    parser.add_argument("--cupel", type=Path, default=ROOT / ".build" / "release" / "cupel")
    options = parser.parse_args()
    os.chdir(ROOT)
    folder = ROOT / "out" / "results"
    folder.mkdir(parents=True, exist_ok=True)
    if options.fresh:
        for old in folder.glob("*.json"):
            old.unlink()
    version = subprocess.run([str(options.cupel), "--version"], capture_output=True, text=True, check=True).stdout.strip()
    catalogue, tasks, failed, key = specimens(), [], {}, f"{version} {comparison_version()}"
    for item in catalogue:
        if reason := lacks(item):
            if not options.names or item["name"] in options.names:
                print(f"{item['name']} is not run: {reason}", flush=True)
        else:
            try:
                tasks.append(task(item, options.cupel, key, options.methods, folder))
            except (OSError, ValueError) as error:
                failed[item["name"]] = error
    failed |= run_all([task for task in tasks if not options.names or task.specimen["name"] in options.names])
    rest = {item["name"] for item in catalogue} - {task.specimen["name"] for task in tasks if task.is_there}
    missing = [item["name"] for item in catalogue if item["name"] in rest]
    measured = [row for task in tasks if task.is_there for row in rows(task)]
    earlier = [task.specimen["name"] for task in tasks if task.is_there and not task.is_done]
    content = {"schemaVersion": 1, "cupel": version, "notRun": missing, "madeByEarlierSources": earlier, "rows": measured}
    (ROOT / "out" / "results.json").write_text(json.dumps(content, indent=1) + "\n")
    papers = json.loads((Path(__file__).parent / "paper.json").read_text())
    document = ROOT / "docs" / "results.md"
    # What `make detection` wrote there stays.
    kept = detection.section(document.read_text()) if document.exists() else ""
    configurations = {path.stem: tomllib.loads(path.read_text())
                      for path in sorted((ROOT / "tools" / "specimens" / "configs").glob("*.toml"))}
    document.write_text(report.document(catalogue, configurations, measured, missing, papers, options.methods, earlier)
                        + kept)
    print(f"{len(measured)} rows: out/results.json, docs/results.md", flush=True)
    for name, error in failed.items():
        print(f"{name} failed: {error}", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
