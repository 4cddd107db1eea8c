#!/bin/bash
# Makes a training run fail in every way that a GPU host knows, and checks each time: one message with a stable code, no hang, the last
# checkpoint whole (the run is resumed from it and must end with the bits of a run that never failed), no GPU memory left taken.
#
#     bash apps/bench/gpu/failures.sh BUNDLE OUT [ENGINE]
#
# BUNDLE: an unpacked portable bundle (npm run portable), or a checkout that is built. OUT: where logs and table go. ENGINE: cuda (default), or
# cpu to try the script itself: what needs a GPU is then left out. Takes under 4 minutes. FAILURES_ROWS, _SCALE, _EPOCHS, _BATCH set sizes, _STRATEGIES which are tried.
set -u
bundle=$(cd "$1" && pwd) || exit 2
mkdir -p "$2" || exit 2
out=$(cd "$2" && pwd)
engine=${3:-cuda}
here=$(cd "$(dirname "$0")" && pwd)
if [ -x "$bundle/bin/fae" ]; then
  node=$bundle/bin/node main=$bundle/app/node_modules/@fae/trainer/dist/main.js backend=$bundle/app/node_modules/@fae/gpu-backend/dist/index.js
else
  node=node main=$bundle/apps/trainer/dist/main.js backend=$bundle/packages/gpu-backend/dist/index.js
fi
work=$(mktemp -d "${TMPDIR:-/tmp}/fae-failures.XXXXXX")
table=$out/failures.txt
children=()
: > "$table"
failed=0

stop_children() {
  for pid in "${children[@]}"; do
    kill -9 "$pid"
    wait "$pid"
  done 2> /dev/null
  children=()
}
trap 'stop_children; rm -rf "$work"' EXIT
trap 'exit 143' TERM INT

# Commands are arrays, not functions: what is started in the background is then the process itself, and can be killed.
fae=("$node" "$main")
# A value of the JSON object in a file, "" when it is not there: value FILE error.code
value() {
  "$node" -e '
    const text = require("node:fs").readFileSync(process.argv[1], "utf8").trim().split("\n").at(-1);
    let at = {};
    try { at = JSON.parse(text); } catch {}
    for (const key of process.argv[2].split(".")) at = at?.[key];
    process.stdout.write(at === undefined ? "" : typeof at === "object" ? JSON.stringify(at) : String(at));' "$1" "$2" 2> /dev/null
}
gpu_used() { nvidia-smi --query-gpu=memory.used --format=csv,noheader,nounits 2> /dev/null | head -1; }
gpu_free() { nvidia-smi --query-gpu=memory.free --format=csv,noheader,nounits 2> /dev/null | head -1; }

# verdict NAME GOOD SECONDS TEXT
verdict() {
  local word=ok
  [ "$2" = 1 ] || { word=WRONG; failed=$((failed + 1)); }
  printf '%-5s %-34s %6.1f s  %.150s\n' "$word" "$1" "$3" "$4" | tee -a "$table"
}
skipped() { printf '%-5s %-34s %8s  %s\n' "-" "$1" "" "$2" | tee -a "$table"; }

training() { # RUN STRATEGY [DATA]: sets `command`
  command=("${fae[@]}" train "${3:-$work/packed}" --model rmc2 --engine "$engine" --strategy "$2" --batch "$batch" --lr 0.05 --shuffle total
    --epochs "$epochs" --checkpoint-every "$every" --run "$1" --json)
}

