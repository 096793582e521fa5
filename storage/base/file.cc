#include "storage/base/file.h"

#include <algorithm>
#include <cerrno>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "storage/base/descriptor.h"
#include "storage/base/fault.h"

namespace lockstep {
namespace {

std::string_view advice(int error) {
  switch (error) {
    case ENOSPC:
      return "; free some space and run again";
    case EDQUOT:
      return "; the quota is used up: free some space and run again";
    case EFBIG:
      return "; raise the file size limit (ulimit -f) and run again";
    case EACCES:
    case EPERM:
    case EROFS:
      return "; check the permissions";
    default:
      return "";
  }
}

// Uses errno unless told otherwise.
Status failed(std::string_view operation, const std::filesystem::path& path, int error = errno) {
  const std::string text = std::generic_category().message(error);
  return io_error(fmt::format("cannot {} \"{}\": {}{}", operation, path.native(), text, advice(error)));
}

int open_file(const std::filesystem::path& path, int flags) {
  int descriptor = -1;
  do {
    descriptor = ::open(path.c_str(), flags | O_CLOEXEC, 0644);
  } while (descriptor < 0 && errno == EINTR);
  return descriptor;
}

// False, with errno, on an error.
bool write_all(int descriptor, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t count = ::write(descriptor, bytes.data(), bytes.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(count));
  }
  return true;
}

// Writes bytes [begin, end) of the parts taken as one text.
bool write_range(int descriptor, std::span<const std::string_view> parts, std::size_t begin, std::size_t end) {
  std::size_t offset = 0;
  for (const std::string_view part : parts) {
    const std::size_t from = std::clamp(begin, offset, offset + part.size()) - offset;
    const std::size_t to = std::clamp(end, offset, offset + part.size()) - offset;
    if (!write_all(descriptor, part.substr(from, to - from))) return false;
    offset += part.size();
  }
  return true;
}

enum class Durability { kSynced, kNone };

// Creates the file with the parts as its content.
Status write_parts(const std::filesystem::path& path, std::span<const std::string_view> parts, Durability durability) {
  std::size_t size = 0;
  for (const std::string_view part : parts) size += part.size();
  RETURN_IF_ERROR(fault_point("file.open"));
  Descriptor file(open_file(path, O_WRONLY | O_CREAT | O_TRUNC));
  if (!file.valid()) return failed("create", path);
  if (!write_range(file.get(), parts, 0, size / 2)) return failed("write", path);
  RETURN_IF_ERROR(fault_point("file.write"));
  if (!write_range(file.get(), parts, size / 2, size)) return failed("write", path);
  if (durability == Durability::kSynced) {
    RETURN_IF_ERROR(fault_point("file.fsync"));
    if (::fsync(file.get()) != 0) return failed("fsync", path);
  }
  if (!file.close()) return failed("close", path);
  return OkStatus();
}

Status sync_directory(const std::filesystem::path& path) {
  const std::filesystem::path directory = path.empty() ? "." : path;
  const Descriptor descriptor(open_file(directory, O_RDONLY | O_DIRECTORY));
  if (!descriptor.valid()) return failed("open directory", directory);
  if (::fsync(descriptor.get()) != 0) return failed("fsync directory", directory);
  return OkStatus();
}

Status fsync_directory(const std::filesystem::path& path) {
  RETURN_IF_ERROR(fault_point("file.fsync_directory"));
  return sync_directory(path);
}

// By way of path + ".tmp", which is not left behind.
Status replace(const std::filesystem::path& path, std::span<const std::string_view> parts, Durability durability) {
  std::filesystem::path temporary = path;
  temporary += ".tmp";
  Status status = write_parts(temporary, parts, durability);
  if (status.ok()) status = fault_point("file.rename");
  if (status.ok() && ::rename(temporary.c_str(), path.c_str()) != 0) status = failed("replace", path);
  if (!status.ok()) ::unlink(temporary.c_str());
  return status;
}

// Fails when the name is taken.
Status give_name(const std::filesystem::path& file, const std::filesystem::path& path) {
  RETURN_IF_ERROR(fault_point("file.link"));
  if (::link(file.c_str(), path.c_str()) == 0) return OkStatus();
  if (errno == EEXIST) return absl::AlreadyExistsError(fmt::format("there is a file \"{}\" already", path.native()));
  return failed("create", path);
}

// Whether something that is no regular file may be read as one.
enum class Streams { kTaken, kRefused };

Status check_kind(const std::filesystem::path& path, mode_t mode, Streams streams) {
  if (S_ISREG(mode)) return OkStatus();
  const bool is_stream = S_ISFIFO(mode) || S_ISCHR(mode);
  if (is_stream && streams == Streams::kTaken) return OkStatus();
  const char* const kind = S_ISDIR(mode)    ? "a directory"
                           : S_ISFIFO(mode) ? "a pipe"
                           : S_ISSOCK(mode) ? "a socket"
                                            : "a device";
  return bad_data(fmt::format("\"{}\": expected a file, got {}", path.native(), kind));
}

struct Input {
  Descriptor file;
  struct stat facts = {};
};

StatusOr<Input> open_input(const std::filesystem::path& path, Streams streams) {
  RETURN_IF_ERROR(fault_point("file.read"));
  // A pipe is opened though nobody writes to it: the waiting is done in wait_for_bytes.
  Input input{.file = Descriptor(open_file(path, O_RDONLY | O_NONBLOCK | O_NOCTTY))};
  const int error = errno;
  if (!input.file.valid() && error == ENOENT) {
    return absl::NotFoundError(fmt::format("no such file: \"{}\"", path.native()));
  }
  if (!input.file.valid() && error == ENXIO) RETURN_IF_ERROR(refuse_no_file(path));  // a socket
  if (!input.file.valid()) return failed("open", path, error);
  if (::fstat(input.file.get(), &input.facts) != 0) return failed("stat", path);
  RETURN_IF_ERROR(check_kind(path, input.facts.st_mode, streams));
  return input;
}

// Until a pipe or device has bytes or comes to its end.
void wait_for_bytes(const Input& input) {
  if (S_ISREG(input.facts.st_mode)) return;
  sigset_t mask;
  CHECK(::pthread_sigmask(SIG_SETMASK, nullptr, &mask) == 0);
  sigdelset(&mask, SIGTERM);
  pollfd wanted{.fd = input.file.get(), .events = POLLIN, .revents = 0};
  while (::ppoll(&wanted, 1, nullptr, &mask) < 0 && errno == EINTR) {
  }  // what has failed otherwise shows when it is read
}

// Makes `content` longer, up to `bytes` or the end of the file.
Status read_up_to(const Input& input, const std::filesystem::path& path, std::size_t bytes, std::string& content) {
  std::size_t size = content.size();
  content.resize(bytes);
  while (size < bytes) {
    wait_for_bytes(input);
    const ssize_t count = ::read(input.file.get(), content.data() + size, bytes - size);
    if (count < 0 && (errno == EINTR || errno == EAGAIN)) continue;
    if (count < 0) return failed("read", path);
    if (count == 0) break;
    size += static_cast<std::size_t>(count);
  }
  content.resize(size);
  return OkStatus();
}

// What comes behind `content`. One byte more than the size is asked for, so that the last read finds the end; a pipe
// has size 0 and is read in pieces.
StatusOr<std::string> read_rest(const Input& input, const std::filesystem::path& path, std::size_t limit_bytes,
                                std::string content) {
  const auto known = static_cast<std::uint64_t>(input.facts.st_size);
  const auto too_long = [&](std::string_view got) {
    return bad_data(fmt::format("\"{}\": expected at most {} bytes, got {}", path.native(), limit_bytes, got));
  };
  if (S_ISREG(input.facts.st_mode) && known > limit_bytes) return too_long(fmt::to_string(known));
  for (std::size_t wanted = std::max<std::size_t>(known, content.size()) + 1;;
       wanted = std::min(2 * wanted + 4096, limit_bytes + 1)) {
    RETURN_IF_ERROR(read_up_to(input, path, wanted, content));
    if (content.size() > limit_bytes) return too_long("more");
    if (content.size() < wanted) return content;
  }
}

}  // namespace

