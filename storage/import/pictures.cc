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

// What is wrong with a row; empty: nothing.
std::string why_of(const Status& status) {
  return status.ok() ? "" : std::string(status.message());
}

class Pictures final : public FoundPictures {
 public:
  Pictures(std::vector<Picture> pictures, const PictureOptions& options)
      : pictures_(std::move(pictures)), options_(options), digests_(pictures_.size()) {
    rows = std::int64_t(pictures_.size());
  }

  Status look(Target found_target);
  Status read(std::span<const std::int64_t> these, std::span<std::byte> images, std::span<float> targets,
              std::span<std::string> why) override;
  RowSource source(std::int64_t row) override { return pictures_[std::size_t(row)].source; }
  void tell_duplicates(const std::vector<int>& splits, ImportSummary& summary) const override;

 private:
  Status read_one(std::size_t row, std::span<std::byte> to);
  Status take_size(const std::vector<StatusOr<ImageHeader>>& headers);

  std::vector<Picture> pictures_;
  PictureOptions options_;
  std::vector<Digest> digests_;
  std::vector<std::int64_t> pixel_bytes_;  // of each, by its header
  MemoryBudget budget_{kMostPixelBytesAtOnce};
};

Status Pictures::look(Target found_target) {
  target = std::move(found_target);
  std::vector<StatusOr<ImageHeader>> headers(pictures_.size(), ImageHeader{});
  on_all_cores(pictures_.size(), [&](std::size_t i) {
    const StatusOr<std::string> bytes = read_picture(pictures_[i].file);
    headers[i] = bytes.ok() ? read_image_header(*bytes) : StatusOr<ImageHeader>(bytes.status());
  });
  for (const auto& header : headers) pixel_bytes_.push_back(header.ok() ? header->pixel_bytes() : 0);
  const auto any = [&](auto is_so) {
    return std::ranges::any_of(headers, [&](const auto& header) { return header.ok() && is_so(*header); });
  };
  if (options_.channels == 0) options_.channels = any([](const ImageHeader& it) { return it.channels >= 3; }) ? 3 : 1;
  if (options_.bits == 0) options_.bits = any([](const ImageHeader& it) { return it.bits == 8; }) ? 8 : 16;
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

Status Pictures::read_one(std::size_t row, std::span<std::byte> to) {
  ASSIGN_OR_RETURN(const std::string bytes, read_picture(pictures_[row].file));
  digests_[row] = digest_of(bytes);
  const DecodeOptions decoding{options_.channels, options_.bits, options_.background};
  const MemoryBudget::Part memory(budget_, pixel_bytes_[row]);
  ASSIGN_OR_RETURN(const Image decoded, decode_image(bytes, decoding));
  const Image fit = fitted(decoded, options_.height, options_.width, options_.fit, options_.background);
  CHECK(fit.pixels.size() == to.size(), "{} bytes, expected {}", fit.pixels.size(), to.size());
  std::memcpy(to.data(), fit.pixels.data(), to.size());
  return OkStatus();
}

Status Pictures::read(std::span<const std::int64_t> these, std::span<std::byte> images, std::span<float> targets,
                      std::span<std::string> why) {
  const std::size_t bytes = images.size() / these.size();
  on_all_cores(these.size(), [&](std::size_t i) {
    why[i] = why_of(read_one(std::size_t(these[i]), images.subspan(i * bytes, bytes)));
  });
  auto to = targets.begin();
  for (const std::int64_t row : these) to = std::ranges::copy(pictures_[std::size_t(row)].targets, to).out;
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
    if (one.targets != other.targets) unlike.push_back(text);
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
