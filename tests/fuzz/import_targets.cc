// The parsers of importers, and the importers that do the most with what was parsed.
#include <algorithm>
#include <array>

#include <zlib.h>

#include "storage/base/file.h"
#include "storage/image/image.h"
#include "storage/import/idx.h"
#include "storage/import/import_cifar.h"
#include "storage/import/import_list.h"
#include "storage/import/import_npy.h"
#include "storage/import/import_text.h"
#include "storage/import/npy.h"
#include "storage/import/table.h"
#include "storage/import/zip.h"
#include "tests/fuzz/target.h"
#include "tests/storage/base/temporary_directory.h"

namespace lockstep {
namespace {

namespace fs = std::filesystem;

const TemporaryDirectory& directory() {
  static const TemporaryDirectory made;
  return made;
}

fs::path written(const char* name, std::string_view bytes) {
  fs::path path = directory() / name;
  const std::array parts = {bytes};
  CHECK(replace_file(path, parts).ok(), "{} cannot be written", path.native());
  return path;
}

fs::path out() {
  return directory() / "out.h5";
}

// Messages name the directory, which is another one each time.
std::string told(const Status& status, std::string_view good = "good") {
  std::string text = status.ok() ? std::string(good) : std::string(status.message());
  const std::string& own = directory().path().native();
  for (std::size_t at = text.find(own); at != std::string::npos; at = text.find(own)) text.erase(at, own.size());
  return text;
}

std::string table(std::string_view bytes) {
  const std::uint64_t choice = choice_of(bytes);
  const StatusOr<Table> read = read_table(written("table.csv", bytes), "\0,;\t" [choice % 4], { 1 << 20, 1 << 12 });
  if (!read.ok()) return told(read.status());
  for (const std::string& name : read->columns) {
    const StatusOr<std::size_t> column = read->column(name);
    CHECK(!column.ok() || *column < read->columns.size(), "column {}", *column);
  }
  std::set<std::string> cells;
  for (const TableRow& row : read->rows) {
    CHECK(row.cells.size() == read->columns.size() && row.line > 1, "{} cells", row.cells.size());
    for (const std::string& cell : row.cells) {
      CHECK(cell.find('\0') == std::string::npos, "a zero byte");
      cells.insert(cell);
    }
  }
  CHECK(sorted_names(cells).size() == cells.size(), "another number of names");
  return fmt::format("good with {} columns", read->columns.size() > 1 ? "several" : "one");
}

std::string array(std::string_view bytes) {
  const StatusOr<NpyArray> read = parse_npy(std::string(bytes));
  if (!read.ok()) return told(read.status());
  const std::size_t elements = read->elements();
  CHECK(read->begin <= bytes.size() && elements <= (bytes.size() - read->begin) / read->bytes, "{} elements", elements);
  for (std::size_t i = 0; i < std::min<std::size_t>(elements, 1000); ++i) (void)read->value(elements - 1 - i);
  return fmt::format("good, {}", read->type_name());
}

// Its members, and what is made of them where they have the names that MedMNIST gives.
std::string archive(std::string_view bytes) {
  const StatusOr<std::vector<ZipMember>> members = list_zip(bytes);
  if (!members.ok()) return told(members.status());
  std::string words = members->empty() ? "no members" : "";
  for (const ZipMember& member : std::span(*members).first(std::min<std::size_t>(8, members->size()))) {
    const StatusOr<std::string> content = read_zip(bytes, member);
    CHECK(!content.ok() || content->size() == member.bytes, "{} bytes", content->size());
    words += content.ok() ? "; " + array(*content) : "; bad";
  }
  NpyImport import;
  import.archive = written("some.npz", bytes);
  import.splits = {{"train", "train_images", "train_labels"}, {"test", "test_images", "test_labels"}};
  import.channels_first = choice_of(bytes) % 2 == 0;
  import.skip_missing = true;
  import.options.skip_bad = true;
  return words + ": " + told(import_npy(import, out()).status());
}

std::string idx(std::string_view bytes) {
  constexpr std::size_t kMostRow = 1 << 20, kMostRows = 1000;
  StatusOr<IdxReader> reader = IdxReader::open(written("some.idx", bytes));
  if (!reader.ok()) return told(reader.status());
  if (reader->row_bytes() > kMostRow || reader->dims()[0] > std::int64_t(kMostRows)) return "large";
  std::vector<std::byte> row(reader->row_bytes());
  for (std::int64_t i = 0; i < reader->dims()[0]; ++i) {
    if (const Status status = reader->read(row); !status.ok()) return told(status);
  }
  return told(reader->expect_end());
}

// Names, a line of two dashes, and rows.
constexpr std::string_view kNamesEnd = "\n--\n";
constexpr std::size_t kCifarRow = 2 + 3 * 1024;

std::string cifar(std::string_view bytes) {
  const std::size_t end = std::min(bytes.find(kNamesEnd), bytes.size());
  written("fine_label_names.txt", bytes.substr(0, end));
  const std::string_view rows = bytes.substr(std::min(bytes.size(), end + kNamesEnd.size()));
  written("train.bin", rows);
  written("test.bin", rows.substr(0, kCifarRow));
  CifarImport import;
  import.directory = directory().path();
  import.options.skip_bad = choice_of(bytes) % 2 == 0;
  return told(import_cifar(import, out()).status());
}

std::string with_whole_rows(std::string input) {
  const std::size_t end = input.find(kNamesEnd);
  if (end == std::string::npos) return input;
  const std::size_t head = end + kNamesEnd.size();
  input.resize(head + (input.size() - head + kCifarRow / 2) / kCifarRow * kCifarRow);
  return input;
}

// A column is told by its number.
std::string column(int number) {
  return std::to_string(number);
}

// A table of pictures, of which a.png and b.png are there.
std::string list(std::string_view bytes) {
  Image image{3, 2, 3, 8, {}};
  image.pixels.resize(18);
  for (const char* name : {"a.png", "b.png"}) {
    if (!fs::exists(directory() / name)) written(name, encode_png(image));
  }
  const std::uint64_t choice = choice_of(bytes);
  ListImport import;
  import.table = written("list.csv", bytes);
  import.path = column(1);
  if (choice % 4 == 0) import.label = column(2);
  if (choice % 4 == 1) import.labels = {column(2)};
  if (choice % 4 == 2) import.labels = {column(2), column(3)};
  if (choice % 4 == 3) import.numbers = {column(2), column(3)};
  if (choice % 8 >= 4) import.split = column(4);
  import.pictures.height = import.pictures.width = 4;
  import.options.skip_bad = true;
  return told(import_list(import, out()).status());
}

std::string text(std::string_view bytes) {
  TextImport import;
  import.all = written("text.csv", bytes);
  import.label = column(1);
  import.texts = {column(2)};
  import.length = 1 + int(choice_of(bytes) % 40);
  import.shares = {0.1, 0.1};
  return told(import_text(import, out()).status());
}

// The checksums of members that are stored as they are.
std::string with_zip_checksums(std::string file) {
  const auto number = [&](std::size_t at, std::size_t width) {
    std::size_t value = 0;
    for (std::size_t i = 0; i < width && at + i < file.size(); ++i)
      value |= std::size_t(std::uint8_t(file[at + i])) << (8 * i);
    return value;
  };
  for (std::size_t at = file.find("PK\x01\x02"); at != std::string::npos && at + 46 <= file.size();
       at = file.find("PK\x01\x02", at + 1)) {
    const std::size_t bytes = number(at + 20, 4), local = number(at + 42, 4);
    const std::size_t begin = local + 30 + number(local + 26, 2) + number(local + 28, 2);
    if (number(at + 10, 2) != 0 || begin > file.size() || bytes > file.size() - begin) continue;
    const uLong sum = crc32_z(0, reinterpret_cast<const Bytef*>(file.data() + begin), bytes);
    for (std::size_t i = 0; i < 4; ++i) file[at + 16 + i] = char(std::uint8_t(sum >> (8 * i)));
  }
  return file;
}

constexpr FuzzTarget kTargets[] = {{"table", table},
                                   {"npy", array},
                                   {"npz", archive, with_zip_checksums},
                                   {"idx", idx},
                                   {"cifar", cifar, with_whole_rows},
                                   {"list", list},
                                   {"text", text}};

}  // namespace

std::span<const FuzzTarget> import_targets() {
  return kTargets;
}

}  // namespace lockstep
