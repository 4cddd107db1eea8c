#!/bin/bash
# Makes webgpu.tgz for run.sh: the packages of the tfjs:webgpu engine for Linux x64, and Debian's Vulkan, GL and EGL loaders when they
# can be fetched. Run in a checkout with its dependencies installed.
#
#     bash apps/bench/gpu/pack-webgpu.sh FOLDER     writes FOLDER/webgpu.tgz
set -eu
folder=$(mkdir -p "$1" && cd "$1" && pwd)
root=$(cd "$(dirname "$0")/../../.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
modules=$work/node_modules
store=$root/node_modules/.pnpm
mkdir -p "$modules/@tensorflow" "$work/vulkan"
package() { # NAME VERSION
  cp -rL "$(echo "$store/${1//\//+}@$2"*/node_modules/"$1" | cut -d' ' -f1)" "$modules/$1"
}
package webgpu 0.6.2
package @tensorflow/tfjs-core 4.22.0
package @tensorflow/tfjs-backend-cpu 4.22.0
package @tensorflow/tfjs-backend-webgpu 4.22.0
package long 4.0.0
package seedrandom 3.0.5
package node-fetch 2.6.13
find "$modules/webgpu/dist" -mindepth 1 -maxdepth 1 ! -name linux-x64 ! -name '*.js' -exec rm -rf {} +
for name in core backend-cpu backend-webgpu; do
  at=$modules/@tensorflow/tfjs-$name
  main=$(node -p "require('$at/package.json').main")
  find "$at" -type f ! -path "$at/$main" ! -name package.json ! -name LICENSE -delete
done
find "$modules" -name '*.map' -delete
(cd "$work/vulkan" && apt-get download libvulkan1 libegl1 libglvnd0 libopengl0 libgl1 libglx0 libgles2) > /dev/null 2>&1 || echo "without Vulkan's loader: the host must have it"
tar czf "$folder/webgpu.tgz" -C "$work" node_modules vulkan
echo "$folder/webgpu.tgz: $(($(stat -c %s "$folder/webgpu.tgz") / 1048576)) MiB"
