#!/usr/bin/env bash
# Whether two states of the sources make the same files: compiles, purifies, exports, imports and
# audits with the programs of both, on the same models, and compares every file that came out, and
# what was said, byte by byte.
#
# Runs through
# - every specimen in models/ under four schemes, exported as .tflite, ONNX and C; two purified;
# - networks that tests have recorded (Tests/ModelImportTests/Golden), imported and exported;
# - mlperf-tiny, mlperf-tiny-float and vendor-models of the folder that CUPEL_DATA names (default:
#   ../shared/data), integer models exported as above, float ones compiled on made-up images. Where
#   they are refused, the messages are compared;
# - an audit without a trigger of two specimens, with a fixed seed; times are left out of reports.
# CIFAR-10's specimens need its binary files in cifar10/ of that folder. What is not there is left
# out and named.
#
# usage: tools/same-bytes.sh OLD NEW
#   each a git commit, which is built in a temporary folder, or a folder with a release build.
#   Models are this checkout's. What OLD refused for an operator that NEW knows is counted apart: it has
#   no counterpart.
#   Exit status: 0 all equal, 1 something differs, 2 it could not run.
set -euo pipefail
export LC_ALL=C

fail() { echo "same-bytes: $*" >&2 && exit 2; }

[ $# -eq 2 ] || fail "usage: tools/same-bytes.sh OLD NEW, each a commit or a folder that is built"
caller=$PWD
cd "$(dirname "$0")/.."
root=$PWD
data=$(realpath -m "${CUPEL_DATA:-../shared/data}")
cores=$(nproc 2>/dev/null || echo 2)
work=$(mktemp -d)
trees=()
clean() {
  for tree in "${trees[@]}"; do git worktree remove --force "$tree"; done
  rm -rf "$work"
}
trap clean EXIT

# --- The two programs

# Builds what OLD or NEW names where it is a commit, and leaves the program's path in `program`.
build() { # NAME COMMIT-OR-FOLDER
  local folder=$2
  case $folder in /*) ;; *) folder=$caller/$folder ;; esac
  if [ -d "$folder" ]; then
    program=$(realpath "$folder")/.build/release/cupel
    [ -x "$program" ] || fail "$2: no release build there (swift build -c release)"
    return
  fi
  git rev-parse --quiet --verify "$2^{commit}" >/dev/null || fail "$2: neither a commit nor a folder"
  folder=$work/$1-sources
  git worktree add --quiet --detach "$folder" "$2"
  trees+=("$folder")
  echo "building $2" >&2
  "${SWIFT:-swift}" build --package-path "$folder" -c release --product cupel >"$work/build.log" 2>&1 ||
    { tail -20 "$work/build.log" >&2 && fail "$2 does not build"; }
  program=$folder/.build/release/cupel
}

# --- What is run. Each job works in a folder of its own; what the program says goes to NAME.said.

say() { # NAME ARGUMENT…: runs the program; times that it tells of are left out
  local name=$1 status=0
  shift
  "$cupel" "$@" >"$name.out" 2>"$name.err" || status=$?
  { sed -E 's/[0-9.]+ s( |$)/… s\1/g' "$name.out" && cat "$name.err" && echo "exit status $status"; } \
    >"$name.said"
  rm "$name.out" "$name.err"
  return $status
}

export_all() { # NAME: NAME.cupel to every format
  local format
  for format in tflite onnx c; do
    say "$1-$format" export "$1.cupel" --to $format -o "$1-export.$format" || true
  done
}

# Of what was said nothing but how it ended: tables of times differ from run to run.
only_status() { # NAME
  sed -i '/^exit status/!d' "$1.said"
}

compile() { # NAME ARGUMENT…
  local name=$1
  shift
  if say "$name" compile "$@" --threads 1 --quiet -o "$name.cupel"; then export_all "$name"; fi
}

specimen() { # MODEL SCHEME [IMAGES]
  compile "$2" "$1" --scheme "$2" --calibration 128 ${3:+--data "$3"}
}

purify() { # MODEL SCHEME
  say purified purify "$1" --scheme "$2" --calibration 256 --seed 7 --threads 1 --quiet \
    -o purified.cupel || true
  only_status purified
}

# An integer model under two profiles, and a float one under a scheme if its input's size is given.
import() { # MODEL [CHANNELS HEIGHT WIDTH]
  local profile
  say inspect inspect "$1" || true
  if [ $# -eq 4 ]; then
    made_up_images "$2" "$3" "$4"
    compile float "$1" --scheme w8a8 --data images --mean 0.5 --std 0.25 --calibration 8
    rm -r images
    return
  fi
  for profile in tflm litert-reference; do compile $profile "$1" --profile $profile; done
}

made_up_images() { # CHANNELS HEIGHT WIDTH: a specimen's bytes as pixels
  mkdir images
  local size=$(($1 * $2 * $3))
  head -c $((8 * size)) "$root/models/vgg11-cifar10-clean.onnx" >images/pixels
  head -c 8 /dev/zero >images/labels
  printf '{"channels": %d, "height": %d, "width": %d, "layout": "NCHW", "classes": 10,
    "train": {"images": "pixels", "labels": "labels"},
    "test": {"images": "pixels", "labels": "labels"}}' "$@" >images/dataset.json
}

audit() { # MODEL
  say audit audit "$1" --schemes w8a8,w4a4 --seed 7 --limit 300 --threads 1 --quiet \
    --json audit.json --sarif audit.sarif --cyclonedx audit.cdx.json || true
  only_status audit
}

# Runs one job, "FOLDER KIND ARGUMENT…", beneath the current folder.
job() {
  local folder=$1
  shift
  mkdir -p "$folder" && cd "$folder" && "$@"
}

# --- The jobs, one a line, the longest first

jobs() {
  local name model shape images
  for name in pq-w8a8 quanti-w4a4; do
    echo "audit/$name audit $root/models/resnet8-fmnist-$name.onnx"
    echo "purify/$name purify $root/models/resnet8-fmnist-$name.onnx ${name##*-}"
  done
  for model in models/*.onnx; do
    name=$(basename "$model" .onnx)
    images=
    case $name in *-cifar10-*)
      images=$data/cifar10
      [ -e "$images/test_batch.bin" ] || { missing "$name: no CIFAR-10 files" && continue; } ;;
    esac
    for scheme in w8a8 w4a8 w4a4 w8a8.pt.pre; do
      echo "specimens/$name specimen $root/$model $scheme $images"
    done
  done
  for model in Tests/ModelImportTests/Golden/*.onnx Tests/ModelImportTests/Golden/tflite/*.tflite; do
    echo "recorded/$(basename "$model") import $root/$model"
  done
  for folder in mlperf-tiny mlperf-tiny-float vendor-models; do
    [ -d "$data/$folder" ] || missing "$folder: not in $data"
    for model in "$data/$folder"/*.tflite "$data/$folder"/*.onnx; do
      [ ! -f "$model" ] || echo "$folder/$(basename "$model") import $model $(shape_of "$model")"
    done
  done
}

# Channels, height and width of the float models that are compiled.
shape_of() { # MODEL
  case $(basename "$1") in
    pretrainedResnet.tflite | ic01-resnet8.onnx) echo 3 32 32 ;;
    vww_96_float.tflite | vww01-mobilenetv1-0.25-96.onnx) echo 3 96 96 ;;
    imagenet-mobilenetv1-0.25-224.onnx) echo 3 224 224 ;;
    kws_ref_model_float32.tflite | kws01-dscnn.onnx) echo 1 49 10 ;;
  esac
}

missing() { echo "left out: $*" >&2; }

run() { # NAME PROGRAM
  mkdir "$work/$1"
  (
    cd "$work/$1"
    export cupel=$2 root
    export -f say only_status export_all compile specimen purify import made_up_images audit job
    xargs -d '\n' -P "$cores" -n 1 bash -euo pipefail -c 'job $1' job <"$work/jobs"
  ) || fail "a job could not be run"
}

# --- Comparing

# Two .cupel files that differ in nothing but that the new one's tables name their function: in the
# minor version, in the digest, and in parameters 0 to 2 of lookups (docs/format.md).
equal_but_for_named_tables() { # OLD NEW
  [ "$(stat -c %s "$1")" = "$(stat -c %s "$2")" ] || return 1
  { cmp -l "$1" "$2" || true; } | awk -v places="$(od -An -v -tu4 -w4 -j40 -N8 "$2" | tr -d '\n')" \
    -v kinds="$(od -An -v -tu1 -w1 "$2" | awk '$1 == 16 { printf "%d ", NR - 1 }')" '
    BEGIN {
      split(places, operations)
      split(kinds, sixteens, " ")
      for (index_ in sixteens) is_sixteen[sixteens[index_]] = 1
    }
    {
      at = $1 - 1
      record = int((at - operations[1]) / 96)
      start = operations[1] + 96 * record
      if (at == 10 || (at >= 96 && at < 128)) next
      if (at >= operations[1] && record < operations[2] && is_sixteen[start] &&
          at - start >= 32 && at - start < 44) next
      exit 1
    }'
}

# A report without its times and the tool's version, and what was computed from them.
steady() { # REPORT
  sed -E '/"(seconds|toolVersion|timestamp|serialNumber|bom-ref|version|semanticVersion)" ?:/d' "$1"
}

# Whether OLD refused a step for an operator that NEW knows, so that what it said, and what the step
# made, has no counterpart.
refused_before() { # STEP
  local old=$work/old/$1.said new=$work/new/$1.said form
  [ -e "$new" ] || return 1
  if [ ! -e "$old" ]; then return 0; fi
  form=$(sed -nE "s/.*unsupported operators: (.*)/\1/p" "$old" | sed -E "s/ at '.*//")
  [ -n "$form" ] && ! grep -qF "$form at '" "$new"
}

judge() { # FILE: a word for the table
  local old=$work/old/$1 new=$work/new/$1 step=${1%.*} format=${1##*.} program
  # NAME-export.FORMAT comes of the step NAME-FORMAT and of NAME.cupel.
  case $1 in
    *-export.*) program=${step%-export}.cupel && step=${step%-export}-${format/#h/c} ;;
  esac
  if cmp -s "$old" "$new"; then
    echo equal
  elif [ ! -e "$new" ]; then
    echo differs
  elif [ ! -e "$old" ] || [ "$format" = said ]; then
    { refused_before "$step" || exported_by_name "$step"; } && echo new || echo differs
  else
    case $1 in
      *.cupel) equal_but_for_named_tables "$old" "$new" && echo named || echo differs ;;
      *-export.c)  # The program's bytes.
        equal_but_for_named_tables "$work/old/$program" "$work/new/$program" &&
          echo named || echo differs ;;
      *.json | *.sarif) cmp -s <(steady "$old") <(steady "$new") && echo equal || echo differs ;;
      *) echo differs ;;
    esac
  fi
}