# Runs a command that must fail: fails NAME CODE PATTERN LIMIT COMMAND...
fails() {
  local name=$1 code=$2 pattern=$3 limit=$4 log=$out/${1// /-}
  shift 4
  local begin=$EPOCHREALTIME
  timeout -s KILL "$limit" "$@" > "$log.json" 2> "$log.err"
  judge "$name" $? "$code" "$pattern" "$log" "$begin"
}
judge() { # NAME STATUS CODE PATTERN LOG BEGIN
  local seconds found message good=1
  seconds=$(echo "$EPOCHREALTIME $6" | awk '{ print $1 - $2 }')
  found=$(value "$5.json" error.code) message=$(value "$5.json" error.message)
  [ "$2" = 1 ] || good=0
  [ "$found" = "$3" ] || good=0
  [[ $message =~ $4 ]] || good=0
  [ "$2" = 137 ] && message="HANG. $message"
  verdict "$1" $good "$seconds" "exit $2 ${found:-no code}: ${message:-$(tail -1 "$5.err" 2> /dev/null)}"
}
# Goes on from the last checkpoint; the metrics must be those of a run that never failed: resumes NAME RUN STRATEGY
resumes() {
  local log=$out/${1// /-}-resumed begin=$EPOCHREALTIME good=1 status text
  timeout -s KILL 60 "${fae[@]}" train "$work/packed" --resume "$2" --engine "$engine" --json > "$log.json" 2> "$log.err"
  status=$?
  text=$(grep -h "^resumed" "$log.err" | sed "s#$work/##")
  [ $status = 0 ] || good=0
  [ -n "$text" ] || good=0
  [ "$(value "$log.json" metrics)" = "${metrics[$3]}" ] || good=0
  [ $good = 1 ] && text="$text, same metrics to the last bit"
  verdict "  $1, resumed" $good "$(echo "$EPOCHREALTIME $begin" | awk '{ print $1 - $2 }')" "${text:-$(tail -1 "$log.err")} $(value "$log.json" error.message)"
}
# Waits until a run has a checkpoint: waits_for_checkpoint RUN
waits_for_checkpoint() {
  for _ in $(seq 600); do
    [ -n "$(ls "$1/checkpoints" 2> /dev/null)" ] && return 0
    sleep 0.05
  done
  return 1
}

# On a GPU a step takes a quarter of a millisecond: many of them, so that a run can be caught in the middle.
if [ "$engine" = cuda ]; then
  rows=${FAILURES_ROWS:-1M} scale=${FAILURES_SCALE:-0.02} epochs=${FAILURES_EPOCHS:-20} batch=${FAILURES_BATCH:-2048} every=1000 trap_step=4000 strategies=${FAILURES_STRATEGIES:-mixed fae device-only dlrm-hybrid}
else
  rows=${FAILURES_ROWS:-60k} scale=${FAILURES_SCALE:-0.002} epochs=${FAILURES_EPOCHS:-6} batch=${FAILURES_BATCH:-512} every=100 trap_step=300 strategies="mixed"
fi

echo "== data"
"${fae[@]}" synth criteo-kaggle --calibration paper --rows "$rows" --scale "$scale" --out "$work/log" --json > "$out/synth.json" 2> "$out/synth.err" &&
  "${fae[@]}" profile "$work/log" --model rmc2 --budget 8MiB --json > "$out/profile.json" 2> "$out/profile.err" &&
  "${fae[@]}" pack "$work/log" --out "$work/packed" --json > "$out/pack.json" 2> "$out/pack.err" || { cat "$out"/*.err; exit 2; }
used_before=$(gpu_used)

echo "== runs that do not fail"
declare -A metrics
for strategy in $strategies; do
  begin=$EPOCHREALTIME
  training "$work/good-$strategy" "$strategy"
  timeout -s KILL 90 "${command[@]}" > "$out/good-$strategy.json" 2> "$out/good-$strategy.err"
  status=$?
  metrics[$strategy]=$(value "$out/good-$strategy.json" metrics)
  verdict "run to the end, $strategy" "$([ $status = 0 ] && [ -n "${metrics[$strategy]}" ] && echo 1)" "$(echo "$EPOCHREALTIME $begin" | awk '{ print $1 - $2 }')" \
    "$(value "$out/good-$strategy.json" totals.steps) $(value "$out/good-$strategy.json" steps) steps; $(head -1 "$out/good-$strategy.err")"
  rm -rf "$work/good-$strategy"
done

echo "== failures"
if [ "$engine" = cuda ]; then
  for strategy in $strategies; do
    training "$work/trap-$strategy" "$strategy"
    FAE_CUDA_TRAP_AT_STEP=$trap_step fails "kernel traps, $strategy" ERR_ENGINE "step [0-9]+: CUDA failed in .*cuda(ErrorLaunchFailure|ErrorIllegal)" 60 "${command[@]}"
    resumes "kernel traps, $strategy" "$work/trap-$strategy" "$strategy"
    rm -rf "$work/trap-$strategy"
  done
fi

run=$work/killed
training "$run" mixed
"${command[@]}" > "$out/killed.json" 2> "$out/killed.err" &
pid=$!
waits_for_checkpoint "$run"
kill -9 $pid
wait $pid 2> /dev/null
[ -e "$run/report.json" ] && verdict "killed in a segment" 0 0 "the run was over before it could be killed: give it more epochs"
resumes "killed in a segment" "$run" mixed
rm -rf "$run"

begin=$EPOCHREALTIME
pids=()
for i in 1 2; do
  training "$work/pair-$i" mixed
  timeout -s KILL 90 "${command[@]}" > "$out/pair-$i.json" 2> "$out/pair-$i.err" &
  pids+=($!)
done
good=1
for i in 1 2; do
  wait "${pids[$((i - 1))]}" || good=0
  [ "$(value "$out/pair-$i.json" metrics)" = "${metrics[mixed]}" ] || good=0
done
verdict "two trainers on one GPU" $good "$(echo "$EPOCHREALTIME $begin" | awk '{ print $1 - $2 }')" "both end with the metrics of a run alone"
rm -rf "$work"/pair-*

# The packed files are cut while they are mapped; a copy, for the resumed run needs them whole.
cp -r "$work/packed" "$work/cut"
run=$work/cut-run
begin=$EPOCHREALTIME
training "$run" mixed "$work/cut"
timeout -s KILL 60 "${command[@]}" > "$out/inputs-cut-short.json" 2> "$out/inputs-cut-short.err" &
pid=$!
waits_for_checkpoint "$run"
truncate -s 4096 "$work/cut/train.rows"
wait $pid
judge "inputs cut short" $? ERR_DATA "cut short while it was in use" "$out/inputs-cut-short" "$begin"
resumes "inputs cut short" "$run" mixed
rm -rf "$run"
fails "inputs too short at the start" ERR_DATA "bytes" 30 "${fae[@]}" train "$work/cut" --model rmc2 --engine "$engine" --strategy mixed --batch "$batch" --lr 0.05 --json
rm -rf "$work/cut"

if [ "$engine" = cuda ]; then
  fails "GPU too small for the plan" ERR_OUT_OF_MEMORY "MiB of GPU memory, [0-9]+ MiB are free" 30 "$node" "$here/hold-memory.mjs" "$backend" cuda 400000

  # Another program takes all but 600 MiB before the run starts; then during the run.
  "$node" "$here/hold-memory.mjs" "$backend" cuda $(($(gpu_free) - 1400)) > "$out/held.txt" 2>&1 &
  children=($!)
  for _ in $(seq 200); do grep -qs . "$out/held.txt" && break; sleep 0.1; done
  fails "memory taken before the run" ERR_OUT_OF_MEMORY "MiB are free" 30 \
    "${fae[@]}" train "$work/packed" --model rmc2 --engine cuda --strategy device-only --batch "$batch" --lr 0.05 --json
  stop_children
  sleep 1
  run=$work/squeezed begin=$EPOCHREALTIME
  training "$run" mixed
  timeout -s KILL 90 "${command[@]}" > "$out/squeezed.json" 2> "$out/squeezed.err" &
  pid=$!
  waits_for_checkpoint "$run"
  # The run stands still until the other program has the memory: otherwise it might be over before.
  kill -STOP $pid
  "$node" "$here/hold-memory.mjs" "$backend" cuda $(($(gpu_free) - 1200)) > "$out/held-later.txt" 2>&1 &
  children=($!)
  for _ in $(seq 200); do grep -q . "$out/held-later.txt" && break; sleep 0.1; done
  kill -CONT $pid
  wait $pid
  status=$?
  good=$([ $status = 0 ] && [ "$(value "$out/squeezed.json" metrics)" = "${metrics[mixed]}" ] && grep -q holding "$out/held-later.txt" && echo 1)
  verdict "memory taken during the run" "$good" "$(echo "$EPOCHREALTIME $begin" | awk '{ print $1 - $2 }')" "exit $status; the other: $(cat "$out/held-later.txt")"
  stop_children
  sleep 1
  # Five programs plan 60 % of the free memory at the same moment: one can have it, the others are told.
  begin=$EPOCHREALTIME
  share=$(($(gpu_free) * 6 / 10))
  for i in 1 2 3 4 5; do
    "$node" "$here/hold-memory.mjs" "$backend" cuda $share > "$out/race-$i.txt" 2>&1 &
    children+=($!)
  done
  for _ in $(seq 300); do [ "$(cat "$out"/race-?.txt | grep -c .)" -ge 5 ] && break; sleep 0.1; done
  told=$(grep -l '"ERR_OUT_OF_MEMORY"' "$out"/race-?.txt | wc -l) held=$(grep -l holding "$out"/race-?.txt | wc -l)
  verdict "five programs want the same memory" "$([ "$told" = 4 ] && [ "$held" = 1 ] && echo 1)" "$(echo "$EPOCHREALTIME $begin" | awk '{ print $1 - $2 }')" \
    "$held has it, $told told; $(grep -h "could not be taken" "$out"/race-?.txt | wc -l) of them between plan and allocation"
  stop_children
  sleep 1

  begin=$EPOCHREALTIME
  training "$work/own" mixed
  FAE_CUDA_GEMM=own FAE_CUDA_TUNING="$work/own-tuning.txt" timeout -s KILL 90 "${command[@]}" > "$out/own.json" 2> "$out/own.err"
  good=$([ $? = 0 ] && grep -q "own matrix kernels" "$out/own.err" && echo 1)
  verdict "without cuBLASLt" "$good" "$(echo "$EPOCHREALTIME $begin" | awk '{ print $1 - $2 }')" "$(head -1 "$out/own.err")"
  rm -rf "$work/own"
  if command -v cc > /dev/null && [ -f "$here/../../../packages/gpu-backend/native/cuda/test/old_driver.c" ]; then
    cc -shared -fPIC -o "$work/libcuda.so.1" "$here/../../../packages/gpu-backend/native/cuda/test/old_driver.c"
    LD_LIBRARY_PATH=$work fails "driver too old" ERR_ENGINE_UNAVAILABLE "supports CUDA 12.4, this build needs 1[3-9]" 30 \
      "${fae[@]}" train "$work/packed" --model rmc2 --engine cuda --strategy mixed --json
  else
    skipped "driver too old" "no C compiler, or no source of the stand-in driver"
  fi
  sleep 2
  used=$(gpu_used)
  verdict "GPU memory afterwards" "$([ "${used:-0}" -le $((${used_before:-0} + 64)) ] && echo 1)" 0 "$used MiB in use, $used_before before"
else
  skipped "kernel traps; GPU memory; driver" "needs a GPU"
fi
echo "== failures: $(grep -c '^ok' "$table") ok, $failed wrong"
exit $((failed > 0))
