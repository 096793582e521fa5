#include "storage/import/import_text.h"

#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <utility>

#include "storage/import/table.h"

namespace lockstep {
namespace {

namespace fs = std::filesystem;

struct Text {
  std::string text;
  std::string label;
  RowSource source;
  int split = 0;
};

// Reads texts character by character.
class Alphabet {
 public:
  explicit Alphabet(std::string_view characters) {
    channel_.fill(-1);
    for (std::size_t i = 0; i < characters.size(); ++i) channel_[std::uint8_t(characters[i])] = int(i);
    for (char c = 'A'; c <= 'Z'; ++c) {
      int& capital = channel_[std::uint8_t(c)];
      if (capital < 0) capital = channel_[std::uint8_t(c - 'A' + 'a')];
    }
  }

  // The channel of the character that begins at `at`, or -1; `at` goes on to the next. A character beyond ASCII is one,
  // however many bytes UTF-8 takes for it.
  int next(std::string_view text, std::size_t& at) const {
    const int channel = channel_[std::uint8_t(text[at])];
    ++at;
    while (at < text.size() && (std::uint8_t(text[at]) & 0xc0) == 0x80) ++at;
    return channel;
  }

 private:
  std::array<int, 256> channel_{};
};

class TextRows final : public FoundRows {
 public:
  TextRows(std::vector<Text> texts, const TextImport& import, std::vector<std::string> names)
      : texts_(std::move(texts)), alphabet_(import.alphabet) {
    image = {int(import.alphabet.size()), 1, import.length};
    target = {.kind = TargetKind::kClass, .names = std::move(names)};
    rows = std::int64_t(texts_.size());
    normalize = false;  // a rare character would be far from all others
    for (std::size_t i = 0; i < target.names.size(); ++i) index_[target.names[i]] = float(i);
  }

  Status read(std::span<const std::int64_t> these, std::span<std::byte> images, std::span<float> targets,
              std::span<std::string> /*why*/) override {
    std::ranges::fill(images, std::byte{0});
    const std::size_t channels = std::size_t(image.channels);
    for (std::size_t i = 0; i < these.size(); ++i) {
      const Text& row = texts_[std::size_t(these[i])];
      std::byte* to = images.data() + i * image.elements();
      std::size_t at = 0;
      for (int place = 0; place < image.width && at < row.text.size(); ++place, to += channels) {
        const int channel = alphabet_.next(row.text, at);
        if (channel >= 0) to[channel] = std::byte{255};
      }
      targets[i] = index_.at(row.label);
    }
    return OkStatus();
  }
  RowSource source(std::int64_t row) override { return texts_[std::size_t(row)].source; }

  // What does not fit and what is not known, in words.
  void tell(ImportSummary& summary) const {
    std::int64_t cut = 0, characters = 0, unknown = 0;
    for (const Text& row : texts_) {
      std::int64_t length = 0;
      for (std::size_t at = 0; at < row.text.size(); ++length) unknown += alphabet_.next(row.text, at) < 0 ? 1 : 0;
      characters += length;
      cut += length > image.width ? 1 : 0;
    }
    if (cut > 0) {
      summary.warnings.push_back(fmt::format("{} of {} texts are longer than {} characters, and cut there; --length",
                                             cut, texts_.size(), image.width));
    }
    summary.warnings.push_back(
        fmt::format("{:.1f} % of the characters are blank: spaces, and what is not in the alphabet",
                    100.0 * double(unknown) / double(std::max<std::int64_t>(1, characters))));
  }

 private:
  std::vector<Text> texts_;
  Alphabet alphabet_;
  std::map<std::string, float> index_;
};

Status read_texts(const TextImport& import, const fs::path& path, int split, std::vector<Text>& texts) {
  ASSIGN_OR_RETURN(const Table table, read_table(path, import.delimiter));
  std::vector<std::string> faults;
  std::vector<std::size_t> columns;
  std::vector<std::string> names = import.texts;
  names.push_back(import.label);
  for (const std::string& name : names) {
    const StatusOr<std::size_t> column = table.column(name);
    if (column.ok())
      columns.push_back(*column);
    else
      faults.emplace_back(column.status().message());
  }
  if (!faults.empty()) return bad_data(fmt::format("{}", fmt::join(faults, "\n")));
  const std::size_t label = columns.back();
  columns.pop_back();
  for (const TableRow& row : table.rows) {
    std::string text;
    for (const std::size_t column : columns) text += (text.empty() ? std::string() : "\n") + row.cells[column];
    if (row.cells[label].empty()) faults.push_back(fmt::format("{}: the label is empty", table.place(row)));
    texts.push_back({std::move(text), row.cells[label], {path.filename().native(), row.line}, split});
  }
  constexpr std::size_t kMostTold = 20;
  const std::size_t more = faults.size() - std::min(faults.size(), kMostTold);
  faults.resize(faults.size() - more);
  if (more > 0) faults.push_back(fmt::format("and {} more", more));
  return faults.empty() ? OkStatus() : bad_data(fmt::format("{}", fmt::join(faults, "\n")));
}

Status check_alphabet(const TextImport& import) {
  const std::set<char> characters(import.alphabet.begin(), import.alphabet.end());
  const bool ascii = std::ranges::all_of(import.alphabet, [](char c) { return std::uint8_t(c) < 128; });
  if (!import.alphabet.empty() && characters.size() == import.alphabet.size() && ascii) return OkStatus();
  return bad_configuration("the alphabet: expected characters of ASCII, each once");
}

}  // namespace

std::string default_alphabet() {
  return "abcdefghijklmnopqrstuvwxyz0123456789-,;.!?:'\"/\\|_@#$%^&*~`+=<>()[]{}\n";
}

StatusOr<ImportSummary> import_text(const TextImport& import, const fs::path& path) {
  RETURN_IF_ERROR(check_alphabet(import));
  std::vector<Text> texts;
  std::vector<std::string> faults;
  const std::array<fs::path, 3> tables = {import.all.empty() ? import.train : import.all, import.validation,
                                          import.test};
  for (int split = 0; split < 3; ++split) {
    const fs::path& table = tables[std::size_t(split)];
    if (table.empty()) continue;
    if (const Status status = read_texts(import, table, split, texts); !status.ok()) {
      faults.emplace_back(status.message());
    }
  }
  if (!faults.empty()) return bad_data(fmt::format("{}", fmt::join(faults, "\n")));
  std::vector<Named> named;
  std::set<std::string> labels;
  for (const Text& it : texts) {
    named.push_back({it.text, it.label, ""});
    labels.insert(it.label);
  }
  std::vector<int> splits;
  if (!import.all.empty())
    splits = draw_splits(named, import.shares, import.key);
  else
    for (const Text& it : texts) splits.push_back(it.split);
  TextRows rows(std::move(texts), import, sorted_names(labels));
  ImportSummary summary;
  rows.tell(summary);
  ASSIGN_OR_RETURN(std::vector<FoundSplit> found, in_drawn_order(named, splits, import.key));
  ASSIGN_OR_RETURN(summary.left_out, write_found(rows, std::move(found), import.options, path));
  return summary;
}

}  // namespace lockstep
