#!/usr/bin/env bash
# Everything that only a GPU can tell, on a Linux x64 machine with an NVIDIA driver and nothing else: no Node, no network.
#
# In the folder that `node tooling/gpu/pack.mjs` packs:   ./gpu.sh [FOLDER_FOR_RESULTS]
#
# Runs, several at a time: the conformance suite (and again under compute-sanitizer's memcheck and racecheck where there is one), parity
# with wasm and float64, the reference traces of PyTorch, and a run of each model that is killed and resumed (the same bits as one that is
# not?); then one after the other the case study's comparison, the recipes, and the speed beside PyTorch. Prints one table of what held and
# one of seconds per epoch, and writes both to the results.
#
# MODELS="linear cnn" names the models, JOBS how many checks run at a time, ROUNDS and EPOCHS the length of the speed comparison;
# SKIP_CHECKS=1 and SKIP_SPEED=1 leave a part out; PROFILE=1 writes the kernels' times, by Nsight Compute where it is here.
set -uo pipefail
here=$(cd "$(dirname "$0")" && pwd)
out=${1:-${OUT:-$here/results}}
mkdir -p "$out/logs"
if [ ! -x "$here/node" ]; then
  xz -dc "$here/node.xz" >"$here/node" 2>/dev/null ||
    python3 -c "import lzma, shutil, sys; shutil.copyfileobj(lzma.open(sys.argv[1]), open(sys.argv[2], 'wb'))" "$here/node.xz" "$here/node" || exit 1
  chmod +x "$here/node"
fi
node=$here/node
runs=$(mktemp -d)
models=${MODELS:-linear two-layer cnn mlp lenet-5 cnn-batch-norm pytorch-example sprint champion}
digitlab=("$node" "$here/digitlab.mjs")
train=("${digitlab[@]}" train --dataset mnist --data-dir "$here/data" --backend cuda --no-report)

