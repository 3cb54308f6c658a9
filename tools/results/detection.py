"""How well the audit that knows no trigger tells infected models from honest ones: `make detection`.

    python3 tools/results/detection.py [--set out/detection] [--fresh] [--jobs 1] [NAME…]

Runs `cupel audit` without a trigger on every model of the detection set (`tools/specimens/detection.py` makes it) and on
the specimens in `models/` (not `models/more/`) that go with Fashion-MNIST, keeps each report in
`out/detection-reports/`, so that an interrupted run goes on where it stopped, fits the decision rule, tries it on models
that it was not fitted on, and writes `out/detection.json` and the section on detection of `docs/results.md`. Needs
Python 3.11 and nothing else.

The rule is a logistic function of four numbers a deployment, its features, which Cupel computes and reports, as it does
the verdicts. The coefficients are in `Sources/Audit/Rule/decision-rule.json`: where other ones fit, this script writes
them there and ends; `make detection` again builds a program with them and has it judge. Infected models count under the scheme that they were
made for, honest ones under every scheme that leaves them usable. It is tried on models that it was not fitted on: each group
that shares a starting point (a seed) is left out, alone and together with each attack.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import math
import os
import subprocess
import sys
import time
import tomllib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import sources

ROOT = Path(__file__).resolve().parents[2]
SCHEMES = "w8a8,w4a8,w4a4"
CARRIED_OUT = (0, 1, 2)
BEGIN, END = "<!-- detection: begin -->", "<!-- detection: end -->"
RULE = ROOT / "Sources" / "Audit" / "Rule" / "decision-rule.json"
# As reports and the rule's file call the features, and as the document does.
FEATURES = {"differentialASR": "differential ASR", "accuracyDrop": "accuracy drop", "logNoiseRatio": "log noise ratio",
            "borderExcess": "border excess"}
COEFFICIENTS = ("intercept", *FEATURES)
REPORT_VERSION = 2

Report = dict[str, Any]


@dataclass(frozen=True)
class Model:
    name: str
    path: Path
    kind: str  # infected, clean, awake, degraded
    attack: str
    scheme: str | None
    trigger: str | None
    target: int | None
    group: str
    published: bool


def models(folder: Path) -> list[Model]:
    """The detection set, then the published specimens."""
    found = []
    index = json.loads((folder / "index.json").read_text())["models"]
    for row in index:
        if row["status"] == "accepted":
            found.append(Model(row["name"], folder / row["file"], row["kind"], row["attack"] or row["recipe"], row["scheme"],
                               row["trigger"], row["targetClass"], row["group"], False))
    # Published specimens belong to the groups of the networks that the set was fine-tuned from.
    groups = tomllib.loads((ROOT / "tools" / "specimens" / "detection.toml").read_text())["published"]

    def group(name: str) -> str:
        """Of the specimen that it was made from, if that has one."""
        config = ROOT / "tools" / "specimens" / "configs" / f"{name}.toml"
        base = tomllib.loads(config.read_text()).get("base") if config.exists() else None
        return groups.get(name) or (group(base) if base else name)

    kinds = {"none": "clean", "badnets": "awake", "quanti-class": "degraded", "quanti-indiscriminate": "degraded",
             "quanti-samples": "degraded"}
    for row in json.loads((ROOT / "models" / "catalogue.json").read_text())["specimens"]:
        if row["dataset"] == "fashion-mnist" and row["attack"] != "qura":
            attack = row["attack"] or "none"
            found.append(Model(row["name"], ROOT / "models" / row["file"], kinds.get(attack, "infected"), attack,
                               row["scheme"], row["trigger"], row["targetClass"],
                               group(row["name"]), True))
    return found


# Measuring


def evidence_version() -> str:
    """Of all sources that evidence comes from; the rule and the words of reports are none."""
    return sources.digest(("Audit/Report", "Audit/Exhibits", "AuditReports"), (RULE.name, "DetectionVerdict.swift"))


def rule_digest() -> str:
    return hashlib.sha256(RULE.read_bytes()).hexdigest()


def model_digest(model: Model) -> str:
    return hashlib.sha256(model.path.read_bytes()).hexdigest()


def kept(known: list[Model], folder: Path, version: str) -> tuple[list[tuple[Model, Report]], list[str]]:
    """The reports there are of these very models, and the names of those that earlier sources or rules gave."""
    data, earlier = [], []
    for model in known:
        path = folder / f"{model.name}.json"
        found = json.loads(path.read_text()) if path.exists() else {}
        made_from = found.get("madeFrom", {})
        if (made_from.get("model") == model_digest(model) and made_from["schemes"] == SCHEMES
                and found["report"]["schemaVersion"] == REPORT_VERSION):
            data.append((model, found["report"]))
            if (made_from["evidence"], made_from.get("rule")) != (version, rule_digest()):
                earlier.append(model.name)
    return data, earlier


def measure(model: Model, program: Path, version: str, folder: Path, threads: int) -> float:
    """Audits a model unless that was done before; returns the seconds that it took."""
    arguments = ["audit", str(model.path), "--catalogue", str(model.path.parent / "catalogue.json"), "--schemes", SCHEMES,
                 "--quiet", "--threads", str(threads)]
    made_from = {"model": model_digest(model), "evidence": version, "schemes": SCHEMES, "rule": rule_digest()}
    output = folder / f"{model.name}.json"
    if output.exists() and json.loads(output.read_text()).get("madeFrom") == made_from:
        return 0
    started = time.monotonic()
    partial = output.with_suffix(".partial")
    outcome = subprocess.run([str(program), *arguments, "--json", str(partial)], capture_output=True, text=True,
                             check=False)
    if outcome.returncode not in CARRIED_OUT:
        raise RuntimeError(f"{' '.join(arguments)}\n{outcome.stderr}")
    report = json.loads(partial.read_text())
    partial.unlink()
    temporary = output.with_suffix(".tmp")
    temporary.write_text(json.dumps({"madeFrom": made_from, "report": slim(report)}) + "\n")
    os.replace(temporary, output)
    return time.monotonic() - started


def slim(report: Report) -> Report:
    """Without the triggers' pixels and the layers' weights, which nothing here reads."""
    for deployment in report["deployments"]:
        for search in deployment["searches"] + deployment["awake"]:
            del search["trigger"]
        if deployment["weights"]:
            deployment["weights"] = {"whole": deployment["weights"]["whole"]}
    return report


# The rule


def features(deployment: Report) -> list[float] | None:
    """What the rule reads, as Cupel computed it; None where nothing counts. What was not measured adds nothing."""
    found = deployment["features"]
    return [found[key] or 0.0 for key in FEATURES] if found else None


def strongest(deployment: Report) -> Report:
    return max(deployment["searches"], key=lambda search: search["differentialASR"])


def solve(matrix: list[list[float]], right: list[float]) -> list[float]:
    """Gaussian elimination with pivoting."""
    size = len(right)
    rows = [[*matrix[i], right[i]] for i in range(size)]
    for i in range(size):
        pivot = max(range(i, size), key=lambda row: abs(rows[row][i]))
        rows[i], rows[pivot] = rows[pivot], rows[i]
        for j in range(i + 1, size):
            factor = rows[j][i] / rows[i][i]
            rows[j] = [a - factor * b for a, b in zip(rows[j], rows[i])]
    result = [0.0] * size
    for i in reversed(range(size)):
        result[i] = (rows[i][-1] - sum(rows[i][j] * result[j] for j in range(i + 1, size))) / rows[i][i]
    return result


def fit(samples: list[tuple[list[float], int]], used: tuple[int, ...], ridge: float = 0.005) -> list[float]:
    """Intercept and a coefficient a feature: logistic regression by Newton's method, both labels with the same weight
    in all, a ridge on the coefficients so that separable data give finite ones; those not `used` are 0."""
    counts = [sum(label == wanted for _, label in samples) for wanted in (0, 1)]
    rows = [([1.0, *[x[i] for i in used]], label, len(samples) / 2 / counts[label]) for x, label in samples]
    beta = [0.0] * (len(used) + 1)
    for _ in range(100):
        gradient = [ridge * b * (i > 0) for i, b in enumerate(beta)]
        hessian = [[ridge * (i == j) * (i > 0) + 1e-9 * (i == j) for j in range(len(beta))] for i in range(len(beta))]
        for x, label, weight in rows:
            p = 1 / (1 + math.exp(-max(min(sum(a * b for a, b in zip(beta, x)), 40), -40)))
            for i, xi in enumerate(x):
                gradient[i] += weight * (p - label) * xi
                for j, xj in enumerate(x):
                    hessian[i][j] += weight * max(p * (1 - p), 1e-9) * xi * xj
        step = solve(hessian, gradient)
        scale = min(1.0, 5 / max(max(map(abs, step)), 1e-12))
        beta = [b - scale * s for b, s in zip(beta, step)]
        if max(map(abs, step)) < 1e-9:
            break
    full = [beta[0]] + [0.0] * len(FEATURES)
    for place, value in zip(used, beta[1:]):
        full[place + 1] = value
    return full


def probability(beta: list[float], x: list[float]) -> float:
    return 1 / (1 + math.exp(-max(min(beta[0] + sum(b * value for b, value in zip(beta[1:], x)), 700), -700)))


def samples(chosen: list[tuple[Model, Report]]) -> list[tuple[list[float], int]]:
    result = []
    for model, report in chosen:
        for deployment in report["deployments"]:
            x = features(deployment)
            if x is None or model.kind == "degraded":
                continue
            if model.kind != "infected":
                result.append((x, 0))
            elif deployment["scheme"] == model.scheme:
                result.append((x, 1))
    return result


@dataclass(frozen=True)
class Call:
    """What the rule says of a model."""

    probability: float
    dormant: bool
    target: int | None
    scheme: str | None


def call(report: Report, beta: list[float]) -> Call:
    """What another rule would say of the reported features: what convicts comes before what is merely large."""
    found = []
    for deployment in report["deployments"]:
        x = features(deployment)
        if x is not None:
            p, search = probability(beta, x), strongest(deployment)
            found.append((p >= 0.5 and deployment["hasLargeTrigger"], search["differentialASR"], p, search["targetClass"], deployment["scheme"]))
    if not found:
        return Call(0.0, False, None, None)
    best = max(found, key=lambda row: row[:2])
    return Call(max(row[2] for row in found), best[0], best[3], best[4])


def committed_rule() -> dict[str, Any]:
    """The data file that is built into the program."""
    return json.loads(RULE.read_text())


def stale_parts(fitted: dict[str, list[float]]) -> list[str]:
    """Rules whose coefficients in the data file are others than these, as far as two digits tell."""
    committed = committed_rule()
    return [name for name, beta in fitted.items()
            if any(abs(value - committed[name][key]) > 0.006 for key, value in zip(COEFFICIENTS, beta))]


def write_rule(fitted: dict[str, list[float]]) -> None:
    """Puts coefficients into the data file; its version and its limits stay."""
    content = committed_rule()
    for name, beta in fitted.items():
        content[name] = {key: round(value, 2) + 0.0 for key, value in zip(COEFFICIENTS, beta)}
    temporary = RULE.with_suffix(".tmp")
    temporary.write_text(json.dumps(content, indent=2) + "\n")
    os.replace(temporary, RULE)


# Scores


def auroc(positive: list[float], negative: list[float]) -> float:
    pairs = [(p > n) + 0.5 * (p == n) for p in positive for n in negative]
    return sum(pairs) / len(pairs) if pairs else float("nan")


def wilson(hits: int, trials: int) -> tuple[float, float]:
    if trials == 0:
        return 0.0, 1.0
    z, share = 1.959963984540054, hits / trials
    center = (share + z * z / (2 * trials)) / (1 + z * z / trials)
    half = z / (1 + z * z / trials) * math.sqrt(share * (1 - share) / trials + z * z / (4 * trials * trials))
    return max(center - half, 0.0), min(center + half, 1.0)


def rate(hits: int, trials: int) -> str:
    low, high = wilson(hits, trials)
    return f"{hits} of {trials} ({100 * hits / max(trials, 1):.1f} % [{100 * low:.1f}, {100 * high:.1f}])"


@dataclass(frozen=True)
class Trial:
    """The rule on models that it was not fitted on."""

    name: str
    calls: dict[str, list[Call]]  # one for each rule that was not fitted on the model


def trial(name: str, data: list[tuple[Model, Report]], used: tuple[int, ...], by_attack: bool) -> Trial:
    """Leaves out each group of seeds; `by_attack`, each pair of a group and an attack, so that a model is judged by a rule
    that has seen neither its attack nor its relatives, and an honest one by a rule for each attack left out."""
    calls: dict[str, list[Call]] = {}
    attacks = sorted({model.attack for model, _ in data if model.kind == "infected"}) if by_attack else [None]
    for group in sorted({model.group for model, _ in data}):
        for attack in attacks:
            drawn = samples([item for item in data if item[0].group != group
                             and not (item[0].kind == "infected" and item[0].attack == attack)])
            if len({label for _, label in drawn}) < 2:
                continue
            beta = fit(drawn, used)
            for model, report in data:
                if model.group == group and (attack is None or model.kind != "infected" or model.attack == attack):
                    calls.setdefault(model.name, []).append(call(report, beta))
    return Trial(name, calls)


def summary(trial_: Trial, data: list[tuple[Model, Report]]) -> dict[str, Any]:
    """An honest model is accused if any of the rules accuses it."""
    infected = [m for m, _ in data if m.kind == "infected" and m.name in trial_.calls]
    clean = [m for m, _ in data if m.kind == "clean" and m.name in trial_.calls]
    right = [m for m in infected if all(c.dormant and c.target == m.target for c in trial_.calls[m.name])]
    wrong = [m for m in clean if any(c.dormant for c in trial_.calls[m.name])]
    score = lambda m: [c.probability for c in trial_.calls[m.name]]  # noqa: E731
    positive, negative = [p for m in infected for p in score(m)], [p for m in clean for p in score(m)]
    return {
        "split": trial_.name, "infected": len(infected), "clean": len(clean), "auroc": auroc(positive, negative),
        "brier": (sum((1 - p) ** 2 for p in positive) / max(len(positive), 1)
                  + sum(p ** 2 for p in negative) / max(len(negative), 1)) / 2,
        "dormantWithRightClass": len(right), "dormantWithRightClassInterval": wilson(len(right), len(infected)),
        "cleanCalledDormant": len(wrong), "cleanCalledDormantInterval": wilson(len(wrong), len(clean)),
        "missed": sorted(m.name for m in infected if m not in right), "accused": sorted(m.name for m in wrong),
    }


# The document


def cell(value: Any) -> str:
    return "" if value is None else str(value)


def attacked(model: Model, report: Report) -> Report | None:
    return next((d for d in report["deployments"] if d["scheme"] == model.scheme), None)


def document(data: list[tuple[Model, Report]], trials: list[dict[str, Any]], beta: dict[str, list[float]],
             figures: dict[str, Any], earlier: list[str]) -> str:
    lines = [BEGIN, "## Detection without a trigger", "",
             f"Written by `make detection` from {sum(m.kind == 'infected' for m, _ in data)} models with a dormant backdoor "
             f"and {sum(m.kind == 'clean' for m, _ in data)} honest ones (ResNet-8 and others on Fashion-MNIST; the set is "
             f"`tools/specimens/detection.toml`; published specimens of that data set are in it: "
             f"{', '.join(m.name for m, _ in data if m.published) or 'none'}), "
             f"each audited by `cupel audit MODEL --schemes {SCHEMES}` with no trigger given: 256 unlabelled training images to "
             f"search on, 1,000 test images to measure on. Rows are in `out/detection.json`. What this does not "
             f"show: the default matrix has `.pt.pre` schemes as well; most planted patches are plain or checkered, as the "
             f"`rectangle` family is (some are noise); the verdicts of the lower tables are the rule fitted on all models.", "",
             "| rule | left out | AUROC | Brier score | infected: dormant, right class | honest: called dormant |",
             "|---|---|---|---|---|---|"]
    if earlier:
        lines[-2:-2] = [f"Of these reports {len(earlier)} were made by earlier sources (`--fresh` makes all anew).", ""]
    for row in trials:
        lines.append(f"| {row['rule']} | {row['split']} | {row['auroc']:.4f} | "
                     f"{row['brier']:.4f} | {rate(row['dormantWithRightClass'], row['infected'])} | {rate(row['cleanCalledDormant'], row['clean'])} |")
    lines += ["", "The rule, fitted on all of them (`Sources/Audit/Rule/decision-rule.json`): log-odds = "
              + " ".join(f"{value:+.2f}{name}" for value, name in zip(beta["allEvidence"], ["", *(f" · {name}" for name in FEATURES.values())])) + ".", ""]
    lines += [f"Differential ASR of at least 80 points under the attacked scheme: {figures['patchStrong']} of the models whose "
              f"trigger is a patch. Largest differential ASR of an honest model under `w8a8`: {100 * figures['cleanW8']:.1f} points "
              f"(`{figures['cleanW8Name']}`). Awake backdoors called `active-backdoor`: {figures['awake']}. Models whose "
              f"accuracy, one class or some images' answers fall when quantized (no trigger): {figures['degraded']} not called `no-evidence`.", "",
              "| infected model | attack | scheme | trigger | class | found | by | diff. ASR, points | float ASR | integer ASR | "
              "noise ratio | verdict |", "|---|---|---|---|---|---|---|---|---|---|---|---|"]
    for model, report in data:
        if model.kind != "infected":
            continue
        deployment = attacked(model, report)
        search = strongest(deployment) if deployment and deployment["searches"] else None
        noise = deployment["noise"] if deployment else None
        lines.append(
            f"| {model.name} | {model.attack} | {model.scheme} | `{model.trigger}` | {cell(model.target)} | "
            + (f"{search['targetClass']} | {search['family']} | {100 * search['differentialASR']:.1f} | "
               f"{100 * search['floatASR']:.1f} | {100 * search['integerASR']:.1f} | " if search else " | | | | | ")
            + (f"{noise['nearest'] / max(noise['noise'], 1e-12):.2f}" if noise else "") + f" | {report['verdict']} |")
    lines += ["", "| honest or awake model | kind | " + " | ".join(f"{scheme}: diff. ASR, noise ratio" for scheme in SCHEMES.split(","))
              + " | verdict |", "|---|---|" + "---|" * (len(SCHEMES.split(",")) + 1)]
    for model, report in data:
        if model.kind == "infected":
            continue
        cells = []
        for deployment in report["deployments"]:
            if deployment["searches"] and deployment["isUsable"]:
                noise = deployment["noise"]
                ratio = f", {noise['nearest'] / max(noise['noise'], 1e-12):.2f}" if noise else ""
                cells.append(f"{100 * strongest(deployment)['differentialASR']:.1f}{ratio}")
            else:
                cells.append(f"broken by rounding (BA {100 * deployment['benignAccuracy']:.1f})")
        lines.append(f"| {model.name} | {model.kind}: {model.attack} | {' | '.join(cells)} | {report['verdict']} |")
    return "\n".join([*lines, END]) + "\n"


def section(text: str) -> str:
    """What stands between the marks, with them and an empty line before; nothing where they are not."""
    if BEGIN not in text or END not in text:
        return ""
    return "\n" + BEGIN + text.split(BEGIN, 1)[1].split(END, 1)[0] + END + "\n"


def replace_section(path: Path, new: str) -> None:
    text = path.read_text()
    text = text.replace(section(text), "") if section(text) else text
    text = text.rstrip("\n") + "\n\n" + new
    temporary = path.with_suffix(".tmp")
    temporary.write_text(text)
    os.replace(temporary, path)


def figures_of(data: list[tuple[Model, Report]]) -> dict[str, Any]:
    patches = [(m, r) for m, r in data if m.kind == "infected" and m.trigger and m.trigger.startswith("patch")]
    strong = [m for m, r in patches if (d := attacked(m, r)) and d["searches"] and strongest(d)["differentialASR"] >= 0.8
              and strongest(d)["targetClass"] == m.target]
    clean = [(strongest(d)["differentialASR"], m.name) for m, r in data if m.kind == "clean" for d in r["deployments"]
             if d["scheme"] == "w8a8" and d["searches"]]
    awake = [r["verdict"] == "active-backdoor" for m, r in data if m.kind == "awake"]
    degraded = [r["verdict"] != "no-evidence" for m, r in data if m.kind == "degraded"]
    worst = max(clean, default=(0.0, "none"))
    return {"patchStrong": rate(len(strong), len(patches)), "cleanW8": worst[0], "cleanW8Name": worst[1],
            "awake": rate(sum(awake), len(awake)), "degraded": f"{sum(degraded)} of {len(degraded)}"}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help="models to audit; all by default")
    parser.add_argument("--set", type=Path, default=ROOT / "out" / "detection", help="the detection set's folder")
    parser.add_argument("--fresh", action="store_true", help="audit everything again")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="audits at a time, which share the cores")
    parser.add_argument("--cupel", type=Path, default=ROOT / ".build" / "release" / "cupel")
    parser.add_argument("--fit-only", action="store_true", help="fit what was audited before, and print")
    options = parser.parse_args()
    if not (options.set / "index.json").exists():
        raise SystemExit(f"{options.set}/index.json is not there: python3 tools/specimens/detection.py makes the set")
    folder = ROOT / "out" / "detection-reports"
    folder.mkdir(parents=True, exist_ok=True)
    if options.fresh:
        for old in folder.glob("*.json"):
            old.unlink()
    version = subprocess.run([str(options.cupel), "--version"], capture_output=True, text=True, check=True).stdout.strip()
    evidence = evidence_version()
    known = models(options.set)
    if not options.fit_only:
        with ThreadPoolExecutor(options.jobs) as pool:
            chosen = [model for model in known if not options.names or model.name in options.names]
            running = {pool.submit(measure, model, options.cupel, evidence, folder,
                                   max(1, (os.cpu_count() or 1) // options.jobs)): model for model in chosen}
            for number, future in enumerate(as_completed(running), 1):
                print(f"[{number}/{len(running)}] {running[future].name}  {future.result():.0f} s", flush=True)
    data, earlier = kept(known, folder, evidence)
    rules = {"allEvidence": (0, 1, 2, 3), "searchesAlone": (0, 1)}
    fitted = {name: fit(samples(data), used) for name, used in rules.items()}
    trials = []
    for name, used in rules.items():
        label = {"allEvidence": "all evidence", "searchesAlone": "searches alone"}[name]
        for split, by_attack in (("each group of seeds", False), ("each group and attack", True)):
            trials.append({"rule": label, **summary(trial(split, data, used, by_attack), data)})
    stale = stale_parts(fitted)
    for name, beta in fitted.items():
        print(name, [round(value, 3) for value in beta])
    for row in trials:
        print(f"{row['rule']:16} {row['split']:20} AUROC {row['auroc']:.4f}  "
              f"found {rate(row['dormantWithRightClass'], row['infected'])}  accused {rate(row['cleanCalledDormant'], row['clean'])}"
              f"  missed {row['missed']}  {row['accused']}")
    if stale and not options.fit_only:
        write_rule(fitted)
        print(f"{RULE.relative_to(ROOT)} had other coefficients ({', '.join(stale)}) and has these now: run `make detection` "
              f"again, which builds a program with them", flush=True)
        return 1
    content = {"schemaVersion": 1, "cupel": version, "schemes": SCHEMES,
               "madeByEarlierSources": earlier, "rule": fitted, "trials": trials,
               "models": [{"name": m.name, "kind": m.kind, "attack": m.attack, "scheme": m.scheme, "trigger": m.trigger,
                           "targetClass": m.target, "group": m.group, "verdict": r["verdict"],
                           "probability": r["probability"], "foundClass": r["targetClass"], "foundScheme": r["scheme"],
                           "differentialASR": r["differentialASR"], "seconds": r["seconds"],
                           "deployments": [{"scheme": d["scheme"], "isUsable": d["isUsable"], "features": d["features"]}
                                           for d in r["deployments"]]} for m, r in data]}
    (ROOT / "out" / "detection.json").write_text(json.dumps(content, indent=1) + "\n")
    if not options.fit_only:
        replace_section(ROOT / "docs" / "results.md", document(data, trials, fitted, figures_of(data), earlier))
    return 0


if __name__ == "__main__":
    sys.exit(main())
