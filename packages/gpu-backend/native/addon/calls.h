// What the addon exports for sessions: the calls of fae.h as functions that return promises. Surface: src/native/binding.ts.
#pragma once

#include "values.h"

namespace fae_addon {

void export_calls(const Values& values, napi_value exports);
// Functions of common/ that have a TypeScript twin, for the test that compares the two.
void export_twins(const Values& values, napi_value exports);

}  // namespace fae_addon
