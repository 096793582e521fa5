#include "storage/image/resample.h"

#include <algorithm>
#include <cmath>
#include <deque>
#include <type_traits>
#include <utility>

namespace lockstep {
namespace {

constexpr int kWeightBits = 22;

// The stored values that one of a line is made of.
struct Window {
  int first = 0;
  std::vector<std::int32_t> weights;  // their sum is 2^kWeightBits, to the rounding of each

  int end() const { return first + int(weights.size()); }
};

// Of the places [begin, begin + count) of a line of `to` places over one of `from`; where they begin and where they end
// never falls.
std::vector<Window> windows(int from, std::int64_t to, std::int64_t begin, int count) {
  const double scale = double(from) / double(to);
  const double radius = std::max(scale, 1.0);
  std::vector<Window> all;
  for (std::int64_t i = begin; i < begin + count; ++i) {
    const double centre = (double(i) + 0.5) * scale;
    const int first = std::max(0, int(centre - radius + 0.5));
    const int end = std::min(from, int(centre + radius + 0.5));
    std::vector<double> shares;
    double sum = 0;
    for (int at = first; at < end; ++at) {
      shares.push_back(std::max(0.0, 1 - std::abs((at - centre + 0.5) / radius)));
      sum += shares.back();
    }
    Window window{first, {}};
    for (const double share : shares) {
      window.weights.push_back(std::int32_t(std::lround(share / sum * (1 << kWeightBits))));
    }
    all.push_back(std::move(window));
  }
  return all;
}

// A sum of values times weights fits: bytes times weights are below 2^31 for lines of kLongestSide, words below 2^39.
template <typename T>
using Sum = std::conditional_t<sizeof(T) == 1, std::int32_t, std::int64_t>;

template <typename T>
T rounded(Sum<T> sum) {
  return static_cast<T>(std::min<Sum<T>>((sum + (1 << (kWeightBits - 1))) >> kWeightBits, T(~T{0})));
}

template <typename T>
const T* line_of(const Image& image, int y) {
  return reinterpret_cast<const T*>(image.pixels.data() + std::size_t(y) * image.row_bytes());
}

// Lines of the places of `columns`. Several stored lines at a time, side by side, so that one weight is multiplied with
// as many values at once.
template <typename T>
class Lines {
 public:
  Lines(const Image& image, const PartOfWhole& part)
      : image_(image),
        channels_(std::size_t(image.channels)),
        left_(std::size_t(part.left) * channels_),
        values_(std::size_t(part.width) * channels_) {
    if (part.whole_width == image.width) return;  // as they are stored
    columns_ = windows(image.width, part.whole_width, part.left, part.width);
    first_ = std::size_t(columns_.front().first) * channels_;
    stored_.resize((std::size_t(columns_.back().end()) * channels_ - first_) * kAtOnce);
    made_.resize(values_ * kAtOnce);
  }

  std::size_t values() const { return values_; }
  // Line y. Requires: y is not less than the last one.
  const T* line(int y) {
    if (columns_.empty()) return line_of<T>(image_, y) + left_;
    if (y >= end_) make(y);
    return made_.data() + std::size_t(y - begin_) * values_;
  }

 private:
  static constexpr std::size_t kAtOnce = 16;

  // The lines from `y`.
  void make(int y) {
    begin_ = y;
    end_ = std::min(image_.height, y + int(kAtOnce));
    for (int at = begin_; at < end_; ++at) {
      const T* from = line_of<T>(image_, at) + first_;
      T* to = stored_.data() + (at - begin_);
      for (std::size_t i = 0; i < stored_.size() / kAtOnce; ++i) to[i * kAtOnce] = from[i];
    }
    T* to = made_.data();
    for (const Window& column : columns_) {
      const T* from = stored_.data() + (std::size_t(column.first) * channels_ - first_) * kAtOnce;
      for (std::size_t c = 0; c < channels_; ++c, from += kAtOnce, ++to) put(column, from, to);
    }
  }

  void put(const Window& column, const T* from, T* to) const {
    Sum<T> sums[kAtOnce] = {};
    for (const std::int32_t weight : column.weights) {
      for (std::size_t i = 0; i < kAtOnce; ++i) sums[i] += Sum<T>(weight) * from[i];
      from += channels_ * kAtOnce;
    }
    for (std::size_t i = 0; i < kAtOnce; ++i) to[i * values_] = rounded<T>(sums[i]);
  }

  const Image& image_;
  std::size_t channels_, left_, values_, first_ = 0;
  std::vector<Window> columns_;  // empty: the width stays
  std::vector<T> stored_, made_;
  int begin_ = 0, end_ = 0;  // of the lines that are made
};

// Each stored line is made once and added to the sums of all lines that it is a part of.
template <typename T>
void resample(const Image& image, const PartOfWhole& part, Image& made) {
  Lines<T> lines(image, part);
  const std::size_t values = lines.values();
  const std::vector<Window> places = windows(image.height, part.whole_height, part.top, part.height);
  T* to = reinterpret_cast<T*>(made.pixels.data());
  std::deque<std::vector<Sum<T>>> open;  // of the places from `done`
  for (std::size_t done = 0, y = std::size_t(places.front().first); done < places.size(); ++y) {
    while (done + open.size() < places.size() && std::size_t(places[done + open.size()].first) <= y) {
      open.emplace_back(values);
    }
    const T* line = lines.line(int(y));
    for (std::size_t k = 0; k < open.size(); ++k) {
      const Window& place = places[done + k];
      const Sum<T> weight = place.weights[y - std::size_t(place.first)];
      Sum<T>* sums = open[k].data();
      for (std::size_t i = 0; i < values; ++i) sums[i] += weight * line[i];
    }
    for (; !open.empty() && places[done].end() == int(y) + 1; ++done, open.pop_front()) {
      for (const Sum<T> sum : open.front()) *to++ = rounded<T>(sum);
    }
  }
}

}  // namespace

Image resampled(const Image& image, const PartOfWhole& part) {
  CHECK(part.height >= 1 && part.width >= 1 && part.top >= 0 && part.left >= 0 &&
            part.top + part.height <= part.whole_height && part.left + part.width <= part.whole_width,
        "{} x {} at {}, {} of {} x {}", part.height, part.width, part.top, part.left, part.whole_height,
        part.whole_width);
  Image made{part.height, part.width, image.channels, image.bits, {}};
  made.pixels.resize(made.row_bytes() * std::size_t(made.height));
  image.bits == 8 ? resample<std::uint8_t>(image, part, made) : resample<std::uint16_t>(image, part, made);
  return made;
}

}  // namespace lockstep
