#include "storage/import/pictures.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <cstring>
#include <functional>
#include <map>
#include <thread>
#include <utility>

#include <xxhash.h>

#include "storage/base/cores.h"
#include "storage/base/file.h"
#include "storage/image/decode_window.h"
#include "storage/image/image.h"
#include "storage/import/memory_budget.h"

namespace lockstep {
namespace {

constexpr std::size_t kMostFileBytes = std::size_t(1) << 30;
constexpr std::int64_t kMostPixelBytesAtOnce = std::int64_t(1) << 30;  // of all pictures that are being decoded

// Of a file's bytes, by XXH3 of 128 bits; zero: not read.
using Digest = std::array<std::uint64_t, 2>;

Digest digest_of(std::string_view bytes) {
  const XXH128_hash_t hash = XXH3_128bits(bytes.data(), bytes.size());
  return {hash.high64, hash.low64};
}

// A pipe is no picture, and would be waited for.
StatusOr<std::string> read_picture(const std::filesystem::path& path) {
  return read_file_headed(path, kMostFileBytes, 0, [](std::string_view, std::uint64_t) { return OkStatus(); });
}

// Calls work(0), ..., work(count - 1) on all cores.
void on_all_cores(std::size_t count, const std::function<void(std::size_t)>& work) {
  std::atomic<std::size_t> next = 0;
  const auto take = [&] {
    for (std::size_t i = next++; i < count; i = next++) work(i);
  };
  std::vector<std::jthread> threads;
  for (std::size_t i = 1; i < std::min(allowed_cores().size(), count); ++i) threads.emplace_back(take);
  take();
}

// The file's bytes go to `digest`.
StatusOr<Image> read_mask(const std::filesystem::path& path, Digest& digest) {
  ASSIGN_OR_RETURN(const std::string bytes, read_picture(path));
  digest = digest_of(bytes);
  StatusOr<Image> mask = decode_indices(bytes);
  return mask.ok() ? std::move(mask)
                   : bad_data(fmt::format("{} {}", path.native(), std::string(mask.status().message())));
}

// What is wrong with a row; empty: nothing.
std::string why_of(const Status& status) {
  return status.ok() ? "" : std::string(status.message());
}

class Pictures final : public FoundPictures {
 public:
  Pictures(std::vector<Picture> pictures, const PictureOptions& options)
      : pictures_(std::move(pictures)), options_(options), digests_(pictures_.size()), mask_digests_(pictures_.size()) {
    rows = std::int64_t(pictures_.size());
  }

  Status look(Target found_target);
  Status read(std::span<const std::int64_t> these, std::span<std::byte> images, std::span<float> targets,
              std::span<std::string> why) override;
  RowSource source(std::int64_t row) override { return pictures_[std::size_t(row)].source; }
  std::uint64_t file_bytes(std::int64_t row) const override { return file_bytes_[std::size_t(row)]; }
  std::span<const PictureFile> files() const override { return files_; }
  void tell_duplicates(const std::vector<int>& splits, ImportSummary& summary) const override;

 private:
  Status read_one(std::size_t row, std::span<std::byte> to, std::span<float> targets);
  Status keep_one(std::size_t row, std::size_t place, std::span<std::byte> to, std::span<float> targets);
  Status read_mask_of(std::size_t row, const Image& picture, std::span<float> to);
  void look_at_masks();
  Status take_size(const std::vector<StatusOr<ImageHeader>>& headers);

