#include "coordinator/execute/attempt_directory.h"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <span>
#include <string_view>
#include <system_error>

#include <fcntl.h>
#include <google/protobuf/text_format.h>
#include <sys/stat.h>
#include <unistd.h>

#include "storage/base/descriptor.h"
#include "storage/base/file.h"
#include "storage/base/text_proto.h"

namespace lockstep {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kFileLimitBytes = std::size_t(1) << 20;
constexpr off_t kLastWordsBytes = 2048;
constexpr int kLastWordsLines = 10;

Status failed(std::string_view operation, const fs::path& path) {
  return io_error(
      fmt::format("cannot {} \"{}\": {}", operation, path.native(), std::generic_category().message(errno)));
}

template <typename Message>
StatusOr<Message> read(const fs::path& path) {
  ASSIGN_OR_RETURN(const std::string text, read_file(path, kFileLimitBytes));
  Message message;
  Faults faults;
  parse_text_proto(text, message, faults);
  RETURN_IF_ERROR(faults.status(path.native()));
  return message;
}

// `way`: one of the functions of storage/base/file.h that write a file.
Status write(Status (*way)(const fs::path&, std::span<const std::string_view>), const fs::path& path,
             const google::protobuf::Message& message) {
  std::string text;
  CHECK(google::protobuf::TextFormat::PrintToString(message, &text), "print a {}", message.GetTypeName());
  const std::string_view part = text;
  return way(path, {&part, 1});
}

}  // namespace

StatusOr<proto::AttemptFile> AttemptDirectory::attempt() const {
  return read<proto::AttemptFile>(path_ / "attempt.pbtxt");
}

StatusOr<proto::ClaimFile> AttemptDirectory::claim() const {
  return read<proto::ClaimFile>(path_ / "claim.pbtxt");
}

StatusOr<proto::ExitFile> AttemptDirectory::exit() const {
  return read<proto::ExitFile>(path_ / "exit.pbtxt");
}

Status AttemptDirectory::write_attempt(const proto::AttemptFile& attempt) const {
  RETURN_IF_ERROR(make_directories(path_));
  const fs::path path = path_ / "attempt.pbtxt";
  // The temporary file that replace_file fills and renames: it keeps the mode that it has here.
  const fs::path temporary = path.native() + ".tmp";
  const Descriptor file(::open(temporary.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!file.valid() || ::fchmod(file.get(), 0600) != 0) return failed("create", temporary);
  return write(replace_file, path, attempt);
}

Status AttemptDirectory::write_exit(const proto::ExitFile& exit) const {
  return write(write_file_atomically, path_ / "exit.pbtxt", exit);
}

Status AttemptDirectory::make_claim(const proto::ClaimFile& claim) const {
  return write(create_file_once, path_ / "claim.pbtxt", claim);
}

std::optional<double> AttemptDirectory::seconds_since_claim(bool until_last_output) const {
  std::error_code error;
  const fs::file_time_type begin = fs::last_write_time(path_ / "claim.pbtxt", error);
  if (error) return std::nullopt;
  const fs::file_time_type last_output = fs::last_write_time(output_path(), error);
  const fs::file_time_type end = until_last_output && !error ? last_output : fs::file_time_type::clock::now();
  return std::max(0.0, std::chrono::duration<double>(end - begin).count());
}

std::string AttemptDirectory::last_words() const {
  const Descriptor file(::open(output_path().c_str(), O_RDONLY | O_CLOEXEC));
  struct stat facts = {};
  if (!file.valid() || ::fstat(file.get(), &facts) != 0) return "";
  std::string text(std::min(facts.st_size, kLastWordsBytes), '\0');
  const ssize_t count = ::pread(file.get(), text.data(), text.size(), facts.st_size - static_cast<off_t>(text.size()));
  text.resize(static_cast<std::size_t>(std::max(count, ssize_t(0))));
  while (text.ends_with('\n')) text.pop_back();
  std::size_t begin = text.size();
  for (int line = 0; line < kLastWordsLines && begin != text.npos && begin > 0; ++line) {
    begin = text.rfind('\n', begin - 1);
  }
  if (begin != text.npos && begin > 0) text.erase(0, begin + 1);
  const auto is_text = [](unsigned char byte) { return byte == '\n' || byte == '\t' || (byte >= ' ' && byte < 127); };
  std::replace_if(text.begin(), text.end(), [&](char byte) { return !is_text(static_cast<unsigned char>(byte)); }, '?');
  return text;
}

}  // namespace lockstep
