#include <string>
#include <vector>

#include "calls.h"
#include "fae.h"
#include "random.h"

namespace fae_addon {

namespace {

// (c0, c1, c2, c3, k0, k1) -> Uint32Array of 4
napi_value philox(const Arguments& in) {
  uint32_t w[6];
  for (size_t i = 0; i < 6; i++) w[i] = in.word(in[i], "a word");
  const fae::Words4 words = fae::philox(w[0], w[1], w[2], w[3], w[4], w[5]);
  return Values(in.env).array(std::vector<uint32_t>(words.word, words.word + 4));
}

// (width, seed, name, row, bound) -> Float32Array of `width`
napi_value uniform_row(const Arguments& in) {
  std::vector<float> out(in.whole(in[0], 1 << 16, "width"));
  fae::uniform_row(out.data(), static_cast<uint32_t>(out.size()), in.word(in[1], "seed"), fae::name_key(in.text(in[2], "name")), in.word(in[3], "row"),
                   in.number(in[4], "bound"));
  return Values(in.env).array(out);
}

// (n, seed, epoch, positions: Uint32Array, all below n) -> Uint32Array
napi_value permutation(const Arguments& in) {
  const uint32_t n = in.word(in[0], "n");
  const fae::Permutation permute(n, in.word(in[1], "seed"), in.word(in[2], "epoch"));
  std::vector<uint32_t> out = in.words(in[3], "positions");
  for (uint32_t& position : out) {
    if (position >= n) fae::fail(FAE_CONFIG, "There is no position " + std::to_string(position) + " among " + std::to_string(n) + ".");
    position = permute(position);
  }
  return Values(in.env).array(out);
}

// () -> JSON of the names that the engine knows
napi_value names(const Arguments& in) {
  std::vector<char> json(16384);
  fae_error error = {};
  if (fae_names(json.data(), json.size(), &error) != FAE_OK) throw fae::Failure{error.status, error.message, error.details};
  return Values(in.env).text(json.data());
}

}  // namespace

void export_twins(const Values& values, napi_value exports) {
  const napi_value twins = values.object();
  export_function<philox>(values, twins, "philox");
  export_function<uniform_row>(values, twins, "uniformRow");
  export_function<permutation>(values, twins, "permutation");
  export_function<names>(values, twins, "names");
  values.set(exports, "twins", twins);
}

}  // namespace fae_addon
