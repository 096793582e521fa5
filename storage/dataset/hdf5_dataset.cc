#include "storage/dataset/hdf5_dataset.h"

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <numeric>
#include <system_error>

#include <fcntl.h>
#include <unistd.h>

#include "storage/base/descriptor.h"
#include "storage/base/hdf5.h"
#include "storage/dataset/hdf5_split.h"
#include "storage/dataset/hdf5_types.h"
#include "storage/dataset/pixel_statistics.h"

namespace lockstep {
namespace {

class Hdf5Dataset final : public Dataset {
 public:
  explicit Hdf5Dataset(Hdf5Split split)
      : name_(std::move(split.name)),
        info_(std::move(split.info)),
        file_(std::move(split.file)),
        images_(std::move(split.images)),
        pictures_(std::move(split.pictures)),
        labels_(std::move(split.labels)),
        sources_(std::move(split.sources)),
        ignored_(split.ignored),
        kept_targets_(std::move(split.kept_targets)),
        row_bytes_(info_.image.elements() * bytes_per_pixel(info_.pixel_type)) {
    if (!kept_targets_.empty()) labels_.id.reset();
  }

  const DatasetInfo& info() const override { return info_; }
  Status read(std::span<const std::int64_t> rows, std::span<std::byte> out) override;
  Status read_targets(std::span<const std::int64_t> rows, std::span<float> out) override;
  StatusOr<std::string> source(std::int64_t row) override;
  ImageShape picture(std::int64_t row) const override { return pictures_ ? pictures_->picture(row) : info_.image; }
  Status read_window(std::int64_t row, const Window& window, std::span<std::byte> out) override {
    const Status status = pictures_->read_window(row, window, out);
    return status.ok() ? status : with_context(status, fmt::format("{}: row {}", name_, rows_text(*this, {&row, 1})));
  }

  // From now on reads by pread on the descriptor that libhdf5 checked, when the images are one plain piece.
  void use_pread_if_plain();
  Status set_fingerprint();

 private:
  Status read_pictures(std::span<const std::int64_t> rows, std::byte* out);
  Status read_by_pread(std::int64_t first, std::int64_t count, std::byte* out);
  // `row_bytes` of a row in memory.
  Status read_by_library(const StoredArray& array, hid_t type, std::size_t row_bytes,
                         std::span<const std::int64_t> rows, std::byte* out);

