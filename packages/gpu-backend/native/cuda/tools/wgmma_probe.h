// What the warpgroup kernels read, seen from their results: operands that are 0 but for one k, or name their own row, column or k. A wrong
// bit of a descriptor, a wrong swizzle or a tile that is read too early each leave another trace here. Part of gemm_bench.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <functional>
#include <string>
#include <vector>

#include "gemm/gemm.h"
#include "support/check.h"

// 8 x 8 blocks of the 128 x 128 tile at (row0, column0): '.' right, a digit for tenths of wrong elements, 'X' all, ' ' outside.
inline void print_map(const float* found, const float* expected, unsigned rows, unsigned columns, unsigned row0, unsigned column0) {
  double scale = 0;
  for (uint64_t e = 0; e < static_cast<uint64_t>(rows) * columns; e++) scale = std::max(scale, std::fabs(static_cast<double>(expected[e])));
  std::printf("  tile at [%u,%u], blocks of 8 x 8:\n", row0, column0);
  for (unsigned i = row0; i < row0 + 128 && i < rows; i += 8) {
    std::string line = "    ";
    for (unsigned j = column0; j < column0 + 128 && j < columns; j += 8) {
      int wrong = 0, all = 0;
      for (unsigned r = i; r < std::min(i + 8, rows); r++)
        for (unsigned c = j; c < std::min(j + 8, columns); c++, all++) {
          const uint64_t e = static_cast<uint64_t>(r) * columns + c;
          wrong += !(std::fabs(static_cast<double>(found[e]) - expected[e]) <= 0.005 * scale);
        }
      line += wrong == 0 ? '.' : wrong == all ? 'X' : static_cast<char>('0' + wrong * 10 / all);
    }
    std::printf("%s\n", line.c_str());
  }
}

namespace wgmma_probe_parts {

using fae::cuda::Gemm;
using fae::cuda::Layout;
using Entry = std::function<float(int, int)>;

struct Problem {
  std::string name;
  int m, n, k;
  Entry a, b;            // of (row of A, k) and (row of B, k)
  bool way_out = false;  // with mask, bias, ReLU and something to add to
};

inline float noise(int i, int k) { return static_cast<float>((i * 7919u + k * 104729u + i * k * 31u) % 257u) / 256.f - 0.5f; }

// One product; false when it is wrong, with the first wrong elements and the map.
inline bool right(const Problem& p, int shape, Layout layout) {
  const size_t outputs = static_cast<size_t>(p.m) * p.n;
  std::vector<float> a(static_cast<size_t>(p.m) * p.k), b(static_cast<size_t>(p.n) * p.k), turned(b.size()), found(outputs), expected(outputs);
  std::vector<float> old(outputs), mask(outputs), bias(p.n);
  for (int i = 0; i < p.m; i++)
    for (int k = 0; k < p.k; k++) a[static_cast<size_t>(i) * p.k + k] = p.a(i, k);
  for (int j = 0; j < p.n; j++) {
    bias[j] = noise(j, 77);
    for (int k = 0; k < p.k; k++) turned[static_cast<size_t>(k) * p.n + j] = b[static_cast<size_t>(j) * p.k + k] = p.b(j, k);
  }
  for (int i = 0; i < p.m; i++)
    for (int j = 0; j < p.n; j++) {
      const size_t e = static_cast<size_t>(i) * p.n + j;
      float sum = 0;
      for (int k = 0; k < p.k; k++) sum += a[static_cast<size_t>(i) * p.k + k] * b[static_cast<size_t>(j) * p.k + k];
      old[e] = noise(i + 3, j), mask[e] = noise(i, j + 9);
      if (p.way_out) sum = mask[e] > 0 ? std::max(0.f, sum + bias[j]) + old[e] : 0;
      expected[e] = sum;
    }
  float *da = nullptr, *db = nullptr, *dc = nullptr, *dmask = nullptr, *dbias = nullptr, *workspace = nullptr;
  FAE_CUDA(cudaMalloc(&da, a.size() * 4));
  FAE_CUDA(cudaMalloc(&db, b.size() * 4));
  FAE_CUDA(cudaMalloc(&dc, found.size() * 4));
  FAE_CUDA(cudaMalloc(&dmask, mask.size() * 4));
  FAE_CUDA(cudaMalloc(&dbias, bias.size() * 4));
  FAE_CUDA(cudaMalloc(&workspace, b.size() * 4));
  FAE_CUDA(cudaMemcpy(da, a.data(), a.size() * 4, cudaMemcpyHostToDevice));
  FAE_CUDA(cudaMemcpy(db, (layout == Layout::nt ? b : turned).data(), b.size() * 4, cudaMemcpyHostToDevice));
  FAE_CUDA(cudaMemcpy(dmask, mask.data(), mask.size() * 4, cudaMemcpyHostToDevice));
  FAE_CUDA(cudaMemcpy(dbias, bias.data(), bias.size() * 4, cudaMemcpyHostToDevice));
  if (p.way_out) FAE_CUDA(cudaMemcpy(dc, old.data(), old.size() * 4, cudaMemcpyHostToDevice));
  else FAE_CUDA(cudaMemset(dc, 0xff, found.size() * 4));
  Gemm g;
  g.layout = layout;
  g.m = p.m, g.n = p.n, g.k = p.k;
  g.a = da, g.lda = p.k, g.b = db, g.ldb = layout == Layout::nt ? p.k : p.n, g.c = dc, g.ldc = p.n;
  if (p.way_out) {
    g.mask = dmask, g.ldmask = p.n, g.bias = dbias, g.columns = p.n;
    g.activation = fae::cuda::OutputActivation::relu, g.accumulate = true;
  }
  fae::cuda::wgmma_gemm(g, shape, workspace, nullptr);
  FAE_CUDA(cudaDeviceSynchronize());
  FAE_CUDA(cudaMemcpy(found.data(), dc, found.size() * 4, cudaMemcpyDeviceToHost));
  for (float* each : {da, db, dc, dmask, dbias, workspace}) FAE_CUDA(cudaFree(each));
  size_t wrong = 0;
  std::string first;
  for (size_t e = 0; e < found.size(); e++) {
    if (std::fabs(found[e] - expected[e]) <= 0.005f * std::max(1.f, std::fabs(expected[e]))) continue;
    if (wrong++ % std::max<size_t>(1, found.size() / 16) == 0 && first.size() < 300) {
      char text[80];
      std::snprintf(text, sizeof text, " [%zu,%zu]=%g not %g", e / p.n, e % p.n, found[e], expected[e]);
      first += text;
    }
  }
  if (wrong == 0) return true;
  std::printf("WRONG %s %s %s: %zu of %zu:%s\n", fae::cuda::wgmma_name(shape), layout == Layout::nt ? "nt" : "nn", p.name.c_str(), wrong, found.size(), first.c_str());
  print_map(found.data(), expected.data(), p.m, p.n, 0, 0);
  return false;
}

}  // namespace wgmma_probe_parts

