#include <string>
#include <vector>

#include "calls.h"
#include "fae.h"
#include "random.h"

namespace fae_addon {

namespace {

uint32_t u32(const Napi::Value& value) { return value.As<Napi::Number>().Uint32Value(); }

// (c0, c1, c2, c3, k0, k1) -> Uint32Array of 4
Napi::Value philox(const Napi::CallbackInfo& info) {
  const fae::Words4 words = fae::philox(u32(info[0]), u32(info[1]), u32(info[2]), u32(info[3]), u32(info[4]), u32(info[5]));
  Napi::Uint32Array out = Napi::Uint32Array::New(info.Env(), 4);
  for (int i = 0; i < 4; i++) out[i] = words.word[i];
  return out;
}

// (width, seed, name, row, bound) -> Float32Array of `width`
Napi::Value uniform_row(const Napi::CallbackInfo& info) {
  Napi::Float32Array out = Napi::Float32Array::New(info.Env(), u32(info[0]));
  fae::uniform_row(out.Data(), u32(info[0]), u32(info[1]), fae::name_key(info[2].As<Napi::String>().Utf8Value()), u32(info[3]),
                   info[4].As<Napi::Number>().DoubleValue());
  return out;
}

// (n, seed, epoch, positions: Uint32Array) -> Uint32Array
Napi::Value permutation(const Napi::CallbackInfo& info) {
  const fae::Permutation permute(u32(info[0]), u32(info[1]), u32(info[2]));
  const Napi::Uint32Array positions = info[3].As<Napi::Uint32Array>();
  Napi::Uint32Array out = Napi::Uint32Array::New(info.Env(), positions.ElementLength());
  for (size_t i = 0; i < out.ElementLength(); i++) out[i] = permute(positions[i]);
  return out;
}

// () -> JSON of the names that the engine knows
Napi::Value names(const Napi::CallbackInfo& info) {
  std::vector<char> json(16384);
  fae_error error = {};
  if (fae_names(json.data(), json.size(), &error) != FAE_OK) throw Napi::Error::New(info.Env(), error.message);
  return Napi::String::New(info.Env(), json.data());
}

}  // namespace

void export_twins(Napi::Env env, Napi::Object exports) {
  Napi::Object twins = Napi::Object::New(env);
  twins.Set("philox", Napi::Function::New<philox>(env, "philox"));
  twins.Set("uniformRow", Napi::Function::New<uniform_row>(env, "uniformRow"));
  twins.Set("permutation", Napi::Function::New<permutation>(env, "permutation"));
  twins.Set("names", Napi::Function::New<names>(env, "names"));
  exports.Set("twins", twins);
}

}  // namespace fae_addon
