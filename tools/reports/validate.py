"""Validates an audit's reports against the standards' schemas.

    tools/reports/.venv/bin/python tools/reports/validate.py FOLDER

    *.json      docs/schemas/detection-report-2.schema.json (JSON Schema 2020-12)
    *.sarif     SARIF 2.1.0 (OASIS)
    *.cdx.json  CycloneDX 1.7, strictly

`tools/reports/setup.sh` installs what it needs. Exits with status 1 and a line for each fault.
"""

import json
import sys
from pathlib import Path

import jsonschema
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

HERE = Path(__file__).resolve().parent
OWN = HERE.parents[1] / "docs/schemas/detection-report-2.schema.json"
SARIF = HERE / ".venv/sarif-2.1.0.schema.json"


def validator(path: Path) -> jsonschema.protocols.Validator:
    schema = json.loads(path.read_text())
    kind = jsonschema.validators.validator_for(schema)
    kind.check_schema(schema)
    return kind(schema, format_checker=kind.FORMAT_CHECKER)


def faults(found) -> list[str]:
    return [f"{error.json_path}: {error.message[:200]}" for error in found]


def check(path: Path, own, sarif, cyclonedx) -> tuple[str, list[str]]:
    text = path.read_text()
    if path.name.endswith(".cdx.json"):
        error = cyclonedx.validate_str(text)
        return "CycloneDX 1.7", [str(error)[:400]] if error else []
    if path.suffix == ".sarif":
        return "SARIF 2.1.0", faults(sarif.iter_errors(json.loads(text)))
    return "detection report 2", faults(own.iter_errors(json.loads(text)))


def refuses(own, sarif, cyclonedx, folder: Path) -> list[str]:
    """Whether each validator finds fault with a document that has one: a check that cannot fail checks nothing."""
    report = json.loads((folder / "report.json").read_text())
    del report["digest"]
    log = json.loads((folder / "report.sarif").read_text())
    log["runs"][0]["results"][0]["level"] = "fatal"
    bom = json.loads((folder / "report.cdx.json").read_text())
    bom["components"][0]["type"] = "model"
    missed = []
    if not list(own.iter_errors(report)):
        missed.append("a report without a digest passes")
    if not list(sarif.iter_errors(log)):
        missed.append("a SARIF level that does not exist passes")
    if not cyclonedx.validate_str(json.dumps(bom)):
        missed.append("a CycloneDX component of no known type passes")
    return missed


def main(folder: Path) -> int:
    own, sarif, cyclonedx = validator(OWN), validator(SARIF), JsonStrictValidator(SchemaVersion.V1_7)
    paths = sorted([*folder.glob("*.json"), *folder.glob("*.sarif")])
    kinds, failed = set(), False
    for path in paths:
        kind, found = check(path, own, sarif, cyclonedx)
        kinds.add(kind)
        failed = failed or bool(found)
        print(f"{path}: {'valid' if not found else 'NOT VALID'} ({kind})")
        for fault in found[:10]:
            print(f"  {fault}")
    if len(kinds) < 3:
        print(f"{folder} has only reports of {sorted(kinds)}", file=sys.stderr)
        return 1
    missed = refuses(own, sarif, cyclonedx, folder)
    for fault in missed:
        print(fault, file=sys.stderr)
    return int(failed or bool(missed))


if __name__ == "__main__":
    if len(sys.argv) != 2:
        raise SystemExit(__doc__)
    sys.exit(main(Path(sys.argv[1])))
