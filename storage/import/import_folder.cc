#include "storage/import/import_folder.h"

#include <algorithm>
#include <array>
#include <map>
#include <system_error>
#include <utility>

#include "storage/base/file.h"

namespace lockstep {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kExtensions[] = {".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".pnm",
                                            ".pbm", ".pgm",  ".ppm", ".pam",  ".tif", ".tiff"};

std::string lower(std::string text) {
  std::ranges::transform(text, text.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? char(c - 'A' + 'a') : c; });
  return text;
}

struct FoundPicture {
  fs::path file;
  std::string source;  // below the folder's own name: "photos/cat/3.jpg"
  std::string name;    // below the folder: "cat/3.jpg"
  std::string class_name;
  int split = 0;
};

// Walks one folder.
class Walk {
 public:
  Walk(fs::path folder, int depth, int split, std::vector<FoundPicture>& pictures, ImportSummary& summary)
      : folder_(std::move(folder)), depth_(depth), split_(split), pictures_(pictures), summary_(summary) {}

  Status run() {
    std::error_code error;
    const fs::path whole = fs::canonical(folder_, error);
    if (error || !fs::is_directory(whole, error)) {
      return bad_data(fmt::format("{}: expected a directory with a directory a class", folder_.native()));
    }
    title_ = whole.filename();
    RETURN_IF_ERROR(enter(folder_, ""));
    std::vector<std::string> passed;
    for (const auto& [extension, count] : passed_over_) {
      passed.push_back(fmt::format("{} {}", count, extension.empty() ? "without an extension" : extension));
    }
    if (!passed.empty()) {
      summary_.warnings.push_back(
          fmt::format("{}: no pictures by their names, passed over: {}", folder_.native(), fmt::join(passed, ", ")));
    }
    return OkStatus();
  }

 private:
  Status enter(const fs::path& directory, const fs::path& below);
  void take(const fs::path& file, const fs::path& below);
  std::string class_of(const fs::path& below) const;

  fs::path folder_;
  int depth_;
  int split_;
  std::vector<FoundPicture>& pictures_;
  ImportSummary& summary_;
  fs::path title_;
  std::vector<FileIdentity> inside_;  // of the directories that lead here
  std::map<std::string, std::int64_t> passed_over_;
};

Status Walk::enter(const fs::path& directory, const fs::path& below) {
  const FileIdentity identity(directory);
  if (std::ranges::find(inside_, identity) != inside_.end()) {
    summary_.left_out.push_back({(title_ / below).native(), "is a link that leads in a circle"});
    return OkStatus();
  }
  inside_.push_back(identity);
  std::error_code error;
  std::vector<fs::path> names;
  for (fs::directory_iterator it(directory, error), end; !error && it != end; it.increment(error)) {
    names.push_back(it->path().filename());
  }
  if (error) return bad_data(fmt::format("{}: cannot be read: {}", directory.native(), error.message()));
  std::ranges::sort(names, {}, [](const fs::path& name) -> const std::string& { return name.native(); });
  const std::size_t before = pictures_.size();
  bool has_directories = false;
  for (const fs::path& name : names) {
    if (fs::is_directory(directory / name, error)) {
      has_directories = true;
      RETURN_IF_ERROR(enter(directory / name, below / name));
    } else {
      take(directory / name, below / name);
    }
  }
  if (!has_directories && pictures_.size() == before && !below.empty()) {
    summary_.left_out.push_back({(title_ / below).native(), "has no picture"});
  }
  inside_.pop_back();
  return OkStatus();
}

void Walk::take(const fs::path& file, const fs::path& below) {
  const std::string extension = lower(file.extension());
  if (std::ranges::find(kExtensions, extension) == std::end(kExtensions) || file.filename().native().starts_with('.')) {
    ++passed_over_[extension];
    return;
  }
  const std::string source = (title_ / below).native();
  const std::string class_name = class_of(below.parent_path());
  if (class_name.empty()) {
    summary_.left_out.push_back({source, "is in no directory of a class"});
  } else {
    pictures_.push_back({file, source, below.native(), class_name, split_});
  }
}

