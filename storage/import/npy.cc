#include "storage/import/npy.h"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <optional>
#include <utility>

namespace lockstep {
namespace {

constexpr std::string_view kMagic("\x93NUMPY", 6);
constexpr std::size_t kMostHeader = 1 << 16, kMostDimensions = 8;

// The text behind `'key':` in a header such as {'descr': '<u1', 'fortran_order': False, 'shape': (2, 3), }.
std::string_view value_of(std::string_view header, std::string_view key) {
  const std::string quoted = fmt::format("'{}'", key);
  std::size_t at = header.find(quoted);
  if (at == std::string_view::npos) return {};
  at = header.find_first_not_of(": ", at + quoted.size());
  return at == std::string_view::npos ? std::string_view() : header.substr(at);
}

std::optional<std::vector<std::int64_t>> shape_of(std::string_view text) {
  if (!text.starts_with('(')) return std::nullopt;
  std::vector<std::int64_t> shape;
  for (std::size_t at = 1; at < text.size();) {
    at = text.find_first_not_of(", ", at);
    if (at == std::string_view::npos) break;
    if (text[at] == ')') return shape;
    std::int64_t value = 0;
    const auto [end, error] = std::from_chars(text.data() + at, text.data() + text.size(), value);
    if (error != std::errc() || value < 0 || shape.size() == kMostDimensions) return std::nullopt;
    shape.push_back(value);
    at = std::size_t(end - text.data());
  }
  return std::nullopt;
}

Status check_type(std::string_view descr, NpyArray& array) {
  // '<f4', '|u1', '>i8'
  if (descr.size() < 5 || descr[0] != '\'') return bad_data("is an array of records: expected whole numbers or floats");
  const char order = descr[1];
  array.kind = descr[2];
  array.bytes = std::size_t(descr[3] - '0');
  if (array.kind == 'O') {
    return bad_data(
        "is an array of Python objects, which are a pickle and are not opened: expected numbers; save it with "
        "astype of a number type");
  }
  const bool known = (std::string_view("ui").find(array.kind) != std::string_view::npos &&
                      (array.bytes == 1 || array.bytes == 2 || array.bytes == 4 || array.bytes == 8)) ||
                     (array.kind == 'f' && (array.bytes == 4 || array.bytes == 8)) ||
                     (array.kind == 'b' && array.bytes == 1);
  if (!known || descr[4] != '\'') {
    return bad_data(
        fmt::format("is an array of type {}: expected whole numbers, float32 or float64; convert it with astype",
                    descr.substr(0, std::min(descr.find('\'', 1), std::size_t{20}) + 1)));
  }
  if (order == '>' && array.bytes > 1) return bad_data("is a big-endian array: save it with astype of a native type");
  return OkStatus();
}

template <typename T>
double as(const char* at) {
  T value;
  std::memcpy(&value, at, sizeof value);
  return double(value);
}

}  // namespace

std::string NpyArray::type_name() const {
  if (kind == 'b') return "bool";
  return fmt::format("{}{}", kind == 'u' ? "uint" : kind == 'i' ? "int" : "float", 8 * bytes);
}

std::size_t NpyArray::elements() const {
  std::size_t product = 1;
  for (const std::int64_t dim : shape) product *= std::size_t(dim);
  return product;
}

double NpyArray::value(std::size_t element) const {
  const char* p = at(element);
  if (kind == 'f') return bytes == 4 ? as<float>(p) : as<double>(p);
  if (kind == 'i') {
    return bytes == 1   ? as<std::int8_t>(p)
           : bytes == 2 ? as<std::int16_t>(p)
           : bytes == 4 ? as<std::int32_t>(p)
                        : as<std::int64_t>(p);
  }
  return bytes == 1   ? as<std::uint8_t>(p)
         : bytes == 2 ? as<std::uint16_t>(p)
         : bytes == 4 ? as<std::uint32_t>(p)
                      : as<std::uint64_t>(p);
}

StatusOr<NpyArray> parse_npy(std::string file) {
  if (!file.starts_with(kMagic) || file.size() < 12) return bad_data("is no NumPy array: expected a .npy file");
  const int version = file[6];
  if (version < 1 || version > 3)
    return bad_data(fmt::format("is a .npy file of version {}: expected 1 to 3", version));
  const std::size_t width = version == 1 ? 2 : 4;
  std::size_t length = 0;
  for (std::size_t i = 0; i < width; ++i) length |= std::size_t(std::uint8_t(file[8 + i])) << (8 * i);
  NpyArray array;
  array.begin = 8 + width + length;
  if (length > kMostHeader || array.begin > file.size()) return bad_data("is a .npy file that is cut short");
  const std::string_view header = std::string_view(file).substr(8 + width, length);
  RETURN_IF_ERROR(check_type(value_of(header, "descr"), array));
  const auto shape = shape_of(value_of(header, "shape"));
  if (!shape) return bad_data("is a .npy file without a shape that makes sense");
  array.shape = *shape;
  if (!value_of(header, "fortran_order").starts_with("False") && array.shape.size() > 1) {
    return bad_data("is an array in Fortran order: save it with numpy.ascontiguousarray");
  }
  std::size_t needed = array.bytes;
  for (const std::int64_t dim : array.shape) {
    if (dim != 0 && needed > file.size() / std::size_t(dim)) {
      return bad_data(fmt::format("is a .npy file that is cut short: its shape is {}, and it has {} bytes",
                                  fmt::join(array.shape, "x"), file.size()));
    }
    needed *= std::size_t(dim);
  }
  if (needed > file.size() - array.begin) {
    return bad_data(
        fmt::format("is a .npy file that is cut short: expected {} bytes, got {}", array.begin + needed, file.size()));
  }
  array.content = std::move(file);
  return array;
}

}  // namespace lockstep
