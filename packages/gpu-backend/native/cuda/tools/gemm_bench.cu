// Checks and times every matrix kernel that the tuner chooses from, for the layers of RMC1..RMC4.
//
//     gemm_bench [--batch 1024,4096,16384] [--only 512x256] [--all FILE] [--seconds 50] [--watchdog 20] [--rounds 3]
//     gemm_bench --wgmma-probe
//
// For each layer: forward, input gradient (with mask) and weight gradient of every candidate against the float32 FMA kernel, element by
// element, and its time in a graph of ten launches in a row. One line per product: the fastest of each family; a line for each candidate
// that is wrong, with its first wrong elements and a map of the 128 x 128 tile in which they begin. --all: a file that gets every candidate.
// --rounds: timings of which the fastest counts; 0: the comparison alone, as for compute-sanitizer. --watchdog: seconds until a candidate
// counts as stuck. --wgmma-probe: the warpgroup kernels with operands that show what they read (wgmma_probe.h). Exit status 1 when a
// candidate is wrong.
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <fstream>
#include <map>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

#include "ops/linear.h"
#include "status.h"
#include "support/arena.h"
#include "support/check.h"
#include "support/handles.h"
#include "wgmma_probe.h"

namespace {

using namespace fae::cuda;

struct Difference {
  double square_sum;        // of the reference
  unsigned long long wrong, nonfinite, checked;
  unsigned first[4];        // of the wrong elements, unordered
  float worst;
};

// `parts` of `found` are added up; the same for the reference. Elements whose column is beyond `columns` are compared as well: pads are 0.
__global__ void measure_kernel(Difference* d, const float* reference, uint64_t count, int parts, uint64_t stride) {
  double sum = 0;
  for (uint64_t e = blockIdx.x * static_cast<uint64_t>(blockDim.x) + threadIdx.x; e < count; e += static_cast<uint64_t>(gridDim.x) * blockDim.x) {
    float r = 0;
    for (int p = 0; p < parts; p++) r += reference[p * stride + e];
    sum += static_cast<double>(r) * r;
  }
  atomicAdd(&d->square_sum, sum);
}

__global__ void compare_kernel(Difference* d, const float* reference, int reference_parts, const float* found, int parts, uint64_t stride, uint64_t count, float allowed) {
  for (uint64_t e = blockIdx.x * static_cast<uint64_t>(blockDim.x) + threadIdx.x; e < count; e += static_cast<uint64_t>(gridDim.x) * blockDim.x) {
    float r = 0, f = 0;
    for (int p = 0; p < reference_parts; p++) r += reference[p * stride + e];
    for (int p = 0; p < parts; p++) f += found[p * stride + e];
    const float difference = fabsf(f - r);
    if (!isfinite(f)) atomicAdd(&d->nonfinite, 1ull);
    if (isfinite(difference)) atomicMax(reinterpret_cast<int*>(&d->worst), __float_as_int(difference));
    if (!(difference <= allowed)) {
      const unsigned long long at = atomicAdd(&d->wrong, 1ull);
      if (at < 4) d->first[at] = static_cast<unsigned>(e);
    }
  }
  if (blockIdx.x == 0 && threadIdx.x == 0) d->checked = count;
}

// Uniform in [-0.5, 0.5), other numbers for another seed; rows and columns from `rows` and `columns` on are pads.
__global__ void fill_kernel(float* values, uint64_t count, int ld, int rows, int columns, unsigned seed) {
  const uint64_t e = blockIdx.x * static_cast<uint64_t>(blockDim.x) + threadIdx.x;
  if (e >= count) return;
  unsigned h = (static_cast<unsigned>(e) + seed * 0x3c6ef372u) * 0x9e3779b1u;
  h = (h ^ (h >> 16)) * 0x85ebca6bu;
  h = (h ^ (h >> 13)) * 0xc2b2ae35u;
  values[e] = static_cast<int>(e % ld) < columns && static_cast<int>(e / ld) < rows ? static_cast<float>(h ^ (h >> 16)) * 0x1p-32f - 0.5f : 0.f;
}

// What runs now, for the message of a kernel that does not end or traps.
char doing[200] = "start";
unsigned watchdog = 20;
int rounds = 3;
void doing_now(const std::string& what) {
  std::snprintf(doing, sizeof doing, "%s", what.c_str());
  alarm(watchdog);
}
void stopped(int) {
  const char text[] = "STOPPED in ";
  ssize_t written = write(1, text, sizeof text - 1);
  written += write(1, doing, std::strlen(doing));
  written += write(1, "\n", 1);
  _exit(written > 0 ? 1 : 3);
}

struct Layer {
  int vectors;  // per input
  int k, m;     // true sizes
  OutputActivation activation;
  bool input_gradient;
};

constexpr auto relu = OutputActivation::relu;
const std::vector<Layer> layers = {{1, 13, 512, relu, false}, {1, 512, 256, relu, true}, {1, 256, 64, relu, true},  {1, 64, 16, relu, true},   {1, 367, 512, relu, true},
                                   {1, 247, 512, relu, true}, {1, 415, 512, relu, true}, {1, 512, 512, relu, true}, {20, 22, 15, relu, true}, {20, 15, 15, relu, true}};

struct Output {
  const char* name;
  float* data;
  uint64_t count;  // of one part
  int parts;
};

class Bench {
 public:
  Bench(int batch, const Layer& layer, const LtContext* library, std::ofstream& all) : batch_(batch), layer_(layer), library_(library), all_(all) {
    rows_ = batch * layer.vectors, k_ = static_cast<int>(pad4(layer.k)), m_ = static_cast<int>(pad4(layer.m));
    const uint64_t most = std::max<uint64_t>(static_cast<uint64_t>(rows_) * std::max(k_, m_), static_cast<uint64_t>(Linear::most_parts) * k_ * m_);
    x_ = arena_.reserve<float>(static_cast<uint64_t>(rows_) * k_, "x");
    dy_ = arena_.reserve<float>(static_cast<uint64_t>(rows_) * m_, "dy");
    w_ = arena_.reserve<float>(static_cast<uint64_t>(m_) * k_, "w");
    bias_ = arena_.reserve<float>(m_, "bias");
    out_ = arena_.reserve<float>(most, "out"), reference_ = arena_.reserve<float>(most, "reference");
    sums_ = arena_.reserve<float>(Linear::most_parts * m_, "sums"), reference_sums_ = arena_.reserve<float>(Linear::most_parts * m_, "sums");
    difference_ = arena_.reserve<Difference>(1, "difference");
    workspace_ = arena_.reserve<uint8_t>(LtContext::workspace_bytes, "workspace");
    arena_.allocate();
    stream_ = new_stream();
    start_ = timed_event(), stop_ = timed_event();
    fill(x_, k_, rows_, layer.k, 1);
    fill(dy_, m_, rows_, layer.m, 2);
    fill(w_, k_, layer.m, layer.k, 3);
    fill(bias_, m_, 1, layer.m, 4);
    FAE_CUDA(cudaStreamSynchronize(stream_));
  }

