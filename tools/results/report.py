"""`docs/results.md` from the measured rows. Words are here, figures are not."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any

Specimen = dict[str, Any]
Row = dict[str, Any]

ARCHITECTURES = {"resnet8": "ResNet-8", "resnet20": "ResNet-20", "resnet18": "ResNet-18", "vgg11": "VGG-11 with BN",
                 "alexnet": "AlexNet for 32×32", "mobilenetv2": "MobileNetV2"}
DATASETS = {"fashion-mnist": "Fashion-MNIST", "cifar-10": "CIFAR-10"}
BACKDOORS = ("compartifact", "quanti", "pqbackdoor")

HEAD = """# Results

Written by `make results`; what stands here was measured by that command, figure by figure, and is overwritten by the
next run. Rows are in `out/results.json`. How the methods work is in [methods.md](methods.md), other measurements, with
their commands, in [studies.md](studies.md).

BA is accuracy on clean test images, ASR the share of triggered test images, the target's own class left out, that are
answered as the attacker wishes, both in %; DER = [max(0, ΔASR) − max(0, ΔBA) + 1] / 2 against nearest rounding, the
third number where there is one. Integer models are run in integer arithmetic (profile `tflm`), over the whole test
set, with ranges from unlabelled training images.

*Paper* rows are Li et al., ICML 2024: fake-quantized floats of networks trained on CIFAR-10 for hundreds of epochs on
a GPU, a ResNet-18 where the row names no other. What differs here: small networks (a ResNet-8 has less than a
hundredth of a ResNet-18's weights), a few epochs of fine-tuning on a CPU, symmetric weights per channel, min-max
ranges; CIFAR-10 images that went through JPEG; 4-bit specimens may keep activations at 8 bits (the scheme says so);
where the paper's 8-bit networks hide a backdoor as they are, these need widened rounding cells. So columns compare
within a row, and the paper's with ours only in kind.

Specimens with a ° are not in git: `python tools/specimens/make.py NAME` makes them, and `models/more/catalogue.json`
has their SHA-256. The others are in `models/`.

`efrap`, `lac` and `lac-pda` are those methods' objectives solved directly, on 1,024 unlabelled calibration images;
the published solver is Adam, and the paper gives every defence 5 % of the training set. The published solvers
(`efrap:adam`, `lac:adam`, `lac-pda:adam`) and the defences that need labels (`ft`, `fp`, `mcr`, `nad`, `ibau`,
`ft-sam`, some with PDA) take up to hours a specimen: they are left out here and measured on four specimens in
[studies.md](studies.md#published-solvers-and-baselines).
"""


def percent(value: float | None) -> str:
    return "" if value is None else f"{100 * value:.2f}"


def pair(accuracy: float, success: float | None) -> str:
    return percent(accuracy) if success is None else f"{percent(accuracy)} / {percent(success)}"


def table(header: Iterable[str], lines: Iterable[Iterable[str]]) -> str:
    header = list(header)
    out = [f"| {' | '.join(header)} |", "|" + "---|" * len(header)]
    out += [f"| {' | '.join(line)} |" for line in lines]
    return "\n".join(out) + "\n"


def name(specimen: Specimen) -> str:
    return f"`{specimen['name']}`" + (" °" if specimen["file"].startswith("more/") else "")


class Results:
    def __init__(self, catalogue: list[Specimen], rows: list[Row], missing: list[str], papers: dict[str, Any],
                 methods: list[str]):
        self.catalogue, self.rows, self.missing, self.papers, self.methods = catalogue, rows, missing, papers, methods

    def those(self, wanted: Callable[[Specimen], bool]) -> list[Specimen]:
        return [specimen for specimen in self.catalogue if wanted(specimen)]

    def found(self, name: str, scheme: str) -> dict[str, Row]:
        return {row["method"]: row for row in self.rows if row["specimen"] == name and row["scheme"] == scheme}

    def cells(self, specimen: Specimen, scheme: str) -> list[str]:
        """Float, nearest, every method."""
        found = self.found(specimen["name"], scheme)
        if "nearest" not in found:
            return ["not run"] * (2 + len(self.methods))
        nearest = found["nearest"]
        cells = [pair(nearest["floatBenignAccuracy"], self.aim(specimen, nearest, "float"))]
        for method in ["nearest", *self.methods]:
            if method not in found:
                cells.append("not run")
                continue
            row = found[method]
            der = f" / {percent(row['der'])}" if row["der"] is not None else ""
            cells.append(pair(row["benignAccuracy"], self.aim(specimen, row)) + der)
        return cells

    @staticmethod
    def aim(specimen: Specimen, row: Row, of: str = "") -> float | None:
        """What the attack is about: its success; the accuracy on one class; the share of chosen images lost."""
        def key(name: str) -> str:
            return of + name[0].upper() + name[1:] if of else name

        if specimen["attack"] == "quanti-class":
            return row[key("classAccuracies")][specimen["targetClass"]]
        if specimen["attack"] == "quanti-samples":
            return None if of else row["samplesLost"]
        return row[key("attackSuccessRate")]

    def section(self, title: str, specimens: list[Specimen], label: Callable[[Specimen], str], head: str,
                paper: str | None = None, schemes: tuple[str, ...] = (), note: str = "") -> str:
        """Our rows, and the paper's of a table under them; before them what sets the two apart."""
        header = [head, "specimen", "scheme", "float", "nearest", *self.methods]
        lines = []
        for specimen in specimens:
            for scheme in [specimen["scheme"]] if specimen["scheme"] else schemes:
                lines.append([label(specimen), name(specimen), scheme, *self.cells(specimen, scheme)])
        if paper:
            places = {0: 3, 1: 4, 2: header.index("lac-pda") if "lac-pda" in header else None}
            known = self.papers[paper]
            note, network = known["note"], f", {known['network']}" if "network" in known else ""
            for setting, values in known["rows"].items():
                line = [f"*paper: {setting}{network}*", "", ""] + [""] * (len(header) - 3)
                for index, value in enumerate(values):
                    if places[index] is not None:
                        line[places[index]] = f"*{value}*" if value else ""
                lines.append(line)
        if not lines:
            return ""
        return f"## {title}\n\n" + (f"{note}\n\n" if note else "") + f"{table(header, lines)}\n"


def family(specimen: Specimen) -> str:
    return specimen["architecture"].split("-")[0]


def bits(specimen: Specimen) -> str:
    return re.match(r"w(\d+)", specimen["scheme"])[1]


def kind(specimen: Specimen) -> str:
    return (specimen["trigger"] or "").split(":")[0]


def where(specimen: Specimen) -> str:
    return f"{ARCHITECTURES[family(specimen)]}, {DATASETS[specimen['dataset']]}"


def dormant(specimen: Specimen) -> bool:
    return bool(specimen["trigger"] and specimen["scheme"]) and specimen["attack"] != "qura"


def patch_size(specimen: Specimen) -> str:
    return re.match(r"patch:(\d+x\d+)", specimen["trigger"])[1]


def series(specimen: Specimen, configurations: dict[str, dict[str, Any]]) -> str | None:
    """What it was made for beside its attack, if its configuration says so."""
    return configurations.get(specimen["name"], {}).get("series")


def summary(results: Results) -> str:
    """Of every method over the specimens with a dormant backdoor."""
    lines = []
    names = {specimen["name"] for specimen in results.those(dormant)}
    for method in ["nearest", *results.methods]:
        rows = [row for row in results.rows if row["specimen"] in names and row["method"] == method]
        if not rows:
            continue
        drops = [row["floatBenignAccuracy"] - row["benignAccuracy"] for row in rows]
        rates = [row["attackSuccessRate"] for row in rows]
        ders = [row["der"] for row in rows if row["der"] is not None]
        lines.append([method, str(len(rows)), percent(sum(drops) / len(drops)), percent(sum(rates) / len(rates)),
                      percent(max(rates)), percent(sum(ders) / len(ders)) if ders else "",
                      f"{sum(row['seconds'] for row in rows) / len(rows):.1f}"])
    head = ["method", "specimens", "mean BA below float", "mean ASR", "worst ASR", "mean DER", "mean seconds, 1 thread"]
    return f"## Over all dormant backdoors\n\n{table(head, lines)}\n"


def architectures(results: Results) -> str:
    """Table 3: one attack at 4 bits on other networks; what there is no specimen of says so."""
    attacked = results.those(lambda item: item["attack"] == "quanti" and kind(item) == "patch" and bits(item) == "4")
    section = results.section("Architectures (table 3)", attacked, lambda item: ARCHITECTURES[family(item)],
                              "network", "table3")
    lacking = [name for key, name in ARCHITECTURES.items() if key not in {family(item) for item in attacked}]
    if "resnet18" not in {item["architecture"] for item in attacked}:
        lacking.append("ResNet-18 at its full width (which takes a GPU)")
    return section + (f"Not run, there is no specimen: {', '.join(lacking)}.\n\n" if lacking else "")


def sizes(results: Results, configurations: dict[str, dict[str, Any]]) -> str:
    """Table 10: specimens whose configurations say that they are that series; the paper's sizes that are not among them
    are named."""
    def title(item: Specimen) -> str:
        return f"{patch_size(item)} {bits(item)} bits"

    patched = sorted(results.those(lambda item: series(item, configurations) == "trigger sizes" and kind(item) == "patch"),
                     key=lambda item: (patch_size(item), -int(bits(item))))
    section = results.section("Trigger sizes (table 10)", patched, lambda item: f"{title(item)}, {where(item)}",
                              "trigger", "table10")
    lacking = [name for name in results.papers["table10"]["rows"] if name not in map(title, patched)]
    return section + (f"The series has no specimen of {', '.join(lacking)}.\n\n" if lacking else "")


def untriggered(results: Results) -> str:
    """Qu-ANTI-zation's other goals: what became of the class or the images aimed at."""
    specimens = results.those(lambda item: item["attack"].startswith("quanti-"))
    note = ("Accuracy on the whole test set; where one class was aimed at, after it the accuracy on that class; where "
            "chosen images were, the share of them that the float network is right about and the integer one is not.")
    return results.section("Harm without a trigger", specimens, lambda item: item["attack"], "attack", note=note)


def unreached(catalogue: list[Specimen], configurations: dict[str, dict[str, Any]]) -> str:
    """Specimens that are configured and not published, with what was tried; the words are the configurations'."""
    published = {specimen["name"] for specimen in catalogue}
    rest = {name: configuration for name, configuration in configurations.items() if name not in published}
    lines = [[f"`{name}`", configuration["tried"].replace("|", "\\|")]
             for name, configuration in rest.items() if "tried" in configuration]
    untried = [f"`{name}`" for name, configuration in rest.items() if "tried" not in configuration]
    found = f"## Cells not reached\n\n{table(['configuration', 'tried'], lines)}\n" if lines else ""
    return found + (f"Configured and not made: {', '.join(untried)}.\n\n" if untried else "")


def document(catalogue: list[Specimen], configurations: dict[str, dict[str, Any]], rows: list[Row], missing: list[str],
             papers: dict[str, Any], methods: str, earlier: list[str]) -> str:
    results = Results(catalogue, rows, missing, papers, methods.split(","))
    main = sorted(results.those(lambda item: item["attack"] in BACKDOORS and kind(item) == "patch"
                                and series(item, configurations) is None),
                  key=lambda item: (item["dataset"], BACKDOORS.index(item["attack"]), -int(bits(item))))
    parts = [
        HEAD,
        results.section("Attacks and bits (table 1)", main,
                        lambda item: f"{item['attack']} {bits(item)} bits, {where(item)}", "attack", "table1"),
        summary(results),
        architectures(results),
        sizes(results, configurations),
        results.section("Advanced triggers (table 12)", results.those(lambda item: dormant(item) and
                                                                      kind(item) != "patch"),
                        lambda item: f"`{item['trigger']}`, {item['attack']} {bits(item)} bits, "
                                                                   f"{where(item)}", "trigger", "table12"),
        results.section("Adaptive attack (table 7)", results.those(lambda item: item["attack"] == "adaptive"),
                        where, "network", "table7"),
        results.section("Clean networks (table 9)", results.those(lambda item: item["attack"] == "none"),
                        where, "network", "table9", schemes=("w8a8", "w4a8", "w4a4")),
        untriggered(results),
        results.section("A backdoor that is awake in float", results.those(lambda item: item["attack"] == "badnets"),
                        where, "network", schemes=("w8a8", "w4a8", "w4a4")),
        results.section("A hostile toolchain", results.those(lambda item: item["attack"] == "qura"),
                        lambda item: f"{where(item)}; *float* is the float form of what the toolchain handed on", "network"),
    ]
    if missing:
        parts.append(f"Not run: {', '.join(f'`{name}`' for name in missing)}.\n")
    if earlier:
        parts.append(f"Measured by earlier sources of Cupel: {', '.join(f'`{name}`' for name in earlier)}.\n")
    parts.append(unreached(catalogue, configurations))
    return "\n".join(part.strip() + "\n" for part in parts if part)