StatusOr<std::string> read_file(const std::filesystem::path& path, std::size_t limit_bytes) {
  ASSIGN_OR_RETURN(const Input input, open_input(path, Streams::kTaken));
  return read_rest(input, path, limit_bytes, "");
}

StatusOr<std::string> read_file_headed(const std::filesystem::path& path, std::size_t limit_bytes,
                                       std::size_t head_bytes, const CheckHead& check) {
  ASSIGN_OR_RETURN(const Input input, open_input(path, Streams::kRefused));
  std::string content;
  RETURN_IF_ERROR(read_up_to(input, path, head_bytes, content));
  RETURN_IF_ERROR(check(content, static_cast<std::uint64_t>(input.facts.st_size)));
  return read_rest(input, path, limit_bytes, std::move(content));
}

Status refuse_no_file(const std::filesystem::path& path) {
  struct stat facts = {};
  if (::stat(path.c_str(), &facts) != 0) return OkStatus();  // whoever opens it says why
  return check_kind(path, facts.st_mode, Streams::kTaken);
}

Status write_file_atomically(const std::filesystem::path& path, std::span<const std::string_view> parts) {
  RETURN_IF_ERROR(replace(path, parts, Durability::kSynced));
  return fsync_directory(path.parent_path());
}

Status replace_file(const std::filesystem::path& path, std::span<const std::string_view> parts) {
  return replace(path, parts, Durability::kNone);
}