  std::vector<Picture> pictures_;
  PictureOptions options_;
  std::vector<Digest> digests_, mask_digests_;
  std::optional<MaskClasses> mask_classes_;
  // Of kept files: their bytes; and those that were read last.
  std::vector<std::uint64_t> file_bytes_;
  std::vector<std::string> contents_;
  std::vector<PictureFile> files_;
  std::vector<std::int64_t> pixel_bytes_;  // of each, by its header
  MemoryBudget budget_{kMostPixelBytesAtOnce};
};

constexpr int kUsualSide = 224;  // of kept files, where nobody says it

Status Pictures::look(Target found_target) {
  target = std::move(found_target);
  keeps_files = options_.keep_encoded;
  background = options_.background;
  if (keeps_files && target.kind == TargetKind::kMask) {
    return bad_configuration("--keep-encoded is of pictures without masks: expected --mask without it");
  }
  if (keeps_files) {
    file_bytes_.resize(pictures_.size());
    if (options_.height == 0) options_.height = options_.width = kUsualSide;
    options_.bits = 8;
  }
  std::vector<StatusOr<ImageHeader>> headers(pictures_.size(), ImageHeader{});
  on_all_cores(pictures_.size(), [&](std::size_t i) {
    const StatusOr<std::string> bytes = read_picture(pictures_[i].file);
    if (keeps_files && bytes.ok()) file_bytes_[i] = bytes->size();
    headers[i] = bytes.ok() ? read_image_header(*bytes) : StatusOr<ImageHeader>(bytes.status());
  });
  for (const auto& header : headers) pixel_bytes_.push_back(header.ok() ? header->pixel_bytes() : 0);
  const auto any = [&](auto is_so) {
    return std::ranges::any_of(headers, [&](const auto& header) { return header.ok() && is_so(*header); });
  };
  if (options_.channels == 0) options_.channels = any([](const ImageHeader& it) { return it.channels >= 3; }) ? 3 : 1;
  if (options_.bits == 0) options_.bits = any([](const ImageHeader& it) { return it.bits == 8; }) ? 8 : 16;
  if (target.kind == TargetKind::kMask) look_at_masks();
  pixel_type = options_.bits == 8 ? PixelType::kUint8 : PixelType::kUint16;
  if (options_.height == 0) RETURN_IF_ERROR(take_size(headers));
  image = {options_.channels, options_.height, options_.width};
  if (image.elements() > std::size_t(kImageElementLimit)) {
    return bad_configuration(fmt::format("{} x {} x {} are {} values a row: expected at most {}", image.height,
                                         image.width, image.channels, image.elements(), kImageElementLimit));
  }
  return OkStatus();
}

Status Pictures::take_size(const std::vector<StatusOr<ImageHeader>>& headers) {
  std::map<std::pair<int, int>, std::size_t> sizes;  // with the first picture of each
  for (std::size_t i = 0; i < headers.size(); ++i) {
    if (headers[i].ok()) sizes.try_emplace({headers[i]->height, headers[i]->width}, i);
  }
  if (sizes.empty()) {  // all are bad; reading them says why
    options_.height = options_.width = 1;
    return OkStatus();
  }
  if (sizes.size() > 1) {
    const auto text = [&](const auto& it) {
      return fmt::format("{} x {} ({})", it.first.second, it.first.first, pictures_[it.second].source.text());
    };
    return bad_data(
        fmt::format("the pictures have {} sizes, as {} and {}: a dataset has one; say which with --size, as "
                    "--size 224",
                    sizes.size(), text(*sizes.begin()), text(*sizes.rbegin())));
  }
  std::tie(options_.height, options_.width) = sizes.begin()->first;
  return OkStatus();
}

// Their classes, where they are not told: numbers up to the largest one. What is bad is found when it is read.
void Pictures::look_at_masks() {
  MaskOptions& masks = options_.masks;
  if (masks.names.empty() && masks.values.empty()) {
    std::vector<int> largest(pictures_.size(), -1);
    on_all_cores(pictures_.size(), [&](std::size_t i) {
      Digest digest = {};
      const StatusOr<Image> mask = read_mask(pictures_[i].mask, digest);
      if (mask.ok()) largest[i] = largest_value(*mask, masks.ignored);
    });
    masks.names = numbered_class_names(std::size_t(std::max(0, std::ranges::max(largest))) + 1);
  }
  for (std::size_t i = masks.names.size(); i < masks.values.size(); ++i) {
    masks.names.push_back(fmt::format("{}", masks.values[i]));
  }
  mask_classes_.emplace(masks);
  target.names = masks.names;
}

Status Pictures::read_one(std::size_t row, std::span<std::byte> to, std::span<float> targets) {
  ASSIGN_OR_RETURN(const std::string bytes, read_picture(pictures_[row].file));
  digests_[row] = digest_of(bytes);
  const DecodeOptions decoding{options_.channels, options_.bits, options_.background};
  const MemoryBudget::Part memory(budget_, pixel_bytes_[row]);
  ASSIGN_OR_RETURN(const Image decoded, decode_image(bytes, decoding));
  const Image fit = fitted(decoded, options_.height, options_.width, options_.fit, options_.background);
  CHECK(fit.pixels.size() == to.size(), "{} bytes, expected {}", fit.pixels.size(), to.size());
  std::memcpy(to.data(), fit.pixels.data(), to.size());
  if (mask_classes_) return read_mask_of(row, decoded, targets);
  std::ranges::copy(pictures_[row].targets, targets.begin());
  return OkStatus();
}

// The image as it will be read from the dataset.
Status Pictures::keep_one(std::size_t row, std::size_t place, std::span<std::byte> to, std::span<float> targets) {
  std::string& bytes = contents_[place];
  ASSIGN_OR_RETURN(bytes, read_picture(pictures_[row].file));
  if (bytes.size() != file_bytes_[row]) return bad_data("was changed while it was imported");
  digests_[row] = digest_of(bytes);
  ASSIGN_OR_RETURN(const ImageHeader header, read_image_header(bytes));
  const MemoryBudget::Part memory(budget_, header.pixel_bytes());
  const Window middle = middle_window({options_.channels, header.height, header.width}, image);
  ASSIGN_OR_RETURN(const Image made, decode_window(bytes, {middle.top, middle.left, middle.height, middle.width},
                                                   {.height = image.height,
                                                    .width = image.width,
                                                    .channels = image.channels,
                                                    .background = options_.background}));
  std::ranges::copy(made.pixels, to.begin());
  std::ranges::copy(pictures_[row].targets, targets.begin());
  files_[place] = {bytes, std::uint8_t(header.format), header.height, header.width, header.channels};
  return OkStatus();
}

Status Pictures::read_mask_of(std::size_t row, const Image& picture, std::span<float> to) {
  const std::filesystem::path& path = pictures_[row].mask;
  ASSIGN_OR_RETURN(const Image mask, read_mask(path, mask_digests_[row]));
  if (mask.height != picture.height || mask.width != picture.width) {
    const bool turned = mask.height == picture.width && mask.width == picture.height;
    return bad_data(
        fmt::format("{} is {} x {} pixels, its picture {} x {}: expected the same size{}", path.native(), mask.width,
                    mask.height, picture.width, picture.height,
                    turned ? "; one is turned: the orientation in the EXIF of a picture turns it alone" : ""));
  }
  const Status status = mask_classes_->put(mask, options_.height, options_.width, options_.fit, to);
  return status.ok() ? status : bad_data(fmt::format("{} {}", path.native(), std::string(status.message())));
}

Status Pictures::read(std::span<const std::int64_t> these, std::span<std::byte> images, std::span<float> targets,
                      std::span<std::string> why) {
  const std::size_t bytes = images.size() / these.size(), values = targets.size() / these.size();
  if (keeps_files) {
    contents_.resize(these.size());
    files_.assign(these.size(), PictureFile{});
  }
  on_all_cores(these.size(), [&](std::size_t i) {
    const auto row = std::size_t(these[i]);
    const std::span<std::byte> to = images.subspan(i * bytes, bytes);
    const std::span<float> to_targets = targets.subspan(i * values, values);
    why[i] = why_of(keeps_files ? keep_one(row, i, to, to_targets) : read_one(row, to, to_targets));
  });
  return OkStatus();
}

void Pictures::tell_duplicates(const std::vector<int>& splits, ImportSummary& summary) const {
  constexpr std::size_t kMostTold = 5;
  std::map<Digest, std::size_t> first;
  std::vector<std::string> across, unlike;
  for (std::size_t i = 0; i < digests_.size(); ++i) {
    if (digests_[i] == Digest{}) continue;
    const auto [at, is_new] = first.try_emplace(digests_[i], i);
    if (is_new) continue;
    const Picture &one = pictures_[at->second], &other = pictures_[i];
    const std::string text = fmt::format("{} = {}", one.source.text(), other.source.text());
    if (splits[at->second] != splits[i]) across.push_back(text);
    if (one.targets != other.targets || mask_digests_[at->second] != mask_digests_[i]) unlike.push_back(text);
  }
  const auto tell = [&](std::vector<std::string>& list, std::string_view what) {
    if (list.empty()) return;
    const std::size_t all = list.size();
    list.resize(std::min(all, kMostTold));
    summary.warnings.push_back(fmt::format("{} {}: {}{}", all, what, fmt::join(list, ", "),
                                           all > kMostTold ? fmt::format(" and {} more", all - kMostTold) : ""));
  };
  tell(across, "pictures are the same file in two splits, so that these are not apart");
  tell(unlike, fmt::format("pictures are the same file with two {}",
                           target.kind == TargetKind::kClass ? "classes" : "targets"));
}

}  // namespace

StatusOr<std::unique_ptr<FoundPictures>> find_pictures(std::vector<Picture> pictures, Target target,
                                                       const PictureOptions& options) {
  CHECK(!pictures.empty(), "no pictures");
  auto found = std::make_unique<Pictures>(std::move(pictures), options);
  RETURN_IF_ERROR(found->look(std::move(target)));
  return found;
}

}  // namespace lockstep
