// The matrix kernels of every instruction set this CPU has: checked against double precision for all sizes around their tiles,
// compared bit by bit between sets that fuse multiply and add, and (with --time) timed, beside Eigen when it was found at build
// time. Time is processor time of one thread.
#include <cmath>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <functional>
#include <vector>

#if defined(FAE_EIGEN)
#include <Eigen/Core>
#endif

#include "kernels.h"
#include "random.h"

namespace {

using namespace fae::cpu;

std::vector<float> draw(size_t n, uint32_t seed) {
  std::vector<float> values(n + 64);
  for (size_t i = 0; i < n; i++) values[i] = static_cast<float>(2 * fae::unit(fae::philox(static_cast<uint32_t>(i), seed, 0, 0, 1, 9).word[0]) - 1);
  return values;
}

struct Panels {
  std::vector<float> straight, transposed;
};

Panels panels_of(const Kernels& kernels, const std::vector<float>& w, uint32_t rows, uint32_t columns) {
  const auto up = [&](uint32_t n) { return (n + kernels.panel - 1) / kernels.panel * kernels.panel; };
  Panels panels{std::vector<float>(static_cast<size_t>(up(columns)) * rows), std::vector<float>(static_cast<size_t>(up(rows)) * columns)};
  Pack pack;
  pack.w = {const_cast<float*>(w.data()), columns};
  pack.rows = rows;
  pack.columns = columns;
  pack.straight = panels.straight.data();
  pack.transposed = panels.transposed.data();
  for (uint32_t from = 0; from < rows; from += kernels.panel) {
    pack.from = from;
    pack.to = std::min(rows, from + kernels.panel);
    kernels.pack(pack);
  }
  return panels;
}

struct Results {
  std::vector<float> y, dx, dw;
};

// y = x W' (W [m, k]), dx = y W, dW = y' x.
Results products(const Kernels& kernels, uint32_t rows, uint32_t k, uint32_t m) {
  std::vector<float> x = draw(static_cast<size_t>(rows) * k, 1), w = draw(static_cast<size_t>(m) * k, 2);
  const Panels panels = panels_of(kernels, w, m, k);
  Results r{std::vector<float>(static_cast<size_t>(rows) * m + 64), std::vector<float>(static_cast<size_t>(rows) * k),
            std::vector<float>(static_cast<size_t>(m) * k)};
  Product forward;
  forward.x = {x.data(), k};
  forward.y = {r.y.data(), m};
  forward.packed = panels.transposed.data();
  forward.rows = rows;
  forward.inner = k;
  forward.columns = m;
  kernels.product(forward);
  Product backward;
  backward.x = forward.y;
  backward.y = {r.dx.data(), k};
  backward.packed = panels.straight.data();
  backward.rows = rows;
  backward.inner = m;
  backward.columns = k;
  kernels.product(backward);
  OuterProduct outer;
  outer.a = forward.y;
  outer.b = forward.x;
  outer.out = {r.dw.data(), k};
  outer.rows = rows;
  // In parts, as the engine does.
  for (uint32_t i = 0; i < m; i += 13) {
    for (uint32_t j = 0; j < k; j += 40) {
      outer.i_from = i;
      outer.i_to = std::min(m, i + 13);
      outer.j_from = j;
      outer.j_to = std::min(k, j + 40);
      kernels.outer_product(outer);
    }
  }
  return r;
}

// Largest error of a sum, relative to the sum of its terms' magnitudes: cancellation is not the kernel's fault.
double worst(const std::vector<float>& actual, size_t n, uint32_t terms, const std::function<double(size_t, uint32_t)>& term) {
  double error = 0;
  for (size_t i = 0; i < n; i++) {
    double sum = 0, magnitude = 0;
    for (uint32_t c = 0; c < terms; c++) {
      sum += term(i, c);
      magnitude += std::fabs(term(i, c));
    }
    error = std::fmax(error, std::fabs(actual[i] - sum) / magnitude);
  }
  return error;
}

bool check(const Kernels& kernels, uint32_t rows, uint32_t k, uint32_t m) {
  const std::vector<float> x = draw(static_cast<size_t>(rows) * k, 1), w = draw(static_cast<size_t>(m) * k, 2);
  const Results r = products(kernels, rows, k, m);
  const double y = worst(r.y, static_cast<size_t>(rows) * m, k,
                         [&](size_t i, uint32_t c) { return static_cast<double>(x[i / m * k + c]) * w[i % m * k + c]; });
  const double dx =
      worst(r.dx, r.dx.size(), m, [&](size_t i, uint32_t c) { return static_cast<double>(r.y[i / k * m + c]) * w[c * k + i % k]; });
  const double dw =
      worst(r.dw, r.dw.size(), rows, [&](size_t i, uint32_t c) { return static_cast<double>(r.y[c * m + i / k]) * x[c * k + i % k]; });
  if (y < 1e-6 && dx < 1e-6 && dw < 1e-6) return true;
  std::printf("%s [%u, %u] x [%u]: worst error y %g, dx %g, dW %g\n", kernels.name, rows, k, m, y, dx, dw);
  return false;
}

double gflops(double operations, const std::function<void()>& work) {
  double best = 1e9;
  for (int repeat = 0; repeat < 12; repeat++) {
    timespec from, to;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &from);
    work();
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &to);
    best = std::min(best, static_cast<double>(to.tv_sec - from.tv_sec) + 1e-9 * static_cast<double>(to.tv_nsec - from.tv_nsec));
  }
  return operations / best / 1e9;
}

