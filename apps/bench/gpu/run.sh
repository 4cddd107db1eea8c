#!/bin/bash
# Checks and times the CUDA engine on a GPU host without Node: replays traces of the reference engine, makes it fail in every way, times
# every route of RMC1..RMC4 beside PyTorch on the same rows, and whole training runs. Prints a table last; everything goes to OUT as well.
#
#     bash apps/bench/gpu/run.sh DIRECTORY OUT [STAGE]...
#
# DIRECTORY is what carry.sh makes: trace_check, rows_check, step_bench and gemm_bench (cmake -DFAE_CUDA_TOOLS=ON) in tools.tar.xz or unpacked, traces.tgz
# (record-traces.ts), programs/*.json (programs.ts), the portable bundle as fae.tar.xz or unpacked as fae/, webgpu.tgz (pack-webgpu.sh).
# Stages: all-1 and all-2 (each fits 10 minutes, the most valuable first), all, or any of
#
#     check gemm bits cold-share look-ahead switch kernels sanitize rmc1 rmc2 rmc3 rmc4 variants budget       native tools only
#     verify failures long kaggle terabyte tfjs-webgpu                               with the bundle
#     bench-speed bench-accuracy bench-budgets bench-synthetic bench-hosts bench-counts     the same: fae-bench at full size, BENCH_SECONDS
#                                                                                    a scenario
#
# A stage that fails does not stop the next one; each has a time limit of its own, and none is started that DEADLINE (seconds from the
# start, default 560 for one half) does not leave a quarter of its limit. SMALL=1 and ENGINE=cpu try the script on a small machine.
directory=$(cd "$1" && pwd) || exit 2
mkdir -p "$2" || exit 2
out=$(cd "$2" && pwd)
shift 2
here=$(cd "$(dirname "$0")" && pwd)
engine=${ENGINE:-cuda}
results=$out/results.jsonl
scratch=${SCRATCH:-/tmp}
export PYTHONUNBUFFERED=1 FAE_CUDA_TUNING=${FAE_CUDA_TUNING:-/tmp/fae-cuda-tuning.txt}
if [ -n "$SMALL" ]; then
  b_middle=64 b_all=64,128 b_rmc1=16 budget=4 quick="--batches 4 --repeats 2 --matmul float32"
  kaggle_rows=40k kaggle_scale=0.002 terabyte_rows=40k terabyte_scale=0.0005 kaggle_budget=8MiB terabyte_budget=16MiB e2e_batch=256 e2e_repeats=1
else
  b_middle=4096 b_all=1024,4096,16384 b_rmc1=256,1024,4096 budget=256 quick=""
  kaggle_rows=4M kaggle_scale=1 terabyte_rows=4M terabyte_scale=1 kaggle_budget=256MiB terabyte_budget=512MiB e2e_batch=4096 e2e_repeats=3
fi

bench() { "$tools/step_bench" "$directory/programs/$1.json" "$results" --data "$scratch/fae-bench.rows" --budget $budget $quick "${@:2}"; }

check() {
  rm -rf "$scratch/fae-traces" && mkdir -p "$scratch/fae-traces" && tar xzf "$directory/traces.tgz" -C "$scratch/fae-traces"
  local traces=$scratch/fae-traces/traces
  timeout 120 "$tools/trace_check" "$traces" > "$out/traces.log" 2>&1
  tail -14 "$out/traces.log" | cut -c1-220
  FAE_CUDA_GEMM=own FAE_CUDA_TUNING=off timeout 120 "$tools/trace_check" "$traces" > "$out/traces-own-kernels.log" 2>&1
  echo "own matrix kernels: $(tail -1 "$out/traces-own-kernels.log")"
  "$tools/rows_check"
}