  int run() {
    const Linear reference = linear(Arithmetic::float32, nullptr, reference_.get(), reference_sums_.get());
    const Linear tried = linear(Arithmetic::tf32, library_, out_.get(), sums_.get());
    int wrong = product("forward", reference.forward_ways(), tried.forward_ways(), static_cast<uint64_t>(rows_) * m_, false);
    if (layer_.input_gradient) wrong += product("input", reference.input_ways(), tried.input_ways(), static_cast<uint64_t>(rows_) * k_, false);
    return wrong + product("weight", reference.weight_ways(), tried.weight_ways(), static_cast<uint64_t>(m_) * k_, true);
  }

 private:
  void fill(const Buffer<float>& buffer, int ld, int rows, int columns, unsigned seed) {
    fill_kernel<<<ceil_div(buffer.count, 256), 256, 0, stream_>>>(buffer.get(), buffer.count, ld, rows, columns, seed);
    check_launch("fill_kernel");
  }

  Linear linear(Arithmetic arithmetic, const LtContext* library, float* out, float* sums) const {
    LinearOperands o;
    o.rows = rows_, o.k = k_, o.m = m_, o.columns = layer_.m;
    o.activation = layer_.activation;
    o.x = x_.get(), o.w = w_.get(), o.bias = bias_.get(), o.y = out;
    o.dy = dy_.get(), o.dx = out, o.mask = x_.get(), o.dw = out, o.db = sums;
    return Linear(o, arithmetic, library, workspace_.get());
  }

  Difference difference() {
    Difference d{};
    FAE_CUDA(cudaMemcpyAsync(&d, difference_.get(), sizeof d, cudaMemcpyDeviceToHost, stream_));
    FAE_CUDA(cudaStreamSynchronize(stream_));
    return d;
  }

  Difference compare(const float* reference, int reference_parts, const float* found, int parts, uint64_t stride, uint64_t count) {
    FAE_CUDA(cudaMemsetAsync(difference_.get(), 0, sizeof(Difference), stream_));
    measure_kernel<<<264, 256, 0, stream_>>>(difference_.get(), reference, count, reference_parts, stride);
    const double scale = std::sqrt(difference().square_sum / static_cast<double>(count));
    compare_kernel<<<264, 256, 0, stream_>>>(difference_.get(), reference, reference_parts, found, parts, stride, count, static_cast<float>(0.02 * scale + 1e-12));
    check_launch("compare_kernel");
    Difference d = difference();
    d.worst = static_cast<float>(d.worst / (scale + 1e-30));
    return d;
  }

