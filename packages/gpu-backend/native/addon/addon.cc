#include "calls.h"

NAPI_MODULE_INIT() {
  try {
    const fae_addon::Values values(env);
    fae_addon::export_calls(values, exports);
    fae_addon::export_twins(values, exports);
    return exports;
  } catch (...) {
    fae_addon::throw_current(env);
    return nullptr;
  }
}
