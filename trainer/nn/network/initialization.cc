#include "trainer/nn/network/initialization.h"

#include <cmath>

#include "storage/base/philox.h"
#include "storage/base/status.h"

namespace lockstep {

void initialize_weights(proto::Initialization kind, std::uint64_t seed, const TensorInfo& tensor,
                        std::span<float> plain) {
  CHECK(tensor.is_weights && std::int64_t(plain.size()) == plain_elements(tensor), "{}", tensor.name);
  double taps = 1;
  for (std::size_t i = 2; i < tensor.shape.size(); ++i) taps *= double(tensor.shape[i]);
  const double fan_in = double(tensor.shape[1]) * taps;
  const double fan_out = double(tensor.shape[0]) * taps;
  Philox random(seed, Purpose::kInitialization, 0, key_of(tensor.name));
  if (kind == proto::XAVIER) {
    const float bound = float(std::sqrt(6 / (fan_in + fan_out)));
    for (float& value : plain) value = (2 * random.uniform() - 1) * bound;
  } else {
    const float deviation = float(std::sqrt(2 / fan_in));
    for (float& value : plain) value = random.normal() * deviation;
  }
}

}  // namespace lockstep
