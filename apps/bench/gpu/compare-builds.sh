#!/bin/bash
# Times two versions of the native engine against each other on a GPU host, in turn, and checks that their results are equal.
#
#     bash apps/bench/gpu/compare-builds.sh BEFORE AFTER PROGRAMS OUT [TRACES.tgz]
#
# BEFORE, AFTER: two versions of packages/gpu-backend/native, built here. PROGRAMS: a folder of compiled programs (programs.ts).
# Writes OUT/compare.json: per model, route and batch the medians of both and their ratio. With TRACES (record-traces.ts) AFTER
# is checked first, and nothing is timed when a trace fails. ROUNDS (default 3), MODELS (default rmc2), ROUTES, BATCHES, BUDGET (MiB).
set -euo pipefail
before=$1 after=$2 programs=$3
mkdir -p "$4"
out=$(cd "$4" && pwd)
here=$(cd "$(dirname "$0")" && pwd)
scratch=${SCRATCH:-/tmp}/fae-compare
mkdir -p "$scratch"

build() { # SOURCE NAME TARGET...
  cmake -S "$1" -B "$scratch/$2" -DCMAKE_BUILD_TYPE=Release -DFAE_CUDA=ON -DFAE_CUDA_TOOLS=ON -DFAE_CUDA_ARCHITECTURES=90-real > "$scratch/$2.log" 2>&1
  cmake --build "$scratch/$2" --parallel "$(nproc)" --target "${@:3}" >> "$scratch/$2.log" 2>&1 || { tail -40 "$scratch/$2.log"; exit 1; }
}
build "$before" before step_bench &
build "$after" after step_bench trace_check rows_check
wait $!
echo "built in ${SECONDS} s"

if [ -n "${5:-}" ]; then
  mkdir -p "$scratch/traces" && tar xzf "$5" -C "$scratch/traces"
  "$scratch/after/tools/trace_check" "$scratch/traces/traces" > "$out/traces.log" 2>&1 || { tail -20 "$out/traces.log"; exit 1; }
  tail -4 "$out/traces.log"
  "$scratch/after/tools/rows_check"
  echo "checked after ${SECONDS} s"
fi

# One tuning file for both: kernels chosen once, so that the difference is the code's.
export FAE_CUDA_TUNING=$scratch/tuning.txt
rm -f "$scratch"/*.jsonl
for model in ${MODELS:-rmc2}; do
  for ((round = 0; round < ${ROUNDS:-3}; round++)); do
    for name in before after; do
      "$scratch/$name/tools/step_bench" "$programs/$model.json" "$scratch/$model-$name.jsonl" --batch "${BATCHES:-1024,4096,16384}" \
        --routes "${ROUTES:-device,mixed,hybrid}" --budget "${BUDGET:-256}" --data "$scratch/rows" > "$scratch/$name.out" 2>&1 || { tail -5 "$scratch/$name.out"; exit 1; }
    done
  done
  rm -f "$scratch/rows"
done
python3 "$here/compare_builds.py" "$scratch" "$out/compare.json"
