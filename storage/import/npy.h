// NumPy's arrays: the .npy format (NEP 1; versions 1 to 3), of whole numbers and floats.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "storage/base/status.h"

namespace lockstep {

// In C order: the last dimension goes fastest.
struct NpyArray {
  char kind = 'u';        // 'u', 'i', 'f', 'b': unsigned, signed, float, bool
  std::size_t bytes = 1;  // of an element
  std::vector<std::int64_t> shape;
  std::string content;    // of the elements, little-endian
  std::size_t begin = 0;  // where they begin in `content`

  std::string type_name() const;  // "uint8"
  std::size_t elements() const;
  const char* at(std::size_t element) const { return content.data() + begin + element * bytes; }
  double value(std::size_t element) const;  // whole numbers beyond 2^53 are rounded
};

// `file`: a whole .npy file. Errors: bad_data ("is ...", to follow its name): no array, cut short, Python objects, big
// endian, Fortran order.
StatusOr<NpyArray> parse_npy(std::string file);

}  // namespace lockstep