# check NAME COMMAND...: runs it, keeps what it says, notes whether it held
check() {
  local name=$1 log=$out/logs/${1//[^a-zA-Z0-9-]/-}.log from=$SECONDS held=FAIL
  shift
  if "$@" >"$log" 2>&1; then held=pass; fi
  echo "$held  $name  $(grep -v '^$' "$log" | tr '\r' '\n' | tail -n 1)" >"$log.held"
  echo "$(cat "$log.held")  ($((SECONDS - from)) s)"
}

jobs_at_a_time=${JOBS:-$(($(nproc) > 3 ? $(nproc) - 2 : 1))}
# beside NAME COMMAND...: a check beside others
beside() {
  while [ "$(jobs -rp | wc -l)" -ge "$jobs_at_a_time" ]; do wait -n; done
  check "$@" &
}

sanitized() { compute-sanitizer --tool "$1" --error-exitcode 1 --target-processes all "$node" "$here/dist/conformance.js"; }

# A run that is killed, resumed, and compared with one that is not.
resumed() {
  local model=$1 whole=$runs/$1-whole cut=$runs/$1-cut running
  "${train[@]}" --no-recipe --model "$model" --epochs 4 --out "$whole" --quiet || return 1
  "${train[@]}" --no-recipe --model "$model" --epochs 4 --out "$cut" --checkpoint-every 200 --quiet &
  running=$!
  until [ -e "$cut/checkpoint/checkpoint.safetensors" ]; do
    kill -0 "$running" 2>/dev/null || break
    sleep 0.01
  done
  kill -KILL "$running" 2>/dev/null || { echo "it was over before it could be killed"; return 1; }
  wait "$running" 2>/dev/null
  "${digitlab[@]}" train --resume "$cut" --quiet || return 1
  cmp "$whole/weights.safetensors" "$cut/weights.safetensors" && echo "killed and resumed: the same bits"
}

# What a user waits for: the case study's models one after another, five epochs each.
comparison() {
  "${digitlab[@]}" compare --dataset mnist --data-dir "$here/data" --backend cuda --epochs 5 --out "$runs/comparison" --json >"$out/comparison.json" ||
    return 1
  "$node" -e '
    const { runs } = JSON.parse(require("node:fs").readFileSync(process.argv[1], "utf8"))
    const of = (part) => runs.reduce((sum, { timing }) => sum + timing[part], 0).toFixed(2)
    console.log(`${runs.length} models, five epochs each: ${of("trainSeconds")} s of training, ${of("evaluationSeconds")} s of evaluation`)
  ' "$out/comparison.json"
}

# A model by its own recipe: how good, in how many seconds.
recipe() {
  "${train[@]}" --model "$1" --image-workers 8 --out "$runs/recipe-$1" --json >"$out/recipe-$1.json" || return 1
  "$node" -e '
    const { run } = JSON.parse(require("node:fs").readFileSync(process.argv[1], "utf8"))
    const { timing, history, metrics } = run
    const accuracy = (100 * metrics.accuracy).toFixed(2)
    console.log(`${accuracy} % after ${history.epochs.length} epochs, ${timing.trainSeconds.toFixed(2)} s of training`)
  ' "$out/recipe-$1.json"
}

# The kernels of a model's first steps, with their microseconds.
kernels_of() {
  ncu --clock-control none --cache-control none --target-processes all --metrics gpu__time_duration.sum,launch__grid_size,launch__block_size \
    --csv --launch-count "${LAUNCHES:-100}" "${train[@]}" \
    --no-recipe --model "$1" --epochs 1 --out "$runs/profile-$1" --quiet
}

{ nvidia-smi 2>/dev/null || echo "nvidia-smi is not here"; } | tee "$out/nvidia-smi.txt"
nvidia-smi --query-gpu=name,driver_version --format=csv,noheader >"$out/gpu.txt" 2>/dev/null
grep -m 1 'model name' /proc/cpuinfo | sed 's/.*: //' >"$out/processor.txt"
cp "$here/packed.json" "$out"
"${digitlab[@]}" backends | tee "$out/backends.txt"

if [ -z "${SKIP_CHECKS:-}" ]; then
  beside "conformance" "$node" "$here/dist/conformance.js"
  if command -v compute-sanitizer >/dev/null; then
    for tool in memcheck racecheck; do beside "conformance, $tool" sanitized "$tool"; done
  fi
  for model in $models; do
    beside "resumed $model" resumed "$model"
    beside "parity $model" "${digitlab[@]}" parity --model "$model" --dataset mnist --data-dir "$here/data" --backends cuda,wasm
  done
  for trace in "$here"/golden/*.json "$here"/golden/*/*.json; do
    name=$(basename "$trace" .json)
    # Of models that were named, their own alone.
    case " ${MODELS:-${name%-seed*}} " in *" ${name%-seed*} "*) ;; *) continue ;; esac
    if [ -e "$trace" ]; then
      beside "trace $name" "${digitlab[@]}" parity --reference "$trace" --data-dir "$here/data" --backends cuda
    fi
  done
  beside "TF32" "${train[@]}" --model cnn --tf32 --epochs 1 --out "$runs/tf32"
  wait
fi
if [ -z "${SKIP_SPEED:-}" ]; then
  check "comparison" comparison
  for model in ${RECIPES-champion sprint pytorch-example}; do check "recipe $model" recipe "$model"; done
  check "speed" "$node" "$here/speed.mjs" "$here/data" "$out" "${ROUNDS:-3}" "${EPOCHS:-3}" "$models"
fi
if [ -n "${PROFILE:-}" ]; then
  for model in $models; do check "kernels $model" kernels_of "$model"; done
fi

{
  echo
  "${digitlab[@]}" backends | grep '^cuda'
  cat "$out"/logs/*.held
  if [ -e "$out/speed.txt" ]; then
    echo
    cat "$out/speed.txt"
  fi
} | tee "$out/table.txt"
rm -rf "$runs"
if grep -q '^FAIL' "$out"/logs/*.held; then exit 1; fi
