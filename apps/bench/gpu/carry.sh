#!/bin/bash
# Makes the folder that run.sh needs on a GPU host: tools, programs, traces, the portable bundle and the WebGPU packages. Needs nvcc.
#
#     bash apps/bench/gpu/carry.sh [FOLDER]     default build/gpu/carry; on the host: bash apps/bench/gpu/run.sh FOLDER OUT all-1
#
# FAE_CUDA_ARCHITECTURES (default 90-real) sets what the tools are compiled for. --no-bundle leaves the bundle and WebGPU out.
set -eu
root=$(cd "$(dirname "$0")/../../.." && pwd)
folder=$root/build/gpu/carry with_bundle=1
for argument in "$@"; do
  case $argument in
    --no-bundle) with_bundle= ;;
    *) folder=$argument ;;
  esac
done
cd "$root"
mkdir -p "$folder/programs"
folder=$(cd "$folder" && pwd)

tree=$root/build/gpu/native
cmake -S packages/gpu-backend/native -B "$tree" -DCMAKE_BUILD_TYPE=Release -DFAE_CUDA=ON -DFAE_CUDA_TOOLS=ON -DFAE_CUDA_ARCHITECTURES="${FAE_CUDA_ARCHITECTURES:-90-real}" > "$tree.log"
tools=(trace_check rows_check step_bench gemm_bench)
cmake --build "$tree" --target "${tools[@]}" >> "$tree.log" || { tail -30 "$tree.log"; exit 1; }
for tool in "${tools[@]}"; do strip -o "build/gpu/$tool" "$tree/tools/$tool"; done
tar -cJf "$folder/tools.tar.xz" -C build/gpu "${tools[@]}"

bundled() { # SCRIPT
  npx --no-install esbuild "apps/bench/gpu/$1.ts" --bundle --platform=node --format=esm --target=node20 --conditions=@fae/source --log-level=error --outfile="build/gpu/$1.mjs"
}
bundled programs
node build/gpu/programs.mjs "$folder/programs" > /dev/null
bundled record-traces
rm -rf build/gpu/traces
# One golden case is too large for the repository.
node build/gpu/record-traces.mjs build/gpu/traces test/golden/dlrm* test/golden/tbsm* ${FAE_SHARED:+"$FAE_SHARED/golden/dlrm-rmc2-capped-sgd"}
tar czf "$folder/traces.tgz" -C build/gpu traces

if [ "$with_bundle" ]; then
  npm run --silent portable -- --out build/gpu/fae > build/gpu/portable.log
  cp build/gpu/fae.tar.xz "$folder/"
  if compgen -G "node_modules/.pnpm/webgpu@*" > /dev/null; then bash apps/bench/gpu/pack-webgpu.sh "$folder"
  else echo "webgpu is not installed (pnpm add -w webgpu): the stage tfjs-webgpu is left out"; fi
fi
du -sh "$folder"/* | sed "s#$root/##"
