// Checked file operations. Every error is io_error with the path and errno's text, unless a function says otherwise.
// Threads: all functions may be called from any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "storage/base/descriptor.h"
#include "storage/base/status.h"

namespace lockstep {

// Whole; a pipe or a device to its end. While nobody writes to a pipe SIGTERM ends the process, though it be blocked.
// Errors: kNotFound: no such file; bad_data: longer than `limit_bytes`, a directory or a socket. Fault point
// "file.read".
StatusOr<std::string> read_file(const std::filesystem::path& path, std::size_t limit_bytes);

// The same of a regular file (bad_data when it is none) whose first bytes say what it is: no more than these are read
// unless `check` takes them, of which there are fewer in a shorter file, and the size of the file. Errors: also its.
using CheckHead = std::function<Status(std::string_view head, std::uint64_t file_bytes)>;
StatusOr<std::string> read_file_headed(const std::filesystem::path& path, std::size_t limit_bytes,
                                       std::size_t head_bytes, const CheckHead& check);

// Refuses what read_file refuses, for those who open the file in another way. Errors: bad_data.
Status refuse_no_file(const std::filesystem::path& path);

// Writes the parts one after another to path + ".tmp", fsyncs, renames onto `path`, fsyncs the directory: after a crash
// at any instant `path` holds the old content or the new, whole. On an error the temporary file is removed and the old
// content stays; only when the fsync of the directory fails is the new content there, and a crash may still undo it.
// An fsync that failed is never retried on the same file. Requires: one writer of a path at a time.
// Fault points, in order: "file.open", "file.write" (half of the bytes are written), "file.fsync", "file.rename",
// "file.fsync_directory" (see fault.h).
Status write_file_atomically(const std::filesystem::path& path, std::span<const std::string_view> parts);

// The same for readers that live now, without the fsyncs: they find the old content or the new, whole, but after a
// crash of the machine `path` may hold anything. For what is written anew before it is needed again.
Status replace_file(const std::filesystem::path& path, std::span<const std::string_view> parts);

// Creates `path` with the parts, unless there is such a file: of several makers at a time, in whatever processes, one
// succeeds. A file that can be seen is whole, and it is durable when OK. Requires: at most one maker in a process.
// Errors: kAlreadyExists; the file that is there stays. Fault points: those of write_file_atomically, with "file.link"
// in place of "file.rename".
Status create_file_once(const std::filesystem::path& path, std::span<const std::string_view> parts);

// A file that one writer makes longer. Unlike a stream it tells each error, and none of them stays. Movable.
class AppendFile {
 public:
  // Creates the file when it is not there.
  static StatusOr<AppendFile> open(const std::filesystem::path& path);

  // After an error the file may end in a part of the bytes. Fault point: "append.write", whose failure
  // leaves half of them.
  Status append(std::string_view bytes);
  // All that was appended is durable, and so is the name. After an error nobody knows what is: write another file.
  // Fault point: "append.fsync".
  Status sync();

 private:
  AppendFile(std::filesystem::path path, Descriptor file) : path_(std::move(path)), file_(std::move(file)) {}
  std::filesystem::path path_;
  Descriptor file_;
  bool named_ = false;  // the name is durable
};

// With all its parents; OK when it is there.
Status make_directories(const std::filesystem::path& path);

// Which file a path names: whether it was deleted since, or another one has its name. Sure while the file is open.
class FileIdentity {
 public:
  FileIdentity() = default;  // of no file
  // Of what the path names now; of no file when it names nothing.
  explicit FileIdentity(const std::filesystem::path& path);
  bool operator==(const FileIdentity&) const = default;

 private:
  std::uint64_t device_ = 0;
  std::uint64_t number_ = 0;
};

// Holds an exclusive advisory lock (flock) on a file for the life of the object; the kernel drops it when the process
// dies. Not reentrant. Errors: kAlreadyExists when another process holds it.
class FileLock {
 public:
  static StatusOr<FileLock> acquire(const std::filesystem::path& path);

 private:
  explicit FileLock(Descriptor file) : file_(std::move(file)) {}
  Descriptor file_;
};

}  // namespace lockstep
