#!/bin/sh
# Makes the virtual environment in which the peers of `make bench` live: tools/peers/.venv.
set -eu
cd "$(dirname "$0")"
python3 -m venv .venv
.venv/bin/pip install --quiet --requirement requirements.txt
echo "tools/peers/.venv is ready; 'make bench' now compares"
