#include "storage/import/found_rows.h"

#include <algorithm>
#include <filesystem>
#include <utility>

#include "storage/dataset/hdf5_writer.h"

namespace lockstep {
namespace {

constexpr std::size_t kBatchBytes = std::size_t(32) << 20;
constexpr std::size_t kMostToldRows = 20;

struct BadRow {
  std::int64_t row;
  std::string why;
};

SourceColumns columns_of(FoundRows& found, std::span<const std::int64_t> rows) {
  SourceColumns columns;
  for (const std::int64_t row : rows) {
    const RowSource source = found.source(row);
    columns.longest_path = std::max(columns.longest_path, source.path.size());
    columns.lines = columns.lines || source.line > 0;
  }
  return columns;
}

Status begin_split(FoundRows& found, const FoundSplit& split, const SourceColumns& columns, Hdf5DatasetWriter& writer) {
  const auto rows = std::int64_t(split.rows.size());
  if (!found.keeps_files) return writer.begin_split(split.name, rows, found.image, found.pixel_type, columns);
  std::uint64_t bytes = 0;
  for (const std::int64_t row : split.rows) bytes += found.file_bytes(row);
  return writer.begin_encoded_split(split.name, rows, found.image, bytes, found.background, columns);
}

// Reads all rows and writes them as long as none was bad.
Status copy_split(FoundRows& found, const FoundSplit& split, const ImportOptions& options, Hdf5DatasetWriter& writer,
                  std::vector<BadRow>& bad) {
  const std::span<const std::int64_t> all = split.rows;
  const SourceColumns columns = columns_of(found, all);
  if (bad.empty()) RETURN_IF_ERROR(begin_split(found, split, columns, writer));
  const std::size_t row_bytes = found.image.elements() * bytes_per_pixel(found.pixel_type);
  const std::size_t most = std::clamp<std::size_t>(kBatchBytes / row_bytes, 1, all.size());
  std::vector<std::byte> images(most * row_bytes);
  const std::size_t values = target_values(found.target.kind, found.target.names.size(), found.image.pixels());
  std::vector<float> targets(most * values);
  std::vector<std::string> why(most);
  for (std::size_t done = 0; done < all.size();) {
    const auto rows = all.subspan(done, std::min(most, all.size() - done));
    const auto part = std::span(images).first(rows.size() * row_bytes);
    const auto part_targets = std::span(targets).first(rows.size() * values);
    std::ranges::fill(why, "");
    RETURN_IF_ERROR(found.read(rows, part, part_targets, std::span(why).first(rows.size())));
    for (std::size_t i = 0; i < rows.size(); ++i) {
      if (!why[i].empty()) bad.push_back({rows[i], std::move(why[i])});
    }
    if (bad.empty()) {
      std::vector<RowSource> sources;
      for (const std::int64_t row : rows) {
        if (columns.longest_path > 0) sources.push_back(found.source(row));
      }
      RETURN_IF_ERROR(writer.append(part, std::span<const float>(part_targets), sources, found.files()));
    }
    done += rows.size();
    if (options.progress) options.progress(split.name, std::int64_t(done), std::int64_t(all.size()));
  }
  return OkStatus();
}

StatusOr<std::vector<BadRow>> try_to_write(FoundRows& found, std::span<const FoundSplit> splits,
                                           const ImportOptions& options, const std::filesystem::path& path) {
  ASSIGN_OR_RETURN(const auto writer, Hdf5DatasetWriter::create(path, {.class_names = found.target.names,
                                                                       .compress_level = options.compress_level,
                                                                       .target = found.target.kind,
                                                                       .units = found.target.units,
                                                                       .normalize = found.normalize}));
  std::vector<BadRow> bad;
  for (const FoundSplit& split : splits) {
    if (const Status status = copy_split(found, split, options, *writer, bad); !status.ok()) {
      return with_context(status, path.native());
    }
  }
  if (bad.empty()) RETURN_IF_ERROR(writer->finish());
  return bad;
}

std::string name_of(FoundRows& found, std::int64_t row) {
  const std::string source = found.source(row).text();
  return source.empty() ? fmt::format("row {}", row) : source;
}

std::string told(std::span<const LeftOut> left_out) {
  std::string text;
  for (const LeftOut& it : left_out.first(std::min(left_out.size(), kMostToldRows))) {
    text += fmt::format("\n{}: {}", it.what, it.why);
  }
  if (left_out.size() > kMostToldRows) text += fmt::format("\nand {} more", left_out.size() - kMostToldRows);
  return text;
}

}  // namespace

StatusOr<std::vector<FoundSplit>> in_drawn_order(const std::vector<Named>& rows, const std::vector<int>& splits,
                                                 std::uint64_t key) {
  std::vector<FoundSplit> found = {{"train", {}}, {"validation", {}}, {"test", {}}};
  for (const std::int64_t row : draw_order(rows, key)) {
    found[std::size_t(splits[std::size_t(row)])].rows.push_back(row);
  }
  if (found[0].rows.empty()) return bad_data("no row is for training: expected at least one in the split train");
  std::erase_if(found, [](const FoundSplit& split) { return split.rows.empty(); });
  return found;
}

StatusOr<std::vector<LeftOut>> write_found(FoundRows& found, std::vector<FoundSplit> splits,
                                           const ImportOptions& options, const std::filesystem::path& path) {
  ASSIGN_OR_RETURN(const std::vector<BadRow> bad, try_to_write(found, splits, options, path));
  std::vector<LeftOut> left_out;
  for (const BadRow& it : bad) left_out.push_back({name_of(found, it.row), it.why});
  if (bad.empty()) return left_out;
  if (!options.skip_bad) {
    return bad_data(
        fmt::format("{} of {} rows are bad, and nothing was written; mend them, or leave them out with "
                    "--skip-bad:{}",
                    bad.size(), found.rows, told(left_out)));
  }
  std::vector<std::int64_t> rows;
  for (const BadRow& it : bad) rows.push_back(it.row);
  std::ranges::sort(rows);
  for (FoundSplit& split : splits) {
    std::erase_if(split.rows, [&](std::int64_t row) { return std::ranges::binary_search(rows, row); });
    if (split.rows.empty()) return bad_data(fmt::format("{} has no good row:{}", split.name, told(left_out)));
  }
  ASSIGN_OR_RETURN(const std::vector<BadRow> worse, try_to_write(found, splits, options, path));
  if (!worse.empty()) {
    return bad_data(fmt::format("{} changed while it was imported: {}", name_of(found, worse[0].row), worse[0].why));
  }
  return left_out;
}

}  // namespace lockstep