# Whether OLD could not export a program for a table, which names its function only in NEW.
exported_by_name() { # STEP
  grep -Eq "has no operator that does this|has no form between" "$work/old/$1.said" && grep -qx "exit status 0" "$work/new/$1.said"
}

build old "$1" && old=$program
build new "$2" && new=$program
jobs >"$work/jobs"
run old "$old"
run new "$new"

(cd "$work/old" && find . -type f && cd ../new && find . -type f) | sed 's,^\./,,' | sort -u |
  while read -r file; do echo "$(judge "$file") $file"; done >"$work/judged"

# A line a group and kind of file; then what differs, by name; then the sum.
awk '
  function kind(file) { sub(/.*\//, "", file); sub(/.*\./, "", file); return file }
  { group = $2; sub(/\/.*/, "", group)
    row = group SUBSEP kind($2)
    if (!(row in files)) order[++rows] = row
    files[row]++; count[row, $1]++; sum[$1]++ }
  $1 == "differs" { differing[++differences] = $2 }
  END {
    form = "%-18s  %-8s  %6s  %6s  %13s  %13s  %7s\n"
    printf form, "from", "file", "files", "equal", "but for names", "OLD refused", "differ"
    for (row = 1; row <= rows; row++) {
      split(order[row], name, SUBSEP)
      printf form, name[1], name[2], files[order[row]], count[order[row], "equal"] + 0,
        count[order[row], "named"] + 0, count[order[row], "new"] + 0,
        count[order[row], "differs"] + 0
    }
    for (each = 1; each <= differences; each++) print "differs: " differing[each]
    if (NR == 0) { print "nothing was made"; exit 1 }
    printf "%d files: %d equal, %d equal but for named tables, %d of what OLD refused, %d differ\n",
      NR, sum["equal"], sum["named"], sum["new"], sum["differs"]
    exit sum["differs"] > 0
  }' "$work/judged"