void time_kernels(const Kernels& kernels, uint32_t rows, uint32_t k, uint32_t m) {
  const uint32_t xs = k + 16, ys = m + 16;
  std::vector<float> x = draw(static_cast<size_t>(rows) * xs, 1), y = draw(static_cast<size_t>(rows) * ys, 3), w = draw(static_cast<size_t>(m) * k, 2), dw(w.size());
  const Panels panels = panels_of(kernels, w, m, k);
  const double operations = 2.0 * rows * k * m;
  const auto tiles = [&](bool forward) {
    for (uint32_t row = 0; row < rows; row += 64) {
      Product p;
      p.x = forward ? Matrix{x.data() + row * xs, xs} : Matrix{y.data() + row * ys, ys};
      p.y = forward ? Matrix{y.data() + row * ys, ys} : Matrix{x.data() + row * xs, xs};
      p.packed = forward ? panels.transposed.data() : panels.straight.data();
      p.rows = 64;
      p.inner = forward ? k : m;
      p.columns = forward ? m : k;
      kernels.product(p);
    }
  };
  const auto outer = [&] {
    OuterProduct p;
    p.a = {y.data(), ys};
    p.b = {x.data(), xs};
    p.out = {dw.data(), k};
    p.rows = rows;
    for (uint32_t i = 0; i < m; i += 64) {
      for (uint32_t j = 0; j < k; j += 256) {
        p.i_from = i;
        p.i_to = std::min(m, i + 64);
        p.j_from = j;
        p.j_to = std::min(k, j + 256);
        kernels.outer_product(p);
      }
    }
  };
  std::printf("%-8s [%u, %u] x %u: y %.1f, dW %.1f", kernels.name, rows, k, m, gflops(operations, [&] { tiles(true); }), gflops(operations, outer));
  // The values of y are kept for dW: dx overwrites x last.
  std::printf(", dx %.1f GFLOP/s\n", gflops(operations, [&] { tiles(false); }));
}

#if defined(FAE_EIGEN)
void time_eigen(uint32_t rows, uint32_t k, uint32_t m) {
  using Mat = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
  Mat x = Mat::Random(rows, k), w = Mat::Random(m, k), y(rows, m), dw(m, k), dx(rows, k);
  const double operations = 2.0 * rows * k * m;
  const double whole = gflops(operations, [&] { y.noalias() = x * w.transpose(); });
  const double tiled = gflops(operations, [&] {
    for (uint32_t row = 0; row < rows; row += 64) y.middleRows(row, 64).noalias() = x.middleRows(row, 64) * w.transpose();
  });
  const double weights = gflops(operations, [&] { dw.noalias() = y.transpose() * x; });
  const double inputs = gflops(operations, [&] { dx.noalias() = y * w; });
  std::printf("%-8s [%u, %u] x %u: y %.1f (64 rows at a time %.1f), dW %.1f, dx %.1f GFLOP/s\n", "Eigen", rows, k, m, whole, tiled, weights, inputs);
}
#endif

}  // namespace

int main(int argc, char** argv) {
  const Kernels* all[] = {&baseline::kernels(), &avx2::kernels(), &avx512::kernels()};
  const Kernels& best = choose_kernels();
  const bool times = argc > 1 && std::strcmp(argv[1], "--time") == 0;
  bool good = true;
  for (const Kernels* kernels : all) {
    for (const uint32_t rows : {1u, 5u, 8u, 9u, 127u, 129u, 300u}) {
      for (const uint32_t k : {1u, 7u, 16u, 33u, 70u}) {
        for (const uint32_t m : {1u, 3u, 15u, 16u, 31u, 49u}) good = check(*kernels, rows, k, m) && good;
      }
    }
    if (times) time_kernels(*kernels, 1024, 512, 256);
    if (times) time_kernels(*kernels, 1024, 367, 512);
    if (kernels == &best) break;
  }
  if (&best == all[2]) {
    const Results a = products(*all[1], 300, 70, 49), b = products(*all[2], 300, 70, 49);
    const bool equal = a.y == b.y && a.dx == b.dx && a.dw == b.dw;
    std::printf("avx2 and avx512 %s\n", equal ? "agree to the bit" : "DIFFER");
    good = good && equal;
  }
#if defined(FAE_EIGEN)
  if (times) time_eigen(1024, 512, 256);
  if (times) time_eigen(1024, 367, 512);
#endif
  std::printf("%s\n", good ? "ok" : "FAILED");
  return good ? 0 : 1;
}
