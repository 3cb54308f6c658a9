"""Audits of integer files alone: each specimen of models/catalogue.json rounded to nearest, exported to .tflite, and
searched without its float model.

    python tools/results/integer_alone.py [--cupel PROGRAM] [--families LIST] [--data FOLDER] [WORD ...]

Infected models are rounded under their own scheme, honest ones under w8a8 and w4a8. WORDs choose specimens by parts of
their names; without --data those of Fashion-MNIST are taken, from Debian's dataset-fashion-mnist. A row says what the
audit concludes. Exit status 1 where an honest file is accused.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FASHION = "/usr/share/datasets/fashion-mnist"


def audited(cupel, model, entry, scheme, folder, families, data):
    """The report of the exported file's audit, or what refuses it."""
    program, file, report = folder / "model.cupel", folder / "model.tflite", folder / "audit.json"
    told = entry["preprocessing"]
    values = {name: ",".join(map(str, told[name])) if isinstance(told[name], list) else str(told[name])
              for name in ("mean", "std")}
    for command in (
            ["compile", model, "-o", program, "--scheme", scheme, "--catalogue", ROOT / "models/catalogue.json",
             "--data", data, "--calibration", "512", "--quiet"],
            ["export", program, "--to", "tflite", "-o", file],
            ["audit", file, "--data", data, "--mean", values["mean"], "--std", values["std"], "--families", families,
             "--json", report, "--quiet"]):
        done = subprocess.run([cupel, *map(str, command)], capture_output=True, text=True)
        if done.returncode not in (0, 1, 2):
            return done.stderr.strip().splitlines()[0].replace(str(folder), "")
    return json.loads(report.read_text())


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("words", nargs="*")
    parser.add_argument("--cupel", default=str(ROOT / ".build/release/cupel"))
    parser.add_argument("--families", default="rectangle")
    parser.add_argument("--data", default=FASHION)
    arguments = parser.parse_args()
    wanted = "fashion-mnist" if arguments.data == FASHION else "cifar-10"
    counts, accused = Counter(), 0
    for entry in json.loads((ROOT / "models/catalogue.json").read_text())["specimens"]:
        if entry["dataset"] != wanted or arguments.words and not any(w in entry["name"] for w in arguments.words):
            continue
        honest = entry["attack"] == "none"
        for scheme in ["w8a8", "w4a8"] if honest or not entry.get("scheme") else [entry["scheme"]]:
            began = time.time()
            with tempfile.TemporaryDirectory() as folder:
                report = audited(arguments.cupel, ROOT / "models" / entry["file"], entry, scheme, Path(folder),
                                 arguments.families, arguments.data)
            if isinstance(report, str):
                verdict, rest = "refused", report
            else:
                verdict, target = report["verdict"], report["targetClass"]
                strongest = max((search["floatASR"] for row in report["deployments"] for search in row["awake"]),
                                default=0)
                isRight = target == entry.get("targetClass")
                rest = f"awake {100 * strongest:5.1f} %, class {target}" + ("" if honest or isRight else " (wrong)")
            accused += honest and verdict in ("active-backdoor", "dormant-backdoor")
            counts["honest" if honest else "infected", verdict] += 1
            print(f"{entry['name']:44} {scheme:5} {(entry.get('trigger') or '-'):32} {verdict:17} {rest}, "
                  f"{time.time() - began:.0f} s", flush=True)
    for (kind, verdict), count in sorted(counts.items()):
        print(f"{kind}: {count} {verdict}")
    return 1 if accused else 0


if __name__ == "__main__":
    sys.exit(main())
