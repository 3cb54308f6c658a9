#!/usr/bin/env bash
# Writes the tests' reports and has other programs look at them: the standards' schemas, and a browser.
#
#   tools/reports/check.sh [FOLDER]
set -euo pipefail
cd "$(dirname "$0")/../.."

reports=${1:-out/reports}
python=tools/reports/.venv/bin/python

tools/install-dependencies.sh chromium python3-venv
[ -e tools/reports/.venv/sarif-2.1.0.schema.json ] || tools/reports/setup.sh
rm -rf "$reports"
CUPEL_REPORTS=$(realpath -m "$reports") "${SWIFT:-swift}" test -c release --disable-testable-imports \
  --filter AuditReportsTests.HTMLReportTests
$python tools/reports/validate.py "$reports"
$python tools/reports/render.py "$reports" --pictures "$reports/pictures"