  // Seconds of one launch, in a graph of ten; negative when it cannot be captured, 0 when nothing is to be timed.
  double time(const Linear::Way& way) {
    constexpr int launches = 10;
    if (rounds == 0) return 0;
    FAE_CUDA(cudaStreamBeginCapture(stream_, cudaStreamCaptureModeThreadLocal));
    bool started = true;
    for (int i = 0; i < launches; i++) started = way.run(workspace_.get(), stream_) && started;
    cudaGraph_t graph = nullptr;
    FAE_CUDA(cudaStreamEndCapture(stream_, &graph));
    const GraphTemplate recorded(graph);
    if (!started) return -1;
    cudaGraphExec_t executable = nullptr;
    FAE_CUDA(cudaGraphInstantiate(&executable, graph, 0));
    const GraphExecutable owner(executable);
    float best = 1e30f;
    for (int r = 0; r <= rounds; r++) {
      FAE_CUDA(cudaEventRecord(start_, stream_));
      FAE_CUDA(cudaGraphLaunch(executable, stream_));
      FAE_CUDA(cudaEventRecord(stop_, stream_));
      FAE_CUDA(cudaEventSynchronize(stop_));
      float milliseconds = 0;
      FAE_CUDA(cudaEventElapsedTime(&milliseconds, start_, stop_));
      if (r > 0) best = std::min(best, milliseconds);
    }
    return best * 1e-3 / launches;
  }

  int product(const char* what, const std::vector<Linear::Way>& references, const std::vector<Linear::Way>& ways, uint64_t count, bool weight) {
    const Linear::Way& reference = references[0];
    reference.run(workspace_.get(), stream_);
    FAE_CUDA(cudaStreamSynchronize(stream_));
    const uint64_t stride = weight ? static_cast<uint64_t>(m_) * k_ : 0;
    const std::string title = std::to_string(batch_) + " " + std::to_string(layer_.k) + "x" + std::to_string(layer_.m) + " " + what;
    struct Best {
      std::string name;
      double us = 1e30;
    };
    std::map<std::string, Best> families;
    int wrong = 0;
    float worst = 0;
    for (const Linear::Way& way : ways) {
      doing_now(title + " " + way.name);
      // All bits set is not a number: what a kernel leaves out is seen.
      FAE_CUDA(cudaMemsetAsync(out_.get(), 0xff, out_.count * sizeof(float), stream_));
      FAE_CUDA(cudaMemsetAsync(sums_.get(), 0xff, sums_.count * sizeof(float), stream_));
      FAE_CUDA(cudaStreamSynchronize(stream_));
      if (!way.run(workspace_.get(), stream_)) {
        all_ << title << '\t' << way.name << "\tdoes not start\n";
        continue;
      }
      FAE_CUDA(cudaStreamSynchronize(stream_));
      Difference d = compare(reference_.get(), reference.weight_parts, out_.get(), way.weight_parts, stride, count);
      const char* of = "";
      if (weight && d.wrong == 0) {
        const Difference s = compare(reference_sums_.get(), reference.bias_parts, sums_.get(), way.bias_parts, m_, m_);
        if (s.wrong > 0) d = s, of = " (bias)";
      }
      worst = std::max(worst, d.worst);
      if (d.wrong > 0) {
        wrong++;
        const unsigned width = *of || !weight ? (std::strcmp(what, "input") == 0 ? k_ : m_) : k_;
        std::string first;
        for (unsigned long long i = 0; i < std::min<unsigned long long>(d.wrong, 4); i++) {
          float values[2] = {};
          const float* places[2] = {(*of ? sums_ : out_).get(), (*of ? reference_sums_ : reference_).get()};
          for (int v = 0; v < 2; v++) FAE_CUDA(cudaMemcpy(&values[v], places[v] + d.first[i], 4, cudaMemcpyDeviceToHost));
          char text[80];
          std::snprintf(text, sizeof text, " [%u,%u]=%.3g not %.3g", d.first[i] / width, d.first[i] % width, values[0], values[1]);
          first += text;
        }
        std::printf("WRONG %s %s%s: %llu of %llu (%llu not finite), worst %.2g:%s\n", title.c_str(), way.name.c_str(), of, d.wrong, d.checked, d.nonfinite, d.worst, first.c_str());
        if (*of == 0 && way.weight_parts == 1 && reference.weight_parts == 1) {
          const unsigned least = *std::min_element(d.first, d.first + std::min<unsigned long long>(d.wrong, 4));
          const unsigned rows = static_cast<unsigned>(count / width);
          std::vector<float> found(count), expected(count);
          FAE_CUDA(cudaMemcpy(found.data(), out_.get(), count * 4, cudaMemcpyDeviceToHost));
          FAE_CUDA(cudaMemcpy(expected.data(), reference_.get(), count * 4, cudaMemcpyDeviceToHost));
          print_map(found.data(), expected.data(), rows, width, least / width / 128 * 128, least % width / 128 * 128);
        }
      }
      const double us = time(way) * 1e6;
      all_ << title << '\t' << way.name << '\t' << us << " us\tworst " << d.worst << (d.wrong ? "\tWRONG" : "") << '\n';
      Best& best = families[way.name.substr(0, way.name.find(' '))];
      if (d.wrong == 0 && us > 0 && us < best.us) best = {way.name.substr(way.name.find(' ') + 1), us};
    }
    std::string line;
    double least = 1e30;
    for (const auto& [family, best] : families) least = std::min(least, best.us);
    for (const auto& [family, best] : families) {
      char text[80];
      std::snprintf(text, sizeof text, " | %s%-6s %-15s %6.2f", best.us == least ? "*" : " ", family.c_str(), best.name.c_str(), best.us);
      if (best.us < 1e29) line += text;
    }
    const double flops = 2.0 * rows_ * k_ * m_;
    std::printf("%-22s %5.1f TF/s err %.0e of %2zu%s\n", title.c_str(), flops / least * 1e-6, worst, ways.size(), line.c_str());
    std::fflush(stdout);
    return wrong;
  }

