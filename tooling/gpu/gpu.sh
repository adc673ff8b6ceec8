#!/usr/bin/env bash
# Everything that only a GPU can tell, on a Linux x64 machine with an NVIDIA driver and nothing else: no Node, no network.
#
# In the folder that `node tooling/gpu/pack.mjs` packs:   ./gpu.sh [FOLDER_FOR_RESULTS]
#
# Runs the conformance suite, parity with wasm and float64, the reference traces of PyTorch, a run twice (the same bits?), the case
# study's comparison of five epochs, and the speed comparison; prints one table of what held and one of seconds per epoch, and writes both to the results.
# ROUNDS and EPOCHS shorten the speed comparison, SKIP_SPEED=1 leaves it out; MODELS="linear cnn" names the models to compare.
set -uo pipefail
here=$(cd "$(dirname "$0")" && pwd)
out=${1:-${OUT:-$here/results}}
mkdir -p "$out"
if [ ! -x "$here/node" ]; then
  gunzip -c "$here/node.gz" >"$here/node" && chmod +x "$here/node" || exit 1
fi
node=$here/node
digitlab() { "$node" "$here/digitlab.mjs" "$@"; }

summary=()
failures=0
# check NAME COMMAND...: runs it, keeps what it says, notes whether it held
check() {
  local name=$1 log=$out/${1//[^a-zA-Z0-9-]/-}.log
  shift
  echo "== $name"
  if "$@" >"$log" 2>&1; then
    summary+=("pass  $name  $(tail -n 1 "$log")")
  else
    summary+=("FAIL  $name  $(grep -v '^$' "$log" | tail -n 1)")
    failures=$((failures + 1))
  fi
  tail -n 3 "$log"
}

same_bits() {
  local run
  for run in first second; do
    rm -rf "$out/bits-$run"
    digitlab train --model "${models##* }" --dataset mnist --data-dir "$here/data" --backend cuda --epochs 1 --out "$out/bits-$run" || return 1
  done
  cmp "$out/bits-first/weights.safetensors" "$out/bits-second/weights.safetensors" && echo "two runs, the same bits"
}

# What a user waits for: the models one after another, five epochs each.
comparison() {
  rm -rf "$out/comparison"
  digitlab compare --models "${models// /,}" --dataset mnist --data-dir "$here/data" --backend cuda --epochs 5 \
    --out "$out/comparison" --json >"$out/comparison.json" || return 1
  "$node" -e '
    const { runs } = JSON.parse(require("node:fs").readFileSync(process.argv[1], "utf8"))
    const of = (part) => runs.reduce((sum, { timing }) => sum + timing[part], 0).toFixed(2)
    console.log(`${runs.length} models, five epochs each: ${of("trainSeconds")} s of training, ${of("evaluationSeconds")} s of evaluation`)
  ' "$out/comparison.json"
}

{ nvidia-smi 2>/dev/null || echo "nvidia-smi is not here"; } | tee "$out/nvidia-smi.txt"
digitlab backends | tee "$out/backends.txt"

check "conformance" "$node" "$here/dist/conformance.js"
models=${MODELS:-linear two-layer cnn}
for model in $models; do
  check "parity $model" digitlab parity --model "$model" --dataset mnist --data-dir "$here/data" --backends cuda,wasm
done
for trace in "$here"/golden/*.json; do
  name=$(basename "$trace" .json)
  case " $models " in *" ${name%-seed*} "*) ;; *) continue ;; esac
  check "trace $name" digitlab parity --reference "$trace" --data-dir "$here/data" --backends cuda
done
check "the same bits" same_bits
check "comparison" comparison
if [ -z "${SKIP_SPEED:-}" ]; then
  check "speed" "$node" "$here/speed.mjs" "$here/data" "$out" "${ROUNDS:-3}" "${EPOCHS:-6}" "$models"
fi

{
  echo
  digitlab backends | grep '^cuda'
  printf '%s\n' "${summary[@]}"
  if [ -e "$out/speed.txt" ]; then
    echo
    cat "$out/speed.txt"
  fi
} | tee "$out/table.txt"
exit $((failures > 0))