// How many probes are wrong. All numbers but the last problems' are exact in TF32.
inline int wgmma_probe() {
  using namespace wgmma_probe_parts;
  int wrong = 0, done = 0;
  for (int shape = 0; shape < fae::cuda::wgmma_shapes; shape++) {
    const int n = shape == 0 ? 128 : shape == 1 ? 192 : 256;
    std::vector<Problem> problems;
    // Per k of one tile: which k of B meets it, which row of A and which row of B arrive where.
    for (const int k0 : {0, 1, 4, 8, 19, 31}) {
      const std::string at = " at k " + std::to_string(k0);
      problems.push_back({"k of B" + at, 128, n, 32, [=](int, int k) { return k == k0 ? 1.f : 0.f; }, [](int, int k) { return k + 1.f; }});
      problems.push_back({"rows of A" + at, 128, n, 32, [=](int i, int k) { return k == k0 ? i + 1.f : 0.f; }, [](int, int) { return 1.f; }});
      problems.push_back({"rows of B" + at, 128, n, 32, [=](int, int k) { return k == k0 ? 1.f : 0.f; }, [](int j, int) { return j + 1.f; }});
    }
    // Which tile of the ring is read in which step.
    for (int step = 0; step < 8; step++) {
      problems.push_back({"ring at step " + std::to_string(step), 128, n, 256, [=](int, int k) { return k / 32 == step ? 1.f : 0.f; }, [](int, int k) { return k / 32 + 1.f; }});
    }
    problems.push_back({"edges", 200, n + 52, 44, noise, [](int j, int k) { return noise(j + 5, k); }});
    problems.push_back({"short k", 128, n, 16, noise, [](int j, int k) { return noise(j + 5, k); }});
    problems.push_back({"way out", 200, n + 52, 100, noise, [](int j, int k) { return noise(j + 5, k); }, true});
    problems.push_back({"many tiles", 1024, 2 * n, 368, noise, [](int j, int k) { return noise(j + 5, k); }});
    int bad = 0;
    for (const Problem& problem : problems) {
      for (const Layout layout : {Layout::nt, Layout::nn}) {
        if (bad >= 6) break;
        done++;
        bad += !right(problem, shape, layout);
      }
    }
    wrong += bad;
    std::printf("wgmma %s: %d wrong\n", fae::cuda::wgmma_name(shape), bad);
    std::fflush(stdout);
  }
  std::printf("%d probes, %d wrong\n", done, wrong);
  return wrong;
}
