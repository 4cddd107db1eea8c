// What the addon exports for sessions: the calls of fae.h as functions that return promises. Surface: src/native/binding.ts.
#pragma once

#include <napi.h>

namespace fae_addon {

void export_calls(Napi::Env env, Napi::Object exports);
// Functions of common/ that have a TypeScript twin, for the test that compares the two.
void export_twins(Napi::Env env, Napi::Object exports);

}  // namespace fae_addon
