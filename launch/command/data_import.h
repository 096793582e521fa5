// The verbs of `lockstep data import`, and what they have in common. Each format has a file data_import_FORMAT.cc with
// its verb; it includes no other.
#pragma once

#include <charconv>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <system_error>
#include <type_traits>
#include <vector>

#include <CLI/CLI.hpp>

#include "storage/base/status.h"
#include "storage/import/draw.h"
#include "storage/import/found_rows.h"
#include "storage/import/pictures.h"

namespace lockstep {

// Adds `import` and its verbs. The result runs the one that was given; it is empty as long as none was parsed.
using Verb = std::function<Status()>;
std::shared_ptr<Verb> describe_imports(CLI::App& app);

void describe_cifar(CLI::App& import, Verb& run);
void describe_folder(CLI::App& import, Verb& run);
void describe_hdf5(CLI::App& import, Verb& run);
void describe_idx(CLI::App& import, Verb& run);
void describe_list(CLI::App& import, Verb& run);
void describe_npy(CLI::App& import, Verb& run);
void describe_npz(CLI::App& import, Verb& run);
void describe_text(CLI::App& import, Verb& run);

// What every importer is told.
struct ImportArguments {
  std::string out;
  int compress_level = 0;
  bool force = false;
  bool json = false;
};

void describe_common(CLI::App& verb, ImportArguments& arguments);

// Runs one importer around what all of them do, and shows what was made.
Status run_import(const ImportArguments& arguments,
                  const std::function<StatusOr<ImportSummary>(const std::filesystem::path& out)>& import);

// On a terminal; else empty.
std::function<void(const std::string& split, std::int64_t rows_done, std::int64_t rows)> progress_of_terminal();

// What those are told that import pictures.
struct PictureArguments {
  std::string size, fit = "crop", channels, background = "ffffff";
  bool keep_encoded = false;
};
void describe_pictures(CLI::App& verb, PictureArguments& arguments);
// Errors: bad_configuration (all faults).
StatusOr<PictureOptions> picture_options(const PictureArguments& arguments);

// Splits that are drawn from one place or have one each.
struct PlaceArguments {
  std::vector<std::string> places;  // ONE OUT, or OUT
  std::string train, validation, test;
  std::uint64_t key = 0;
};
struct SplitPlaces {
  std::string all;                      // or
  std::string train, validation, test;  // empty: no such split
  SplitShares shares;                   // of all
};
// `one` is what it is called as an argument, `noun` in words: "DIR", "folder".
void describe_places(CLI::App& verb, PlaceArguments& arguments, const std::string& one, std::string_view noun);
// Errors: bad_configuration (all faults).
StatusOr<SplitPlaces> split_places(const PlaceArguments& arguments, std::string_view one, std::string_view noun);

// Of --delimiter; 0: it is to be recognised.
char delimiter_of(std::string_view name);

// "a,b,c" as three names; none in an empty text. Errors: bad_configuration.
StatusOr<std::vector<std::string>> split_names(const std::string& text, std::string_view option);

// False: it is no such number.
template <typename T>
bool read_number(std::string_view text, T& value, int base = 10) {
  const auto [end, error] = [&] {
    if constexpr (std::is_floating_point_v<T>)
      return std::from_chars(text.data(), text.data() + text.size(), value);
    else
      return std::from_chars(text.data(), text.data() + text.size(), value, base);
  }();
  return error == std::errc() && end == text.data() + text.size();
}

}  // namespace lockstep
