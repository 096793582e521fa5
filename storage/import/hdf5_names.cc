#include "storage/import/hdf5_names.h"

#include <algorithm>
#include <filesystem>
#include <map>
#include <span>
#include <string_view>

namespace lockstep {
namespace {

constexpr std::size_t kMostToldArrays = 100;
constexpr std::string_view kImageWords[] = {"x", "image", "images", "img", "imgs", "data", "pixels"};
constexpr std::string_view kLabelWords[] = {"y", "label", "labels", "target", "targets", "mask", "masks"};
constexpr std::string_view kTrain[] = {"train", "training"};
constexpr std::string_view kValidation[] = {"validation", "valid", "val", "dev"};
constexpr std::string_view kTest[] = {"test", "testing"};
constexpr std::string_view kNothing[] = {"set", "dataset", "data", "orig"};  // of no meaning here
constexpr std::string_view kClassNames[] = {"list_classes", "class_names", "classes", "label_names"};

bool is_of(std::span<const std::string_view> words, std::string_view word) {
  return std::ranges::find(words, word) != words.end();
}

// "" for words of no split.
std::string_view split_of(std::string_view word) {
  return is_of(kTrain, word) ? "train" : is_of(kValidation, word) ? "validation" : is_of(kTest, word) ? "test" : "";
}

// "train/X_orig": train, x, orig.
std::vector<std::string> words_of(std::string_view name) {
  std::vector<std::string> words(1);
  for (const char c : name) {
    const bool upper = c >= 'A' && c <= 'Z';
    if (upper || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9')) {
      words.back() += upper ? char(c - 'A' + 'a') : c;
    } else if (!words.back().empty()) {
      words.emplace_back();
    }
  }
  if (words.back().empty()) words.pop_back();
  return words;
}

// The one split that some of the words name; else empty.
std::string split_of(const std::vector<std::string>& words) {
  std::string split;
  for (const std::string& word : words) {
    const std::string_view named = split_of(word);
    if (named.empty() || named == split) continue;
    if (!split.empty()) return "";
    split = named;
  }
  return split;
}

enum class Role { kNone, kImages, kLabels };

// By the last word that says one; none when any word says nothing.
Role role_of(const std::vector<std::string>& words) {
  Role role = Role::kNone;
  for (const std::string& word : words) {
    if (is_of(kImageWords, word)) {
      role = Role::kImages;
    } else if (is_of(kLabelWords, word)) {
      role = Role::kLabels;
    } else if (split_of(word).empty() && !is_of(kNothing, word)) {
      return Role::kNone;
    }
  }
  return role;
}

struct Candidates {
  std::vector<std::size_t> images, labels;
};

std::string places_text(const std::vector<ListedArray>& arrays, const std::vector<std::size_t>& places) {
  std::vector<std::string> names;
  for (const std::size_t i : places) names.push_back(fmt::format("{}: {}", arrays[i].file, arrays[i].path));
  return names.empty() ? "none" : fmt::format("{}", fmt::join(names, ", "));
}

std::map<std::string, Candidates> candidates_of(const std::vector<ListedArray>& arrays) {
  const bool one_file =
      std::ranges::all_of(arrays, [&](const ListedArray& array) { return array.file == arrays[0].file; });
  std::map<std::string, Candidates> found;
  for (std::size_t i = 0; i < arrays.size(); ++i) {
    const ListedArray& array = arrays[i];
    const std::vector<std::string> words = words_of(array.path);
    const Role role = role_of(words);
    std::string split = split_of(words);
    if (split.empty() && !one_file) split = split_of(words_of(std::filesystem::path(array.file).stem().native()));
    if (role == Role::kImages && array.is_number && array.dims.size() >= 3) found[split].images.push_back(i);
    if (role == Role::kLabels && !array.dims.empty()) found[split].labels.push_back(i);
  }
  return found;
}

}  // namespace

FoundNames find_pairs(const std::vector<ListedArray>& arrays) {
  FoundNames names;
  const std::map<std::string, Candidates> candidates = candidates_of(arrays);
  for (const std::string split : {"", "train", "validation", "test"}) {
    const auto found = candidates.find(split);
    if (found == candidates.end()) continue;
    const auto& [images, labels] = found->second;
    const std::string of = split.empty() ? "" : fmt::format(" of {}", split);
    if (images.size() != 1) names.doubts.push_back(fmt::format("images{}: {}", of, places_text(arrays, images)));
    if (labels.size() != 1) names.doubts.push_back(fmt::format("labels{}: {}", of, places_text(arrays, labels)));
    if (images.size() == 1 && labels.size() == 1) names.pairs.push_back({split, images[0], labels[0]});
  }
  if (names.pairs.size() > 1 && names.pairs[0].split.empty()) {
    names.doubts.push_back("some names tell a split, others none");
  }
  if (candidates.empty()) names.doubts.push_back("none has a name that is known");
  return names;
}

std::vector<std::size_t> find_class_names(const std::vector<ListedArray>& arrays) {
  std::vector<std::size_t> found;
  for (std::size_t i = 0; i < arrays.size(); ++i) {
    const std::string leaf = std::filesystem::path(arrays[i].path).filename();
    if (arrays[i].is_text && arrays[i].dims.size() == 1 && is_of(kClassNames, leaf)) found.push_back(i);
  }
  return found;
}

std::string arrays_text(const std::vector<ListedArray>& arrays) {
  const bool one_file =
      std::ranges::all_of(arrays, [&](const ListedArray& array) { return array.file == arrays[0].file; });
  std::vector<std::string> lines;
  for (const ListedArray& array : arrays) {
    if (lines.size() == kMostToldArrays) {
      lines.push_back(fmt::format("  and {} more", arrays.size() - kMostToldArrays));
      break;
    }
    const std::string name = one_file ? array.path : fmt::format("{}:{}", array.file, array.path);
    lines.push_back(fmt::format("  {}  {}{}{}", name, array.dims_text(), array.dims.empty() ? "" : "  ", array.type));
  }
  return lines.empty() ? "  nothing" : fmt::format("{}", fmt::join(lines, "\n"));
}

}  // namespace lockstep
