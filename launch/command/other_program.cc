#include "launch/command/other_program.h"

#include <cerrno>
#include <cstdlib>
#include <string>
#include <system_error>
#include <utility>

#include <google/protobuf/text_format.h>

#include "storage/base/file.h"

namespace lockstep {
namespace fs = std::filesystem;

fs::path program_beside(const char* name) {
  std::error_code error;
  return fs::read_symlink("/proc/self/exe", error).parent_path() / name;
}

StatusOr<TemporaryJob> TemporaryJob::write(const proto::Job& job) {
  std::error_code error;
  std::string folder = (fs::temp_directory_path(error) / "lockstep-job-XXXXXX").string();
  if (!error && mkdtemp(folder.data()) == nullptr) error.assign(errno, std::generic_category());
  if (error) {
    return io_error(
        fmt::format("no folder for temporary files: {}; set TMPDIR to one that can be written", error.message()));
  }
  TemporaryJob written{fs::path(folder)};
  std::string text;
  google::protobuf::TextFormat::PrintToString(job, &text);
  const std::string_view parts[] = {text};
  RETURN_IF_ERROR(replace_file(written.path(), parts));
  return written;
}

TemporaryJob::TemporaryJob(fs::path folder) : folder_(std::move(folder)) {}

TemporaryJob::TemporaryJob(TemporaryJob&& other) noexcept : folder_(std::exchange(other.folder_, fs::path())) {}

TemporaryJob::~TemporaryJob() {
  std::error_code ignored;
  if (!folder_.empty()) fs::remove_all(folder_, ignored);
}

}  // namespace lockstep