  std::string name_;  // "data.h5: train/images", for messages
  DatasetInfo info_;
  Hdf5File file_;
  StoredArray images_;
  std::optional<PictureFiles> pictures_;  // in their place
  StoredArray labels_;
  RowSources sources_;
  std::optional<double> ignored_;  // of masks, as stored
  std::vector<float> kept_targets_;
  std::size_t row_bytes_;
  Descriptor descriptor_;
  std::vector<std::size_t> order_;  // of the rows in the file, kept to allocate only once
};

Status Hdf5Dataset::read(std::span<const std::int64_t> rows, std::span<std::byte> out) {
  CHECK(out.size() == rows.size() * row_bytes_, "{} rows of {} bytes do not fit {}", rows.size(), row_bytes_,
        out.size());
  for (const std::int64_t row : rows) CHECK(row >= 0 && row < info_.rows, "row {} of {}", row, info_.rows);
  if (pictures_) return read_pictures(rows, out.data());
  if (!descriptor_.valid()) {
    return read_by_library(images_, memory_type(info_.pixel_type), row_bytes_, rows, out.data());
  }
  for (std::size_t begin = 0, end; begin < rows.size(); begin = end) {
    for (end = begin + 1; end < rows.size() && rows[end] == rows[end - 1] + 1;) ++end;
    RETURN_IF_ERROR(read_by_pread(rows[begin], std::int64_t(end - begin), out.data() + begin * row_bytes_));
  }
  return OkStatus();
}

Status Hdf5Dataset::read_pictures(std::span<const std::int64_t> rows, std::byte* out) {
  for (const std::int64_t row : rows) {
    RETURN_IF_ERROR(read_window(row, middle_window(pictures_->picture(row), info_.image), {out, row_bytes_}));
    out += row_bytes_;
  }
  return OkStatus();
}

Status Hdf5Dataset::read_by_pread(std::int64_t first, std::int64_t count, std::byte* out) {
  const std::size_t size = std::size_t(count) * row_bytes_;
  const std::uint64_t offset = *images_.offset + std::uint64_t(first) * row_bytes_;
  for (std::size_t done = 0; done < size;) {
    const ssize_t got = ::pread(descriptor_.get(), out + done, size - done, off_t(offset + done));
    if (got < 0 && errno == EINTR) continue;
    const auto cannot = [&](std::string_view why) {
      return fmt::format("{}: rows {} to {} cannot be read: {}", name_, first, first + count - 1, why);
    };
    if (got < 0) return io_error(cannot(std::generic_category().message(errno)));
    if (got == 0) return bad_data(cannot("the file was cut short while in use; make or copy it again"));
    done += std::size_t(got);
  }
  return OkStatus();
}

// In file order, so that a chunk is inflated once for all its rows.
Status Hdf5Dataset::read_by_library(const StoredArray& array, hid_t type, std::size_t row_bytes,
                                    std::span<const std::int64_t> rows, std::byte* out) {
  const auto lock = hdf5_lock();
  order_.resize(rows.size());
  std::iota(order_.begin(), order_.end(), std::size_t(0));
  std::sort(order_.begin(), order_.end(),
            [&](std::size_t a, std::size_t b) { return rows[a] != rows[b] ? rows[a] < rows[b] : a < b; });
  for (std::size_t begin = 0, end; begin < order_.size(); begin = end) {
    const auto follows = [&](std::size_t i) {
      return order_[i] == order_[i - 1] + 1 && rows[order_[i]] == rows[order_[i - 1]] + 1;
    };
    for (end = begin + 1; end < order_.size() && follows(end);) ++end;
    const Status status =
        read_rows(array, type, rows[order_[begin]], std::int64_t(end - begin), out + order_[begin] * row_bytes);
    if (!status.ok()) return with_context(status, name_);
  }
  return OkStatus();
}

Status Hdf5Dataset::read_targets(std::span<const std::int64_t> rows, std::span<float> out) {
  const std::size_t values = info_.target_values();
  CHECK(out.size() == rows.size() * values, "{} values for {} rows", out.size(), rows.size());
  for (const std::int64_t row : rows) CHECK(row >= 0 && row < info_.rows, "row {} of {}", row, info_.rows);
  if (!kept_targets_.empty()) {
    for (std::size_t i = 0; i < rows.size(); ++i) {
      std::copy_n(kept_targets_.begin() + std::ptrdiff_t(std::size_t(rows[i]) * values), values,
                  out.begin() + std::ptrdiff_t(i * values));
    }
    return OkStatus();
  }
  RETURN_IF_ERROR(
      read_by_library(labels_, H5T_NATIVE_FLOAT, values * sizeof(float), rows, std::as_writable_bytes(out).data()));
  const bool is_mask = info_.target == TargetKind::kMask;
  if (is_mask && ignored_) std::ranges::replace(out, float(*ignored_), kIgnored);
  const float begin = is_mask ? kIgnored : 0;
  const float end = info_.target == TargetKind::kLabels ? 2 : float(info_.class_names.size());
  const bool is_number = info_.target == TargetKind::kNumbers;
  for (std::size_t i = 0; i < out.size(); ++i) {  // they were checked when the file was opened
    if (is_number ? std::isfinite(out[i]) : out[i] >= begin && out[i] < end) continue;
    return bad_data(
        fmt::format("{}: the label of row {} is {}, which it was not: the file was changed while in use; "
                    "make or copy it again",
                    name_, rows_text(*this, rows.subspan(i / values, 1)), out[i]));
  }
  return OkStatus();
}

StatusOr<std::string> Hdf5Dataset::source(std::int64_t row) {
  CHECK(row >= 0 && row < info_.rows, "row {} of {}", row, info_.rows);
  const auto lock = hdf5_lock();
  StatusOr<std::string> text = sources_.of(row);
  if (!text.ok()) return with_context(text.status(), fmt::format("{}: source of row {}", name_, row));
  return text;
}

Status Hdf5Dataset::set_fingerprint() {
  ASSIGN_OR_RETURN(info_.fingerprint, dataset_fingerprint(info_, *this));
  return OkStatus();
}

void Hdf5Dataset::use_pread_if_plain() {
  void* handle = nullptr;
  if (pictures_ || !images_.offset || !images_.is_native || H5Fget_vfd_handle(file_.get(), H5P_DEFAULT, &handle) < 0)
    return;
  descriptor_ = Descriptor(::fcntl(*static_cast<const int*>(handle), F_DUPFD_CLOEXEC, 0));
  if (!descriptor_.valid()) return;
  images_.id.reset();
  file_.reset();
}

}  // namespace

StatusOr<std::unique_ptr<Dataset>> open_hdf5_dataset(const std::filesystem::path& path,
                                                     const Hdf5DatasetOptions& options) {
  const auto lock = hdf5_lock();
  ASSIGN_OR_RETURN(Hdf5Split split, open_hdf5_split(path, options));
  const bool has_statistics = !split.info.mean.empty();
  const std::string name = split.name;
  auto dataset = std::make_unique<Hdf5Dataset>(std::move(split));
  if (!options.always_through_library) dataset->use_pread_if_plain();
  if (has_statistics) RETURN_IF_ERROR(dataset->set_fingerprint());
  if (has_statistics || !options.compute_statistics) return dataset;
  ASSIGN_OR_RETURN(PixelNormalization normalization, compute_normalization(*dataset, name));
  return normalized(std::move(dataset), std::move(normalization));
}

StatusOr<std::string> hdf5_layout(const std::filesystem::path& path, const Hdf5DatasetOptions& options) {
  const auto lock = hdf5_lock();
  ASSIGN_OR_RETURN(const Hdf5Split split, open_hdf5_split(path, options));
  return split.pictures ? split.pictures->layout_text() : split.images.layout_text();
}

StatusOr<std::vector<std::string>> list_splits(const std::filesystem::path& path) {
  const auto lock = hdf5_lock();
  ASSIGN_OR_RETURN(const Hdf5File file, open_hdf5_file(path));
  const StatusOr<Hdf5Group> root = open_group(file.get(), "");
  if (!root.ok()) return with_context(root.status(), path.native());
  const Hdf5DatasetOptions names;
  std::vector<std::string> splits;
  for (const std::string& name : link_names(root->get())) {
    const auto group = open_group(file.get(), name);
    if (!group.ok()) continue;
    const auto links = link_names(group->get());
    const auto has = [&](const std::string& link) {
      return std::find(links.begin(), links.end(), link) != links.end();
    };
    if (has(names.images) && has(names.labels)) splits.push_back(name);
  }
  return splits;
}

StatusOr<std::vector<std::string>> links_passed_over(const std::filesystem::path& path) {
  const auto lock = hdf5_lock();
  ASSIGN_OR_RETURN(const Hdf5File file, open_hdf5_file(path));
  const StatusOr<Hdf5Group> root = open_group(file.get(), "");
  if (!root.ok()) return with_context(root.status(), path.native());
  std::vector<std::string> passed_over;
  for (const std::string& name : link_names(root->get())) {
    const std::string why = why_not_followed(root->get(), name);
    if (!why.empty()) passed_over.push_back(fmt::format("{} {}", name, why));
  }
  return passed_over;
}

}  // namespace lockstep
