#include "calls.h"

namespace {

Napi::Object init(Napi::Env env, Napi::Object exports) {
  fae_addon::export_calls(env, exports);
  fae_addon::export_twins(env, exports);
  return exports;
}

}  // namespace

NODE_API_MODULE(fae, init)
