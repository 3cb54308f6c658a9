#!/usr/bin/env bash
# Has other programs look at what Cupel signs, and Cupel at what they sign: PyPI's model-signing, the
# reference implementation of OpenSSF Model Signing, and securesystemslib, that of DSSE.
#
#   tools/attestation/check.sh [FOLDER]
set -euo pipefail
cd "$(dirname "$0")/../.."

place=$(realpath -m "${1:-out/attestation}")
cupel=$(realpath "${CUPEL:-.build/release/cupel}")
python=tools/attestation/.venv/bin
model=models/resnet8-fmnist-clean-a.onnx

tools/install-dependencies.sh python3-venv openssl
if [ ! -x "$python/model_signing" ]; then
  python3 -m venv tools/attestation/.venv
  "$python/pip" install --quiet --disable-pip-version-check -r tools/attestation/requirements.txt
fi
rm -rf "$place"
mkdir -p "$place/vendor"
openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$place/key.pem"
openssl pkey -in "$place/key.pem" -pubout -out "$place/key.pub"
openssl genpkey -algorithm ed25519 -out "$place/ed.pem"
openssl pkey -in "$place/ed.pem" -pubout -out "$place/ed.pub"

audit() {
  local expected=$1 status=0
  shift
  "$cupel" audit "$@" --catalogue models/catalogue.json --trigger patch:6x6@bottom-right:white \
    --target 0 --schemes w8a8 --limit 50 --calibration 16 --quiet >/dev/null || status=$?
  [ "$status" -eq "$expected" ] || { echo "audit $*: $status, not $expected" >&2; exit 1; }
}

echo "the reference implementation verifies what Cupel signs"
cp "$model" "$place/one.onnx"
"$cupel" sign "$place/one.onnx" --key "$place/key.pem" -o "$place/one.sig"
"$python/model_signing" verify key --public_key "$place/key.pub" --signature "$place/one.sig" \
  "$place/one.onnx"
printf x >>"$place/one.onnx"
if "$python/model_signing" verify key --public_key "$place/key.pub" \
  --signature "$place/one.sig" "$place/one.onnx" >/dev/null 2>&1; then
  echo "a changed file was verified" >&2
  exit 1
fi

echo "Cupel verifies what the reference implementation signs"
cp "$model" "$place/vendor/model.onnx"
echo notes >"$place/vendor/notes.txt"
"$python/model_signing" sign key --private_key "$place/key.pem" \
  --signature "$place/vendor/model.sig" "$place/vendor"
signed=(--model-signature "$place/vendor/model.sig" --model-key "$place/key.pub" --require-signed)
audit 2 "$place/vendor/model.onnx" "${signed[@]}" --json "$place/audit.json"
grep -q signedBy "$place/audit.json"
echo changed >>"$place/vendor/notes.txt"
audit 65 "$place/vendor/model.onnx" "${signed[@]}"

echo "securesystemslib verifies the envelopes that Cupel signs"
for key in key ed; do
  audit 2 "$model" --attest "$place/$key.pem" --attestation "$place/$key.json"
  "$cupel" verify "$place/$key.json" --key "$place/$key.pub" "$model"
  "$python/python" - "$place/$key.json" "$place/$key.pub" <<'PYTHON'
import json, sys
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from securesystemslib.dsse import Envelope
from securesystemslib.signer import SSlibKey
envelope = Envelope.from_dict(json.load(open(sys.argv[1])))
identifier = next(iter(envelope.signatures))
key = SSlibKey.from_crypto(load_pem_public_key(open(sys.argv[2], "rb").read()), keyid=identifier)
envelope.verify([key], 1)
statement = json.loads(envelope.payload)
assert statement["_type"] == "https://in-toto.io/Statement/v1"
assert statement["predicate"]["result"] in ("WARNED", "PASSED", "FAILED")
print("verified:", statement["predicate"]["result"])
PYTHON
done
