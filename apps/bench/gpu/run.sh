#!/bin/bash
# Checks and times the CUDA engine on a GPU host without Node: replays traces of the reference engine, then times every route of
# RMC1..RMC4 beside PyTorch on the same rows. Prints a table last; everything goes to OUT as well.
#
#     bash apps/bench/gpu/run.sh DIRECTORY OUT [check|rmc1|rmc2|rmc3|rmc4|kernels]...
#
# DIRECTORY holds trace_check and step_bench (cmake -DFAE_CUDA_TOOLS=ON), traces.tgz (record-traces.ts) and programs/*.json
# (programs.ts). A stage that fails does not stop the next one.
directory=$(cd "$1" && pwd)
out=$2
shift 2
here=$(cd "$(dirname "$0")" && pwd)
stages=${*:-check rmc1 rmc2 rmc3 rmc4}
results=$out/results.jsonl
export PYTHONUNBUFFERED=1 FAE_CUDA_TUNING=${FAE_CUDA_TUNING:-/tmp/fae-cuda-tuning.txt}
mkdir -p "$out"
nvidia-smi --query-gpu=name,driver_version,memory.total --format=csv,noheader | tee "$out/machine.txt"
lscpu | grep -E "Model name|^CPU\(s\)" | tee -a "$out/machine.txt"

check() {
  rm -rf /tmp/fae-traces && mkdir -p /tmp/fae-traces && tar xzf "$directory/traces.tgz" -C /tmp/fae-traces
  timeout 120 "$directory/trace_check" /tmp/fae-traces/traces > "$out/traces.log" 2>&1
  tail -14 "$out/traces.log" | cut -c1-220
  FAE_CUDA_GEMM=own FAE_CUDA_TUNING=off timeout 120 "$directory/trace_check" /tmp/fae-traces/traces > "$out/traces-own-kernels.log" 2>&1
  echo "own matrix kernels: $(tail -1 "$out/traces-own-kernels.log")"
  timeout 60 compute-sanitizer --tool memcheck "$directory/trace_check" /tmp/fae-traces/traces 60 80 2>&1 | tail -2
  timeout 60 compute-sanitizer --tool racecheck "$directory/trace_check" /tmp/fae-traces/traces 60 66 2>&1 | tail -2
}

# model, batches, routes, budget MiB, PyTorch modes for all batches, PyTorch modes for the first batch
model() {
  local data=/tmp/fae-$1.rows
  timeout 200 "$directory/step_bench" "$directory/programs/$1.json" "$results" --batch "$2" --routes "$3" --budget "$4" --data $data
  timeout 150 python3 "$here/../reference/gpu_baselines.py" --program "$directory/programs/$1.json" --data $data --batch "$2" --mode "$5" --out "$results" | cut -c1-150
  [ -z "$6" ] || timeout 150 python3 "$here/../reference/gpu_baselines.py" --program "$directory/programs/$1.json" --data $data --batch "${2%%,*}" --repeats 5 --mode "$6" --out "$results" | cut -c1-150
  rm -f $data
}

for stage in $stages; do
  echo "== $stage"
  case $stage in
    check) check ;;
    rmc1) model rmc1 256,1024,4096 device,mixed,hybrid 256 graph tuned ;;
    rmc2) model rmc2 1024,4096,16384 atomics,device,mixed,hybrid,server 256 graph tuned,hybrid ;;
    rmc3) model rmc3 1024,4096,16384 device,mixed,hybrid 512 graph tuned ;;
    rmc4) model rmc4 1024,4096,16384 device,mixed,hybrid 256 graph tuned ;;
    look-ahead)
      for k in 0 1 2 3 4; do
        echo "look-ahead $k"
        timeout 60 "$directory/step_bench" "$directory/programs/rmc2.json" "$results" --batch 1024,4096 --routes mixed --look-ahead $k --data /tmp/fae-k.rows
      done ;;
    variants)
      local_bench() { timeout 60 "$directory/step_bench" "$directory/programs/$1.json" "$out/variants.jsonl" --data /tmp/fae-v.rows "${@:2}"; }
      for rows in float32 bf16; do
        for matmul in float32 tf32 bf16; do
          echo "rows $rows, matmul $matmul"
          local_bench rmc2 --batch 4096 --routes device,mixed --rows $rows --matmul $matmul
        done
      done
      for optimizer in adagrad rowwise-adagrad adam; do
        echo "$optimizer"
        local_bench rmc1 --batch 1024 --routes device,mixed --optimizer $optimizer
      done ;;
    budget)
      for mib in 16 64 256 1024; do
        echo "budget $mib MiB"
        timeout 60 "$directory/step_bench" "$directory/programs/rmc2.json" "$results" --batch 4096 --routes mixed --budget $mib --data /tmp/fae-k.rows
      done ;;
    kernels)
      for batch in 1024 16384; do
        timeout 60 ncu --clock-control none --cache-control none --graph-profiling node --metrics gpu__time_duration.sum --launch-skip 150 --launch-count 80 --csv \
          "$directory/step_bench" "$directory/programs/rmc2.json" /tmp/fae-kernels.jsonl --batch $batch --routes device --batches 4 --repeats 1 --data /tmp/fae-k.rows \
          > "$out/kernels-$batch.csv" 2>&1
      done ;;
  esac
done
python3 "$here/table.py" "$results" 2> /dev/null