# The golden cases as a user runs them; check() replays the same calls without Node, on all routes.
verify() { bundle && "$fae" verify "$directory_of_bundle"/golden/* --engine "$engine"; }

# One tool over one program: sanitizer NAME SECONDS PROGRAM ARGUMENT...; the last lines say how far it came.
sanitizer() {
  local name=$1 seconds=$2
  shift 2
  timeout "$seconds" compute-sanitizer --tool "${name%%-*}" --error-exitcode 9 "$@" > "$out/$name.log" 2>&1
  echo "$name: exit $?; $(tail -2 "$out/$name.log" | tr '\n' ' ')"
}

sanitize() {
  command -v compute-sanitizer > /dev/null || { echo "compute-sanitizer: not there"; return 0; }
  rm -rf "$scratch/fae-traces" && mkdir -p "$scratch/fae-traces" && tar xzf "$directory/traces.tgz" -C "$scratch/fae-traces"
  local traces=$scratch/fae-traces/traces first
  # Without timing of matrix kernels, which would take most of the time. Looking for races takes long: a few traces from all over.
  export FAE_CUDA_TUNING=off
  sanitizer memcheck 75 "$tools/trace_check" "$traces" 60 80
  for first in 0 60 110 160 210; do sanitizer racecheck-$first 40 "$tools/trace_check" "$traces" $first $((first + 3)); done
  # Matrix kernels that the traces' small layers do not choose: every candidate on every layer, and the warpgroup kernels' probe.
  sanitizer racecheck-products 150 "$tools/gemm_bench" --batch 64 --rounds 0 --seconds 140 --watchdog 100
  sanitizer racecheck-wgmma 60 "$tools/gemm_bench" --wgmma-probe
}

# model, batches, routes, budget MiB, PyTorch modes for all batches, PyTorch modes for the first batch
model() {
  local data=$scratch/fae-$1.rows
  timeout 200 "$tools/step_bench" "$directory/programs/$1.json" "$results" --batch "$2" --routes "$3" --budget "$4" --data "$data" $quick
  [ "$engine" = cuda ] || return 0
  timeout 150 python3 "$here/../reference/gpu_baselines.py" --program "$directory/programs/$1.json" --data "$data" --batch "$2" --mode "$5" --out "$results" | cut -c1-150
  [ -z "$6" ] || timeout 150 python3 "$here/../reference/gpu_baselines.py" --program "$directory/programs/$1.json" --data "$data" --batch "${2%%,*}" --repeats 5 --mode "$6" --out "$results" | cut -c1-150
  rm -f "$data"
}

# Time of every kernel of one step against its floors. Without ncu: only that the profiled command runs.
kernels() {
  local batch metrics
  for batch in ${b_all//,/ }; do
    local run=("$tools/step_bench" "$directory/programs/rmc2.json" "$scratch/fae-kernels.jsonl" --batch "$batch" --routes device --batches 4 --repeats 1 --data "$scratch/fae-k.rows" $quick)
    if ! command -v ncu > /dev/null; then
      "${run[@]}" | cut -c1-100
      continue
    fi
    echo "RMC2, $batch inputs"
    # Where bytes cannot be counted, times alone.
    for metrics in gpu__time_duration.sum,dram__bytes_read.sum,dram__bytes_write.sum gpu__time_duration.sum; do
      timeout 60 ncu --clock-control none --cache-control none --graph-profiling node --print-units base --launch-skip 150 --launch-count 80 --csv \
        --metrics $metrics "${run[@]}" > "$out/kernels-$batch.csv" 2>&1
      python3 "$here/kernels.py" "$out/kernels-$batch.csv" "$directory/programs/rmc2.json" "$batch" --json "$out/kernels-$batch.json" && break
      tail -3 "$out/kernels-$batch.csv"
    done
  done
}

bundle() {
  if [ ! -x "$directory/fae/bin/fae" ] && [ -f "$directory/fae.tar.xz" ]; then
    mkdir -p "$scratch/fae-bundle" && tar xJf "$directory/fae.tar.xz" -C "$scratch/fae-bundle"
    directory_of_bundle=$scratch/fae-bundle/fae
  else
    directory_of_bundle=$directory/fae
  fi
  fae=$directory_of_bundle/bin/fae
  [ -x "$fae" ] || { echo "no bundle in $directory: neither fae/ nor fae.tar.xz"; return 1; }
}

# Some virtual machines have little memory until it is used, and refuse a plan that would fit: fills and frees so many GiB first.
grow_memory() {
  local available
  available=$(awk '/MemAvailable/ { print int($2 / 1048576) }' /proc/meminfo)
  [ "$available" -ge "$1" ] || python3 -c "import numpy; numpy.full($1 << 30, 1, numpy.uint8)"
  echo "memory: $available GiB available, then $(awk '/MemAvailable/ { print int($2 / 1048576) }' /proc/meminfo)"
}

# Whole runs from log to scores: end_to_end NAME FORMAT MODEL ROWS SCALE BUDGET BATCH REPEATS STRATEGY...
end_to_end() {
  bundle || return 1
  local name=$1 format=$2 model=$3 rows=$4 scale=$5 budget=$6 batch=$7 repeats=$8 work=$scratch/fae-$1 begin profiled packed
  shift 8
  rm -rf "$work" && mkdir -p "$work"
  timeout 120 "$fae" synth "$format" --calibration paper --rows "$rows" --scale "$scale" --out "$work/log" --json > "$out/$name-synth.json" || return 1
  begin=$EPOCHREALTIME
  timeout 120 "$fae" profile "$work/log" --model "$model" --budget "$budget" --json > "$out/$name-profile.json" || return 1
  profiled=$EPOCHREALTIME
  timeout 200 "$fae" pack "$work/log" --out "$work/packed" --json > "$out/$name-pack.json" || return 1
  packed=$EPOCHREALTIME
  echo "$begin $profiled $packed" | awk '{ printf "{\"profile\":%.3f,\"pack\":%.3f}\n", $2 - $1, $3 - $2 }' > "$out/$name-prepare.json"
  local repeat strategy
  for repeat in $(seq "$repeats"); do
    for strategy in "$@"; do
      timeout 120 "$fae" train "$work/packed" --model "$model" --engine "$engine" --strategy "$strategy" --batch "$batch" --lr 0.1 --shuffle total --json \
        > "$out/$name-$strategy-$repeat.json" 2> "$out/$name-$strategy-$repeat.err" || tail -1 "$out/$name-$strategy-$repeat.err"
    done
  done
  rm -rf "$work"
  python3 "$here/runs.py" "$out" "$name"
}

# 100,000 steps of `mixed`: memory must stay as it is, and JavaScript must have little to do.
long_run() {
  bundle || return 1
  local work=$scratch/fae-long
  rm -rf "$work" && mkdir -p "$work"
  "$fae" synth criteo-kaggle --calibration paper --rows "${LONG_ROWS:-4M}" --scale $kaggle_scale --out "$work/log" --json > /dev/null &&
    "$fae" profile "$work/log" --model rmc2 --budget $kaggle_budget --json > /dev/null &&
    "$fae" pack "$work/log" --out "$work/packed" --json > /dev/null &&
    python3 "$here/long_run.py" "$out/long-run.json" "$fae" train "$work/packed" --model rmc2 --engine "$engine" --strategy mixed --batch 1024 --epochs "${LONG_EPOCHS:-30}" \
      --lr 0.05 --shuffle total --json 2> "$out/long-run.err" || { tail -3 "$out/long-run.err"; return 1; }
  rm -rf "$work"
}

# Step time of the same network by TensorFlow.js on WebGPU and by this engine: the difference of a long and a short run.
tfjs_webgpu() {
  bundle || return 1
  [ -f "$directory/webgpu.tgz" ] || { echo "no webgpu.tgz: see pack-webgpu.sh"; return 1; }
  rm -rf "$scratch/fae-webgpu" && cp -r "$directory_of_bundle" "$scratch/fae-webgpu"
  tar xzf "$directory/webgpu.tgz" -C "$scratch/fae-webgpu/app"
  # The loaders go beside the bundle and are found by path: the host's own files stay as they are.
  for package in "$scratch"/fae-webgpu/app/vulkan/*.deb; do [ -f "$package" ] && dpkg -x "$package" "$scratch/fae-webgpu/vulkan"; done
  export LD_LIBRARY_PATH=$scratch/fae-webgpu/vulkan/usr/lib/x86_64-linux-gnu:$LD_LIBRARY_PATH
  [ -d /usr/local/nvidia/share/vulkan/icd.d ] && export VK_DRIVER_FILES=/usr/local/nvidia/share/vulkan/icd.d/nvidia_icd.json \
    __EGL_VENDOR_LIBRARY_FILENAMES=/usr/local/nvidia/share/glvnd/egl_vendor.d/10_nvidia.json
  local own=$scratch/fae-webgpu/bin/fae work=$scratch/fae-webgpu-data name batches
  "$own" doctor | grep -A2 "tfjs:webgpu"
  rm -rf "$work" && mkdir -p "$work"
  "$own" synth criteo-kaggle --rows 400k --scale 0.1 --out "$work/log" --json > /dev/null || return 1
  for name in tfjs:webgpu "$engine"; do
    for batches in 20 120; do
      timeout 100 "$own" train "$work/log" --model rmc2 --engine "$name" --strategy dlrm-hybrid --batch "${WEBGPU_BATCH:-1024}" --lr 0.1 --max-batches $batches --matmul float32 --json \
        > "$out/webgpu-${name/:/-}-$batches.json" 2> "$out/webgpu-${name/:/-}-$batches.err" || tail -1 "$out/webgpu-${name/:/-}-$batches.err"
    done
  done
  rm -rf "$work" "$scratch/fae-webgpu"
  python3 "$here/runs.py" "$out" --steps "$out"/webgpu-*.json
}

# Scenarios of fae-bench: scenarios SECONDS SCENARIO... Tables that need more than 40 % of the memory named here are scaled, and the results say so.
scenarios() {
  bundle || return 1
  local sizes=(--memory "${BENCH_MEMORY:-48GiB}" --max-seconds "$1")
  [ -n "$SMALL" ] && sizes=(--quick)
  "$directory_of_bundle/bin/fae-bench" run "${@:2}" --engine "$engine" "${sizes[@]}" --cache "$scratch/fae-bench-cache" --out "$out/bench"
}

stage() {
  case $1 in
    check) check ;;
    verify) verify ;;
    gemm) "$tools/gemm_bench" --all "$out/gemm.tsv" > "$out/gemm.txt"; local status=$?; cut -c1-150 "$out/gemm.txt"; return $status ;;
    sanitize) sanitize ;;
    bits) bench rmc2 --batch $b_all --routes bits && bench rmc1 --batch ${b_rmc1%%,*} --routes bits ;;
    cold-share) bench rmc2 --batch $b_middle --look-ahead 0,1,2,3,4 --cold-share 0,0.1,0.25,0.5,0.75,1 ;;
    look-ahead) bench rmc2 --batch $b_middle --routes mixed --look-ahead 0,1,2,3,4 ;;
    switch) bench rmc2 --batch $b_all --routes fae ;;
    kernels) kernels ;;
    long) long_run ;;
    failures) bundle && bash "$here/failures.sh" "$directory_of_bundle" "$out/failures" "$engine" ;;
    kaggle) end_to_end kaggle criteo-kaggle rmc2 $kaggle_rows $kaggle_scale $kaggle_budget $e2e_batch $e2e_repeats mixed fae dlrm-hybrid device-only ;;
    terabyte)
      [ -n "$SMALL" ] || grow_memory 85
      end_to_end terabyte criteo-terabyte rmc3 $terabyte_rows $terabyte_scale $terabyte_budget $((4 * e2e_batch)) 1 mixed fae dlrm-hybrid ;;
    tfjs-webgpu) tfjs_webgpu ;;
    bench-speed) scenarios "${BENCH_SECONDS:-280}" speed-up latency-breakdown data-transfer overheads ;;
    bench-accuracy) scenarios "${BENCH_SECONDS:-140}" accuracy shuffle-rate ;;
    bench-budgets) scenarios "${BENCH_SECONDS:-40}" access-threshold budget-sweep batch-scaling ;;
    # Four models on the largest tables: most of the time would go into opening them.
    bench-synthetic) BENCH_MEMORY=${BENCH_MEMORY:-12GiB} && scenarios "${BENCH_SECONDS:-150}" synthetic-models ;;
    bench-hosts) scenarios "${BENCH_SECONDS:-60}" peers micro ;;
    bench-counts) scenarios "${BENCH_SECONDS:-60}" sampling drift budget-bytes ;;
    rmc1) model rmc1 $b_rmc1 device,mixed,hybrid $budget graph tuned ;;
    rmc2) model rmc2 $b_all atomics,device,hot,mixed,hybrid,server $budget graph tuned,hybrid ;;
    rmc3) model rmc3 $b_all device,mixed,hybrid $((2 * budget)) graph tuned ;;
    rmc4) model rmc4 $b_all device,mixed,hybrid $budget graph tuned ;;
    variants)
      for rows in float32 bf16; do
        for matmul in float32 tf32 bf16; do
          echo "rows $rows, matmul $matmul"
          bench rmc2 --batch $b_middle --routes device,mixed --rows $rows --matmul $matmul
        done
      done
      for optimizer in adagrad rowwise-adagrad adam; do
        echo "$optimizer"
        bench rmc1 --batch ${b_rmc1%%,*} --routes device,mixed --optimizer $optimizer
      done ;;
    budget)
      for mib in 16 64 256 1024; do
        echo "budget $mib MiB"
        bench rmc2 --batch $b_middle --routes mixed --budget $mib
      done ;;
    *) echo "there is no stage '$1'"; return 2 ;;
  esac
}

# Seconds that a stage may take.
limit() {
  case $1 in
    check) echo 150 ;; sanitize) echo 400 ;; failures) echo 240 ;; terabyte) echo 400 ;; kaggle) echo 180 ;; rmc[1-4]) echo 240 ;; bench-*) echo 560 ;; kernels) echo 200 ;; *) echo 120 ;;
  esac
}

tools=$directory
if [ ! -x "$directory/step_bench" ] && [ -f "$directory/tools.tar.xz" ]; then
  tools=$scratch/fae-tools
  [ -n "$FAE_STAGE" ] || { rm -rf "$tools" && mkdir -p "$tools" && tar xJf "$directory/tools.tar.xz" -C "$tools"; }
fi
# A child of this script for each stage, so that the time limit ends all of it.
if [ "$FAE_STAGE" ]; then
  stage "$FAE_STAGE"
  exit $?
fi
stages=()
halves=0
for name in "${@:-all-1}"; do
  case $name in
    all-1) stages+=(check verify bits failures switch cold-share kernels sanitize) halves=$((halves + 1)) ;;
    all-2) stages+=(terabyte kaggle tfjs-webgpu rmc2) halves=$((halves + 1)) ;;
    all) stages+=(check verify bits failures switch cold-share kernels sanitize terabyte kaggle tfjs-webgpu rmc2) halves=$((halves + 2)) ;;
    *) stages+=("$name") ;;
  esac
done
deadline=${DEADLINE:-$((halves == 0 ? 1000000 : halves * 560))}
nvidia-smi --query-gpu=name,driver_version,memory.total --format=csv,noheader 2> /dev/null | tee "$out/machine.txt"
lscpu | grep -E "Model name|^CPU\(s\)" | tee -a "$out/machine.txt"
summary=$out/stages.txt
: > "$summary"
for name in "${stages[@]}"; do
  left=$((deadline - SECONDS)) most=$(limit "$name")
  if [ $((left * 4)) -lt "$most" ]; then
    printf '%-12s not run: %d s were left\n' "$name" "$left" >> "$summary"
    continue
  fi
  echo "== $name"
  begin=$SECONDS
  FAE_STAGE=$name timeout -k 5 $((left < most ? left : most)) bash "$here/$(basename "$0")" "$directory" "$out" 2>&1 | tee "$out/$name.log" | tail -32 | cut -c1-150
  printf '%-12s exit %d, %d s\n' "$name" "${PIPESTATUS[0]}" $((SECONDS - begin)) >> "$summary"
done
echo "== results"
[ -f "$results" ] && python3 "$here/table.py" "$results"
cat "$summary"
