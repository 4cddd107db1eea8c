#include "gemm/lt_api.h"

#include <dlfcn.h>
#include <glob.h>

#include <cstdlib>
#include <sstream>
#include <vector>

#include "status.h"

namespace fae::cuda {

namespace {

std::vector<std::string> matches(const std::string& pattern) {
  std::vector<std::string> out;
  glob_t found{};
  if (glob(pattern.c_str(), 0, nullptr, &found) == 0) out.assign(found.gl_pathv, found.gl_pathv + found.gl_pathc);
  globfree(&found);
  return out;
}

std::vector<std::string> search_directories() {
  std::vector<std::string> out;
  if (const char* own = std::getenv("FAE_CUDA_LIBRARY_PATH")) {
    std::istringstream list(own);
    for (std::string directory; std::getline(list, directory, ':');) {
      if (!directory.empty()) out.push_back(directory);
    }
  }
  out.push_back("");  // the loader's own path
  std::vector<std::string> roots = {"/usr/lib/python3*", "/usr/local/lib/python3*", "/opt/*/lib/python3*", "/opt/*/.venv/lib/python3*",
                                    "/opt/conda/lib/python3*"};
  if (const char* home = std::getenv("HOME")) roots.push_back(std::string(home) + "/.local/lib/python3*");
  if (const char* venv = std::getenv("VIRTUAL_ENV")) roots.insert(roots.begin(), std::string(venv) + "/lib/python3*");
  for (const std::string& root : roots) {
    for (const char* packages : {"/site-packages", "/dist-packages"}) {
      for (const std::string& directory : matches(root + packages + "/nvidia/*/lib")) out.push_back(directory);
    }
  }
  for (const char* pattern : {"/usr/local/cuda/lib64", "/usr/local/cuda-1[23]*/lib64"}) {
    for (const std::string& directory : matches(pattern)) out.push_back(directory);
  }
  return out;
}

}  // namespace

void* open_cuda_library(const char* names, std::string& found, std::string& tried) {
  std::istringstream list(names);
  for (std::string name; list >> name;) {
    for (const std::string& directory : search_directories()) {
      const std::string path = directory.empty() ? name : directory + "/" + name;
      if (void* handle = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL)) {
        found = path;
        return handle;
      }
      // Only the plain name's text says something: every other directory just does not have the file.
      if (directory.empty()) tried += (tried.empty() ? "" : "; ") + std::string(dlerror());
      else dlerror();
    }
  }
  return nullptr;
}

const LtLibrary& lt_library() {
  static const LtLibrary library = [] {
    LtLibrary out;
    static LtApi api;
    std::string path, tried;
    const char* setting = std::getenv("FAE_CUDA_GEMM");
    out.asked = setting ? setting : "auto";
    if (out.asked == "own") {
      out.fact = "not used: FAE_CUDA_GEMM is own; own matrix kernels run instead";
      return out;
    }
    void* handle = open_cuda_library("libcublasLt.so.13 libcublasLt.so.12", path, tried);
    if (!handle) {
      out.fact = "not found (" + tried + "); own matrix kernels run instead. Set FAE_CUDA_LIBRARY_PATH to the folder of libcublasLt.so.13.";
      return out;
    }
    std::string missing;
#define FAE_LT(name)                                                      \
  api.name = reinterpret_cast<decltype(api.name)>(dlsym(handle, #name)); \
  if (!api.name) missing = #name;
    FAE_LT(cublasLtCreate)
    FAE_LT(cublasLtDestroy)
    FAE_LT(cublasLtGetVersion)
    FAE_LT(cublasLtMatmulDescCreate)
    FAE_LT(cublasLtMatmulDescDestroy)
    FAE_LT(cublasLtMatmulDescSetAttribute)
    FAE_LT(cublasLtMatrixLayoutCreate)
    FAE_LT(cublasLtMatrixLayoutDestroy)
    FAE_LT(cublasLtMatmulPreferenceCreate)
    FAE_LT(cublasLtMatmulPreferenceSetAttribute)
    FAE_LT(cublasLtMatmulPreferenceDestroy)
    FAE_LT(cublasLtMatmulAlgoGetHeuristic)
    FAE_LT(cublasLtMatmul)
#undef FAE_LT
    if (!missing.empty()) {
      out.fact = path + " has no " + missing + "; own matrix kernels run instead. Set FAE_CUDA_LIBRARY_PATH to the folder of another libcublasLt.so.13.";
      return out;
    }
    out.api = &api;
    out.version = api.cublasLtGetVersion();
    out.fact = path + ", version " + std::to_string(out.version);
    return out;
  }();
  return library;
}

const LtApi* require_lt_setting() {
  const LtLibrary& library = lt_library();
  if (library.asked != "auto" && library.asked != "own" && library.asked != "cublaslt") {
    fail(FAE_CONFIG, "FAE_CUDA_GEMM is '" + library.asked + "', expected auto, own or cublaslt.", {fact("found", library.asked)});
  }
  if (library.asked == "cublaslt" && !library.api) {
    fail(FAE_UNAVAILABLE, "FAE_CUDA_GEMM asks for cuBLASLt: " + library.fact + " Or let the own kernels run: unset FAE_CUDA_GEMM.", {fact("library", "cublasLt")});
  }
  return library.api;
}

}  // namespace fae::cuda
