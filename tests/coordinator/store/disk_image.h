// What a disk would hold after a power failure: of each file, what it held when it was last synced; of each folder, the
// names that it had when it was last synced.
//
// A disk may have written more than it was asked for: fail() gives, of what was written since the sync, each block or
// not, as chance wants.
// Threads: any.
#pragma once

#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <mutex>
#include <random>
#include <set>
#include <string>

#include <fmt/format.h>

namespace lockstep {

class DiskImage {
 public:
  // The descriptor's file, or folder, is on the disk as it is now.
  void sync(int descriptor) {
    const std::lock_guard lock(mutex_);
    std::error_code error;
    const std::filesystem::path path =
        std::filesystem::read_symlink(fmt::format("/proc/self/fd/{}", descriptor), error);
    if (error) return;
    if (!std::filesystem::is_directory(path)) {
      contents_[path] = read(path);
      return;
    }
    std::erase_if(names_, [&](const std::filesystem::path& name) { return name.parent_path() == path; });
    for (const auto& entry : std::filesystem::directory_iterator(path)) names_.insert(entry.path());
  }

  // Makes in `to`, which is empty, what would be left of the files in `from`.
  void fail(const std::filesystem::path& from, const std::filesystem::path& to, std::mt19937& chance) {
    const std::lock_guard lock(mutex_);
    for (const std::filesystem::path& name : names_) {
      if (name.parent_path() != from || !contents_.contains(name)) continue;
      std::string left = contents_[name];
      const std::string now = std::filesystem::exists(name) ? read(name) : left;
      for (std::size_t at = 0; at < now.size(); at += kBlockBytes) {
        if (chance() % 2 == 0) continue;
        if (left.size() < at) left.resize(at);
        left.replace(at, kBlockBytes, now, at, kBlockBytes);
      }
      std::ofstream(to / name.filename(), std::ios::binary) << left;
    }
  }

 private:
  static constexpr std::size_t kBlockBytes = 512;

  static std::string read(const std::filesystem::path& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  }

  std::mutex mutex_;
  std::map<std::filesystem::path, std::string> contents_;
  std::set<std::filesystem::path> names_;
};

}  // namespace lockstep
