// PBM, PGM, PPM and PAM, plain and raw, as the pages of Netpbm define them (pbm(5), pgm(5), ppm(5), pam(5)).
#include <algorithm>
#include <cctype>
#include <cstdint>
#include <cstring>
#include <limits>
#include <optional>

#include "storage/image/codec.h"

namespace lockstep {
namespace {

struct PnmHeader {
  char kind = 0;  // the digit: 1 to 7
  std::int64_t height = 0, width = 0, depth = 0, most = 0;
  std::size_t pixels = 0;  // where they begin
};

class Words {
 public:
  explicit Words(std::string_view file, std::size_t at) : file_(file), at_(at) {}

  // The next word; comments, from # to the end of a line, are passed over.
  std::string_view word() {
    while (at_ < file_.size() && (is_space(file_[at_]) || file_[at_] == '#')) {
      if (file_[at_] == '#')
        at_ = std::min(file_.find('\n', at_), file_.size());
      else
        ++at_;
    }
    const std::size_t begin = at_;
    while (at_ < file_.size() && !is_space(file_[at_]) && file_[at_] != '#') ++at_;
    return file_.substr(begin, at_ - begin);
  }
  // A digit of a plain bitmap, which need not be apart from the next.
  std::optional<std::int64_t> bit() {
    while (at_ < file_.size() && is_space(file_[at_])) ++at_;
    if (at_ >= file_.size() || (file_[at_] != '0' && file_[at_] != '1')) return std::nullopt;
    return file_[at_++] - '0';
  }
  std::optional<std::int64_t> number() {
    const std::string_view text = word();
    std::int64_t value = 0;
    for (const char c : text) {
      if (c < '0' || c > '9' || value > kLongestSide * std::int64_t{1000}) return std::nullopt;
      value = 10 * value + (c - '0');
    }
    return text.empty() ? std::nullopt : std::optional(value);
  }
  std::size_t at() const { return at_; }