std::string Walk::class_of(const fs::path& below) const {
  fs::path name;
  int parts = 0;
  for (const fs::path& part : below) {
    if (depth_ > 0 && ++parts > depth_) break;
    name /= part;
  }
  return name.native();
}

StatusOr<std::vector<FoundPicture>> walk(const FolderImport& import, ImportSummary& summary) {
  std::vector<FoundPicture> pictures;
  std::vector<std::string> faults;
  const std::array<fs::path, 3> folders = {import.all.empty() ? import.train : import.all, import.validation,
                                           import.test};
  for (int split = 0; split < 3; ++split) {
    const fs::path& folder = folders[std::size_t(split)];
    if (folder.empty()) continue;
    const std::size_t before = pictures.size();
    Status status = Walk(folder, import.depth, split, pictures, summary).run();
    if (status.ok() && pictures.size() == before) {
      status = bad_data(fmt::format("{}: no pictures in directories of classes: expected files such as {}",
                                    folder.native(), (folder / "cat" / "3.jpg").native()));
    }
    if (!status.ok()) faults.emplace_back(status.message());
  }
  if (!faults.empty()) return bad_data(fmt::format("{}", fmt::join(faults, "\n")));
  return pictures;
}

// Of the training pictures; all faults when other splits have others.
StatusOr<std::vector<std::string>> class_names(const std::vector<FoundPicture>& pictures) {
  std::vector<std::string> names, others;
  for (const FoundPicture& picture : pictures) (picture.split == 0 ? names : others).push_back(picture.class_name);
  for (auto* list : {&names, &others}) {
    std::ranges::sort(*list);
    list->erase(std::ranges::unique(*list).begin(), list->end());
  }
  std::vector<std::string> missing;
  std::ranges::set_difference(others, names, std::back_inserter(missing));
  if (missing.empty()) return names;
  return bad_data(
      fmt::format("classes without a training picture: {}: expected a directory of each in the training folder",
                  fmt::join(missing, ", ")));
}

}  // namespace

StatusOr<ImportSummary> import_folder(const FolderImport& import, const fs::path& path) {
  ImportSummary summary;
  ASSIGN_OR_RETURN(std::vector<FoundPicture> pictures, walk(import, summary));
  std::vector<Named> named;
  for (const FoundPicture& it : pictures) named.push_back({it.name, it.class_name, ""});
  if (!import.all.empty()) {
    const std::vector<int> splits = draw_splits(named, import.shares, import.key);
    for (std::size_t i = 0; i < splits.size(); ++i) pictures[i].split = splits[i];
  }
  ASSIGN_OR_RETURN(const std::vector<std::string> names, class_names(pictures));
  std::vector<Picture> rows;
  for (const FoundPicture& it : pictures) {
    const auto label = std::ranges::lower_bound(names, it.class_name) - names.begin();
    rows.emplace_back(Picture{it.file, RowSource{it.source, 0}, std::vector<float>(1, float(label))});
  }
  ASSIGN_OR_RETURN(const auto found,
                   find_pictures(std::move(rows), {.kind = TargetKind::kClass, .names = names}, import.pictures));
  std::vector<int> splits;
  for (const FoundPicture& it : pictures) splits.push_back(it.split);
  ASSIGN_OR_RETURN(const std::vector<FoundSplit> found_splits, in_drawn_order(named, splits, import.key));
  ASSIGN_OR_RETURN(const std::vector<LeftOut> bad, write_found(*found, found_splits, import.options, path));
  summary.left_out.insert(summary.left_out.end(), bad.begin(), bad.end());
  found->tell_duplicates(splits, summary);
  return summary;
}

}  // namespace lockstep