Status create_file_once(const std::filesystem::path& path, std::span<const std::string_view> parts) {
  const std::filesystem::path own = fmt::format("{}.{}", path.native(), ::getpid());
  Status status = write_parts(own, parts, Durability::kSynced);
  if (status.ok()) status = give_name(own, path);
  ::unlink(own.c_str());
  RETURN_IF_ERROR(status);
  return fsync_directory(path.parent_path());
}

StatusOr<AppendFile> AppendFile::open(const std::filesystem::path& path) {
  Descriptor file(open_file(path, O_WRONLY | O_CREAT | O_APPEND));
  if (!file.valid()) return failed("open", path);
  return AppendFile(path, std::move(file));
}

Status AppendFile::append(std::string_view bytes) {
  const Status fault = fault_point("append.write");
  if (!write_all(file_.get(), fault.ok() ? bytes : bytes.substr(0, bytes.size() / 2))) return failed("write", path_);
  return fault;
}

Status AppendFile::sync() {
  RETURN_IF_ERROR(fault_point("append.fsync"));
  if (::fsync(file_.get()) != 0) return failed("fsync", path_);
  if (!named_) RETURN_IF_ERROR(sync_directory(path_.parent_path()));
  named_ = true;
  return OkStatus();
}

Status make_directories(const std::filesystem::path& path) {
  std::error_code error;
  std::filesystem::create_directories(path, error);
  if (error) return failed("create directory", path, error.value());
  return OkStatus();
}

FileIdentity::FileIdentity(const std::filesystem::path& path) {
  struct stat facts = {};
  if (::stat(path.c_str(), &facts) != 0) return;
  device_ = facts.st_dev;
  number_ = facts.st_ino;
}

StatusOr<FileLock> FileLock::acquire(const std::filesystem::path& path) {
  Descriptor file(open_file(path, O_RDWR | O_CREAT));
  if (!file.valid()) return failed("open", path);
  int result = -1;
  do {
    result = ::flock(file.get(), LOCK_EX | LOCK_NB);
  } while (result != 0 && errno == EINTR);
  if (result != 0 && errno == EWOULDBLOCK) {
    return absl::AlreadyExistsError(fmt::format("\"{}\" is locked by another process that is running", path.native()));
  }
  if (result != 0) return failed("lock", path);
  return FileLock(std::move(file));
}

}  // namespace lockstep