 private:
  static bool is_space(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }
  std::string_view file_;
  std::size_t at_;
};

Status bad_header() {
  return bad_data("is a PNM with a header that makes no sense, or is cut short there");
}

StatusOr<PnmHeader> read_pam(Words words, PnmHeader header) {
  for (;;) {
    const std::string_view name = words.word();
    if (name == "ENDHDR") break;
    if (name == "TUPLTYPE") {
      words.word();
      continue;
    }
    std::int64_t* const field = name == "HEIGHT"   ? &header.height
                                : name == "WIDTH"  ? &header.width
                                : name == "DEPTH"  ? &header.depth
                                : name == "MAXVAL" ? &header.most
                                                   : nullptr;
    const auto value = words.number();
    if (field == nullptr || !value) return bad_header();
    *field = *value;
  }
  header.pixels = words.at() + 1;
  return header;
}

StatusOr<PnmHeader> read_words(std::string_view file) {
  PnmHeader header{.kind = file[1]};
  Words words(file, 2);
  if (header.kind == '7') return read_pam(words, header);
  const bool is_bitmap = header.kind == '1' || header.kind == '4';
  const auto width = words.number(), height = words.number();
  const auto most = is_bitmap ? std::optional<std::int64_t>(1) : words.number();
  if (!width || !height || !most) return bad_header();
  header.width = *width;
  header.height = *height;
  header.most = *most;
  header.depth = header.kind == '3' || header.kind == '6' ? 3 : 1;
  header.pixels = words.at() + 1;
  return header;
}

StatusOr<PnmHeader> read_pnm(std::string_view file) {
  ASSIGN_OR_RETURN(const PnmHeader header, read_words(file));
  if (header.depth < 1 || header.depth > 4 || header.most < 1 || header.most > 65535 ||
      std::max(header.width, header.height) > std::numeric_limits<int>::max()) {
    return bad_data(
        fmt::format("is a PNM of {} x {} pixels of {} channels up to {}: expected 1 to 4 channels up to "
                    "65535 at most",
                    header.width, header.height, header.depth, header.most));
  }
  return header;
}

StatusOr<ImageHeader> pnm_header(std::string_view file) {
  ASSIGN_OR_RETURN(const PnmHeader header, read_pnm(file));
  return ImageHeader{.format = ImageFormat::kPnm,
                     .height = int(header.height),
                     .width = int(header.width),
                     .channels = int(header.depth),
                     .bits = header.most > 255 ? 16 : 8,
                     .orientation = 1};
}

// Puts value number `i`, of 0 to `most`, at full scale; as it is where `most` is the full scale.
void put(Image& image, std::size_t i, std::uint64_t value, std::uint64_t most) {
  if (image.bits == 8) {
    image.pixels[i] = std::byte(std::uint8_t((value * 255 + most / 2) / most));
  } else {
    const auto wide = std::uint16_t((value * 65535 + most / 2) / most);
    std::memcpy(image.pixels.data() + 2 * i, &wide, 2);
  }
}

// `most` of `put`, here and below.
bool read_plain(std::string_view file, const PnmHeader& header, std::uint64_t most, Image& image, std::size_t values) {
  Words words(file, header.pixels - 1);
  for (std::size_t i = 0; i < values; ++i) {
    const auto value = header.kind == '1' ? words.bit() : words.number();
    if (!value || *value > header.most) return false;
    put(image, i, std::uint64_t(header.kind == '1' ? 1 - *value : *value), most);
  }
  return true;
}

bool read_raw(std::string_view bytes, const PnmHeader& header, std::uint64_t most, Image& image, std::size_t values) {
  const std::size_t each = header.most > 255 ? 2 : 1;
  for (std::size_t i = 0; i < values; ++i) {
    std::uint64_t value = std::uint8_t(bytes[each * i]);
    if (each == 2) value = value << 8 | std::uint8_t(bytes[2 * i + 1]);
    if (value > std::uint64_t(header.most)) return false;
    put(image, i, value, most);
  }
  return true;
}

void read_bits(std::string_view bytes, std::uint64_t most, Image& image) {
  const std::size_t width = std::size_t(image.width), line_bytes = (width + 7) / 8;
  for (std::size_t y = 0; y < std::size_t(image.height); ++y) {
    for (std::size_t x = 0; x < width; ++x) {
      const bool black = (std::uint8_t(bytes[y * line_bytes + x / 8]) >> (7 - x % 8) & 1) != 0;
      put(image, y * width + x, black ? 0 : 1, most);
    }
  }
}

// `at_full_scale`: else the values as they are stored.
StatusOr<Image> decode(std::string_view file, const ImageHeader& header, bool at_full_scale) {
  ASSIGN_OR_RETURN(const PnmHeader pnm, read_pnm(file));
  const std::uint64_t most = at_full_scale ? std::uint64_t(pnm.most) : header.bits == 8 ? 255 : 65535;
  const std::size_t values = std::size_t(header.height) * std::size_t(header.width) * std::size_t(header.channels);
  const bool plain = pnm.kind <= '3';
  const std::size_t bits_bytes = (std::size_t(header.width) + 7) / 8 * std::size_t(header.height);
  const std::size_t needed = plain ? values : pnm.kind == '4' ? bits_bytes : values * (pnm.most > 255 ? 2 : 1);
  if (file.size() < pnm.pixels || file.size() - pnm.pixels < needed) return bad_data("is a PNM that is cut short");
  Image image{header.height, header.width, header.channels, header.bits, {}};
  image.pixels.resize(image.row_bytes() * std::size_t(image.height));
  const std::string_view bytes = file.substr(pnm.pixels);
  if (pnm.kind == '4') {
    read_bits(bytes, most, image);
  } else if (plain ? !read_plain(file, pnm, most, image, values) : !read_raw(bytes, pnm, most, image, values)) {
    return bad_data(fmt::format("is a damaged PNM: expected {} values from 0 to {}", values, pnm.most));
  }
  return image;
}

StatusOr<Image> decode_pnm(std::string_view file, const ImageHeader& header) {
  return decode(file, header, true);
}

StatusOr<Image> decode_pnm_indices(std::string_view file, const ImageHeader& header) {
  if (header.channels != 1) return no_indices(fmt::format("a PNM of {} channels", header.channels));
  return decode(file, header, false);
}

}  // namespace

const ImageCodec kPnmCodec = {ImageFormat::kPnm,
                              "PNM",
                              [](std::string_view file) {
                                return file.size() >= 3 && file[0] == 'P' && file[1] >= '1' && file[1] <= '7' &&
                                       std::isspace(static_cast<unsigned char>(file[2])) != 0;
                              },
                              pnm_header,
                              decode_pnm,
                              decode_pnm_indices};

}  // namespace lockstep