  int batch_, rows_ = 0, k_ = 0, m_ = 0;
  Layer layer_;
  const LtContext* library_;
  std::ofstream& all_;
  Arena arena_;
  Buffer<float> x_, dy_, w_, bias_, out_, reference_, sums_, reference_sums_;
  Buffer<Difference> difference_;
  Buffer<uint8_t> workspace_;
  Stream stream_;
  Event start_, stop_;
};

int bench(int count, char** arguments) {
  std::vector<int> batches = {1024, 4096, 16384};
  std::string only, all = "/dev/null";
  double seconds = 50;
  tiled_gemm_prepare();
  sliced_gemm_prepare();
  wgmma_gemm_prepare();
  if (count == 2 && std::string(arguments[1]) == "--wgmma-probe") {
    doing_now("the probe");
    return wgmma_probe() > 0;
  }
  for (int i = 1; i + 1 < count; i += 2) {
    const std::string key = arguments[i], value = arguments[i + 1];
    if (key == "--batch") {
      batches.clear();
      std::istringstream list(value);
      for (std::string b; std::getline(list, b, ',');) batches.push_back(std::atoi(b.c_str()));
    } else if (key == "--only") only = value;
    else if (key == "--all") all = value;
    else if (key == "--watchdog") watchdog = static_cast<unsigned>(std::atoi(value.c_str()));
    else if (key == "--rounds") rounds = std::atoi(value.c_str());
    else if (key == "--seconds") seconds = std::atof(value.c_str());
    else return std::fprintf(stderr, "unknown option %s\n", key.c_str()), 2;
  }
  const auto begin = std::chrono::steady_clock::now();
  const auto passed = [&] { return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count(); };
  std::ofstream file(all);
  std::unique_ptr<LtContext> library;
  if (require_lt_setting()) library = std::make_unique<LtContext>();
  std::printf("cuBLASLt: %s\n", lt_library().fact.c_str());
  int wrong = 0;
  for (const int batch : batches) {
    for (const Layer& layer : layers) {
      // The layers of RMC1 run at its own batch sizes: 20 vectors per input.
      const int inputs = layer.vectors > 1 ? batch / 4 : batch;
      if (!only.empty() && only != std::to_string(layer.k) + "x" + std::to_string(layer.m)) continue;
      if (passed() > seconds) {
        std::printf("not run: %d %dx%d\n", inputs, layer.k, layer.m);
        continue;
      }
      wrong += Bench(inputs, layer, library.get(), file).run();
    }
  }
  std::printf("%d wrong, %.1f s\n", wrong, passed());
  return wrong > 0;
}

}  // namespace

int main(int count, char** arguments) {
  try {
    std::signal(SIGALRM, stopped);
    std::signal(SIGTERM, stopped);
    return bench(count, arguments);
  } catch (const fae::Failure& failure) {
    std::printf("FAILED in %s: %s\n", doing, failure.message.c_str());
  } catch (const std::exception& failure) {
    std::printf("FAILED in %s: %s\n", doing, failure.what());
  }
  return 1;
}
