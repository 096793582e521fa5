#include "storage/import/hdf5_pixels.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <optional>

namespace lockstep {
namespace {

constexpr std::size_t kPieceValues = std::size_t(1) << 20;

bool can_be_channels(std::uint64_t extent) {
  return extent == 1 || extent == 3 || extent == 4;
}

// Whether (rows, a, b, c) has its channels first; nullopt: it cannot be told, and the faults say so.
std::optional<bool> channels_first(const Hdf5Array& array, ChannelOrder order, ImportFaults& faults) {
  const auto& dims = array.stored.dims;
  if (dims.size() == 3 || order != ChannelOrder::kRecognised) return dims.size() == 4 && order == ChannelOrder::kFirst;
  const bool first = can_be_channels(dims[1]), last = can_be_channels(dims[3]);
  if (first != last) return first;
  faults.usage.push_back(
      fmt::format("{} has the shape {}, of which {}: say --layout first, for (rows, channels, height, "
                  "width), or --layout last, for (rows, height, width, channels)",
                  array.where(), array.stored.dims_text(),
                  first ? "both the second and the last axis may be the channels"
                        : "neither the second nor the last axis is 1, 3 or 4 channels"));
  return std::nullopt;
}

struct Shape {
  ImageShape image;
  bool channels_first = false;
};

std::string shape_text(const Shape& shape) {
  const auto& [channels, height, width] = shape.image;
  if (channels == 1) return fmt::format("{} x {}, grey", height, width);
  return fmt::format("{} x {} of {} channels, stored {}", height, width, channels,
                     shape.channels_first ? "first" : "last");
}

std::optional<Shape> shape_of(const Hdf5Array& array, ChannelOrder order, ImportFaults& faults) {
  const auto& dims = array.stored.dims;
  const auto refuse = [&](std::string_view message) {
    faults.data.push_back(fmt::format("{} {}", array.where(), message));
    return std::nullopt;
  };
  if (array.is_text()) return refuse("has strings: expected the pixels of images");
  if (dims.size() < 3) {
    return refuse(
        fmt::format("has the shape {}: expected (rows, height, width), or with channels behind or before these; "
                    "bring flat rows into shape with reshape",
                    array.stored.dims_text()));
  }
  if (array.row_values() > std::size_t(kImageElementLimit)) {
    return refuse(fmt::format("has the shape {}: expected at most {} values an image", array.stored.dims_text(),
                              kImageElementLimit));
  }
  const std::optional<bool> first = channels_first(array, order, faults);
  if (!first) return std::nullopt;
  const std::uint64_t channels = dims.size() == 3 ? 1 : dims[*first ? 1 : 3];
  return Shape{{int(channels), int(dims[*first ? 2 : 1]), int(dims[*first ? 3 : 2])}, *first};
}

// What there is among the pixels of one array or more.
struct Seen {
  double least = std::numeric_limits<double>::infinity(), most = -least;
  std::int64_t row_of_least = 0, row_of_most = 0;
  const Hdf5Array *of_least = nullptr, *of_most = nullptr;
  bool whole = true;     // all are whole numbers
  bool of_bytes = true;  // all are k / 255
};

// To the last bit but one, for some divide by 255 and others multiply by 1 / 255.
bool is_of_byte(float value) {
  const float nearest = std::round(value * 255) / 255;
  return std::abs(value - nearest) <= nearest * std::numeric_limits<float>::epsilon();
}

template <typename T>
void look_at_row(std::span<const T> row, const Hdf5Array& array, std::int64_t number, Seen& seen) {
  auto least = std::numeric_limits<T>::max(), most = std::numeric_limits<T>::lowest();
  for (const T value : row) {
    if constexpr (std::is_floating_point_v<T>) {
      if (!std::isfinite(value)) continue;
      seen.whole = seen.whole && value == std::floor(value);
      seen.of_bytes = seen.of_bytes && is_of_byte(value);
    }
    least = std::min(least, value);
    most = std::max(most, value);
  }
  if (least > most) return;  // none is finite
  if (double(least) < seen.least) {
    seen.least = double(least);
    seen.row_of_least = number;
    seen.of_least = &array;
  }
  if (double(most) > seen.most) {
    seen.most = double(most);
    seen.row_of_most = number;
    seen.of_most = &array;
  }
}

template <typename T>
Status look_at_array(const Hdf5Array& array, const LookProgress& progress, Seen& seen) {
  const std::size_t values = array.row_values();
  std::vector<T> block;
  return for_each_block(array, [&](std::int64_t first, std::int64_t count) -> Status {
    block.resize(std::size_t(count) * values);
    RETURN_IF_ERROR(read_values(array, first, count, block.data()));
    for (std::size_t i = 0; i < std::size_t(count); ++i) {
      look_at_row(std::span<const T>(block).subspan(i * values, values), array, first + std::int64_t(i), seen);
    }
    if (progress) progress(array, first + count);
    return OkStatus();
  });
}

void plan_integers(const Seen& seen, std::string_view type_name, PixelPlan& plan, ImportFaults& faults) {
  const std::string range = fmt::format("{:.0f} to {:.0f}", seen.least, seen.most);
  plan.type = seen.most <= 255 ? PixelType::kUint8 : PixelType::kUint16;
  plan.words = fmt::format("{} of {}, kept as {}", type_name, range, pixel_type_name(plan.type));
  if (seen.least >= 0 && seen.most <= 65535) return;
  const bool low = seen.least < 0;
  const Hdf5Array& array = low ? *seen.of_least : *seen.of_most;
  faults.data.push_back(
      fmt::format("{} has the value {:.0f} at row {}, and pixels of {}: expected 0 to 65535; convert "
                  "them with astype(\"float32\")",
                  array.where(), low ? seen.least : seen.most, low ? seen.row_of_least : seen.row_of_most, range));
}

void plan_floats(const Seen& seen, std::string_view type_name, PixelPlan& plan) {
  plan.type = PixelType::kFloat32;
  if (seen.of_least == nullptr) return;
  const std::string range = fmt::format("{} of {:.6g} to {:.6g}", type_name, seen.least, seen.most);
  const bool shares = seen.least >= 0 && seen.most <= 1;
  if (shares && seen.of_bytes) {
    plan.type = PixelType::kUint8;
    plan.from_floats = true;
    plan.scale = 255;
    plan.words = fmt::format("{}, all of them k / 255, kept as uint8", range);
  } else if (seen.least >= 0 && seen.most <= 65535 && seen.whole) {
    plan.type = seen.most <= 255 ? PixelType::kUint8 : PixelType::kUint16;
    plan.from_floats = true;
    plan.words = fmt::format("{}, all whole, kept as {}", range, pixel_type_name(plan.type));
  } else {
    const bool bytes = seen.least >= 0 && seen.most > 1 && seen.most <= 255;
    plan.words = fmt::format("{}{}, kept as float32", range, shares ? ", shares" : bytes ? ", within 0 to 255" : "");
  }
}

std::string type_of(const Hdf5Array& array) {
  return array.stored.type_name;
}

Status find_type(const std::vector<const Hdf5Array*>& arrays, const LookProgress& progress, PixelPlan& plan,
                 ImportFaults& faults) {
  const Hdf5Array& first = *arrays[0];
  for (const Hdf5Array* array : arrays) {
    if (array->is_float() == first.is_float()) continue;
    faults.data.push_back(
        fmt::format("{} has pixels of {}, but {} of {}: expected one type and scale; convert one of both "
                    "with astype",
                    array->where(), type_of(*array), first.where(), type_of(first)));
    return OkStatus();
  }
  const auto all_are = [&](std::string_view type) {
    return std::ranges::all_of(arrays, [&](const Hdf5Array* array) { return type_of(*array) == type; });
  };
  plan.words = type_of(first);
  if (all_are("uint8") || all_are("uint16")) {
    plan.type = all_are("uint8") ? PixelType::kUint8 : PixelType::kUint16;
    return OkStatus();
  }
  Seen seen;
  for (const Hdf5Array* array : arrays) {
    RETURN_IF_ERROR(first.is_float() ? look_at_array<float>(*array, progress, seen)
                                     : look_at_array<std::int64_t>(*array, progress, seen));
  }
  first.is_float() ? plan_floats(seen, type_of(first), plan) : plan_integers(seen, type_of(first), plan, faults);
  for (const Hdf5Array* array : arrays) {
    if (plan.type == PixelType::kUint8 || type_of(*array) != "uint8" || !faults.empty()) continue;
    faults.data.push_back(
        fmt::format("{} has pixels of uint8, but another split has pixels of up to {:.0f}: expected one "
                    "type and scale",
                    array->where(), seen.most));
  }
  return OkStatus();
}

// `stored` is as the array has it, `out` with channels last.
template <typename T>
void put_row(std::span<const T> stored, const PixelPlan& plan, std::byte* out) {
  if (!plan.channels_first || plan.image.channels == 1) {
    std::memcpy(out, stored.data(), stored.size_bytes());
    return;
  }
  const std::size_t pixels = plan.image.pixels(), channels = std::size_t(plan.image.channels);
  for (std::size_t i = 0; i < pixels; ++i) {
    for (std::size_t c = 0; c < channels; ++c) {
      std::memcpy(out + (i * channels + c) * sizeof(T), &stored[c * pixels + i], sizeof(T));
    }
  }
}

template <typename T>
void put_rows(std::span<const T> stored, const PixelPlan& plan, std::span<std::byte> out) {
  const std::size_t values = plan.image.elements();
  for (std::size_t i = 0; i * values < stored.size(); ++i) {
    put_row(stored.subspan(i * values, values), plan, out.data() + i * values * sizeof(T));
  }
}

template <typename T>
void put_integers(std::span<const float> floats, const PixelPlan& plan, std::span<std::byte> out) {
  std::vector<T> stored(floats.size());
  for (std::size_t i = 0; i < floats.size(); ++i) {
    const float most = float(std::numeric_limits<T>::max());
    stored[i] = std::isfinite(floats[i]) ? T(std::clamp(std::round(floats[i] * plan.scale), 0.0F, most)) : T(0);
  }
  put_rows(std::span<const T>(stored), plan, out);
}

Status read_floats(const Hdf5Array& array, const PixelPlan& plan, std::int64_t first, std::int64_t count,
                   std::span<std::byte> out, std::span<std::string> why) {
  const std::size_t values = plan.image.elements();
  std::vector<float> stored(std::size_t(count) * values);
  RETURN_IF_ERROR(read_values(array, first, count, stored.data()));
  for (std::size_t i = 0; i < stored.size(); ++i) {
    if (std::isfinite(stored[i]) || !why[i / values].empty()) continue;
    why[i / values] = fmt::format("has a pixel that is {}: expected finite numbers", stored[i]);
  }
  if (plan.type == PixelType::kUint8) put_integers<std::uint8_t>(stored, plan, out);
  if (plan.type == PixelType::kUint16) put_integers<std::uint16_t>(stored, plan, out);
  if (plan.type == PixelType::kFloat32) put_rows(std::span<const float>(stored), plan, out);
  return OkStatus();
}

template <typename T>
Status read_integers(const Hdf5Array& array, const PixelPlan& plan, std::int64_t first, std::int64_t count,
                     std::span<std::byte> out) {
  std::vector<T> stored(std::size_t(count) * plan.image.elements());
  RETURN_IF_ERROR(read_values(array, first, count, stored.data()));
  put_rows(std::span<const T>(stored), plan, out);
  return OkStatus();
}

}  // namespace

StatusOr<PixelPlan> look_at_pixels(const std::vector<const Hdf5Array*>& arrays, ChannelOrder order,
                                   const LookProgress& progress, ImportFaults& faults) {
  PixelPlan plan;
  std::optional<Shape> shape;
  bool same = true;
  for (const Hdf5Array* array : arrays) {
    const std::optional<Shape> other = shape_of(*array, order, faults);
    same = same && other;
    if (!other) continue;
    if (!shape) shape = other;
    if (shape->image == other->image &&
        (shape->channels_first == other->channels_first || shape->image.channels == 1)) {
      continue;
    }
    same = false;
    faults.data.push_back(fmt::format("{} has images of {}, but {} has {}: expected the same in every split",
                                      array->where(), shape_text(*other), arrays[0]->where(), shape_text(*shape)));
  }
  if (!same) return plan;
  plan.image = shape->image;
  plan.channels_first = shape->channels_first;
  const std::size_t before = faults.data.size() + faults.usage.size();
  RETURN_IF_ERROR(find_type(arrays, progress, plan, faults));
  if (faults.data.size() + faults.usage.size() > before) return plan;
  plan.words = fmt::format("{}; {}", shape_text(*shape), plan.words);
  return plan;
}

Status read_pixels(const Hdf5Array& array, const PixelPlan& plan, std::int64_t first, std::int64_t count,
                   std::span<std::byte> out, std::span<std::string> why) {
  const std::size_t row_bytes = plan.image.elements() * bytes_per_pixel(plan.type);
  const auto most = std::int64_t(std::max<std::size_t>(1, kPieceValues / plan.image.elements()));
  for (std::int64_t done = 0; done < count; done += most) {
    const std::int64_t rows = std::min(most, count - done);
    const auto part = out.subspan(std::size_t(done) * row_bytes, std::size_t(rows) * row_bytes);
    const auto part_why = why.subspan(std::size_t(done), std::size_t(rows));
    if (array.is_float()) {
      RETURN_IF_ERROR(read_floats(array, plan, first + done, rows, part, part_why));
    } else if (plan.type == PixelType::kUint8) {
      RETURN_IF_ERROR(read_integers<std::uint8_t>(array, plan, first + done, rows, part));
    } else {
      RETURN_IF_ERROR(read_integers<std::uint16_t>(array, plan, first + done, rows, part));
    }
  }
  return OkStatus();
}

}  // namespace lockstep
