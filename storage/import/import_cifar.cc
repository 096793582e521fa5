#include "storage/import/import_cifar.h"

#include <algorithm>
#include <cstring>
#include <numeric>
#include <utility>

#include "storage/base/file.h"

namespace lockstep {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kSide = 32, kPixels = kSide * kSide, kMostBytes = std::size_t(1) << 30;

struct Version {
  std::size_t labels;  // bytes before the pixels
  std::vector<std::string> train, test;
};
const Version kTen = {
    1,
    {"data_batch_1.bin", "data_batch_2.bin", "data_batch_3.bin", "data_batch_4.bin", "data_batch_5.bin"},
    {"test_batch.bin"}};
const Version kHundred = {2, {"train.bin"}, {"test.bin"}};

class CifarRows final : public FoundRows {
 public:
  CifarRows(std::string bytes, std::size_t labels, bool coarse, std::vector<std::string> names)
      : bytes_(std::move(bytes)), labels_(labels), coarse_(coarse) {
    image = {3, kSide, kSide};
    target = {.kind = TargetKind::kClass, .names = std::move(names)};
    rows = std::int64_t(bytes_.size() / row_bytes());
  }

  Status read(std::span<const std::int64_t> these, std::span<std::byte> images, std::span<float> targets,
              std::span<std::string> why) override {
    for (std::size_t i = 0; i < these.size(); ++i) {
      const char* row = bytes_.data() + std::size_t(these[i]) * row_bytes();
      const auto label = std::uint8_t(row[coarse_ ? 0 : labels_ - 1]);
      if (label >= target.names.size()) {
        why[i] = fmt::format("has the label {}: expected 0 to {}", label, target.names.size() - 1);
      }
      targets[i] = label;
      const char* pixels = row + labels_;
      std::byte* to = images.data() + i * 3 * kPixels;
      for (std::size_t p = 0; p < kPixels; ++p) {
        for (std::size_t c = 0; c < 3; ++c) *to++ = std::byte(std::uint8_t(pixels[c * kPixels + p]));
      }
    }
    return OkStatus();
  }
  RowSource source(std::int64_t /*row*/) override { return {}; }

 private:
  std::size_t row_bytes() const { return labels_ + 3 * kPixels; }

  std::string bytes_;
  std::size_t labels_;
  bool coarse_;
};

// Its lines; empty ones are left out.
StatusOr<std::vector<std::string>> read_names(const fs::path& path) {
  ASSIGN_OR_RETURN(const std::string text, read_file(path, 1 << 20));
  std::vector<std::string> names;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    std::string name = text.substr(begin, end - begin);
    if (name.ends_with('\r')) name.pop_back();
    if (!name.empty()) names.push_back(std::move(name));
    begin = end + 1;
  }
  return names;
}

// Appends the rows of the files; returns how many there are.
std::int64_t read_rows(const CifarImport& import, const Version& version, const std::vector<std::string>& files,
                       std::string& bytes, std::vector<std::string>& faults) {
  const std::size_t row_bytes = version.labels + 3 * kPixels;
  const std::size_t before = bytes.size();
  for (const std::string& name : files) {
    const fs::path file = import.directory / name;
    const StatusOr<std::string> content = read_file(file, kMostBytes);
    if (!content.ok()) {
      faults.emplace_back(content.status().message());
    } else if (content->empty() || content->size() % row_bytes != 0) {
      faults.push_back(
          fmt::format("{}: has {} bytes: expected rows of {}, a label or two and 32 x 32 x 3 pixels; download "
                      "it again",
                      file.native(), content->size(), row_bytes));
    } else {
      bytes += *content;
    }
  }
  return std::int64_t((bytes.size() - before) / row_bytes);
}

}  // namespace

StatusOr<ImportSummary> import_cifar(const CifarImport& import, const fs::path& path) {
  std::error_code error;
  const bool ten = fs::exists(import.directory / kTen.train[0], error);
  if (!ten && !fs::exists(import.directory / kHundred.train[0], error)) {
    return bad_data(
        fmt::format("{}: has neither {} (CIFAR-10) nor {} (CIFAR-100): expected the directory of the binary "
                    "version",
                    import.directory.native(), kTen.train[0], kHundred.train[0]));
  }
  if (ten && import.coarse) return bad_configuration("--coarse: only CIFAR-100 has coarse classes");
  const Version& version = ten ? kTen : kHundred;
  std::vector<std::string> faults;
  auto names = read_names(import.directory / (ten             ? "batches.meta.txt"
                                              : import.coarse ? "coarse_label_names.txt"
                                                              : "fine_label_names.txt"));
  if (!names.ok()) faults.emplace_back(names.status().message());
  std::string bytes;
  const std::int64_t train = read_rows(import, version, version.train, bytes, faults);
  const std::int64_t test = read_rows(import, version, version.test, bytes, faults);
  if (!faults.empty()) return bad_data(fmt::format("{}", fmt::join(faults, "\n")));
  CifarRows rows(std::move(bytes), version.labels, import.coarse, *std::move(names));
  std::vector<FoundSplit> splits = {{"train", std::vector<std::int64_t>(std::size_t(train))},
                                    {"test", std::vector<std::int64_t>(std::size_t(test))}};
  std::iota(splits[0].rows.begin(), splits[0].rows.end(), 0);
  std::iota(splits[1].rows.begin(), splits[1].rows.end(), train);
  ImportSummary summary;
  ASSIGN_OR_RETURN(summary.left_out, write_found(rows, std::move(splits), import.options, path));
  return summary;
}

}  // namespace lockstep
