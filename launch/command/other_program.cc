#include "launch/command/other_program.h"

#include <cerrno>
#include <cstring>
#include <string>
#include <system_error>
#include <utility>

#include <google/protobuf/text_format.h>
#include <sys/mman.h>
#include <unistd.h>

namespace lockstep {
namespace fs = std::filesystem;

fs::path program_beside(const char* name) {
  std::error_code error;
  return fs::read_symlink("/proc/self/exe", error).parent_path() / name;
}

StatusOr<JobInMemory> JobInMemory::write(const proto::Job& job) {
  std::string text;
  google::protobuf::TextFormat::PrintToString(job, &text);
  Descriptor file(::memfd_create("job.pbtxt", MFD_CLOEXEC));
  if (!file.valid() || ::write(file.get(), text.data(), text.size()) != ssize_t(text.size())) {
    return io_error(fmt::format("no memory for a job of {} bytes: {}", text.size(), std::strerror(errno)));
  }
  return JobInMemory(std::move(file));
}

fs::path JobInMemory::path() const {
  return fmt::format("/proc/{}/fd/{}", ::getpid(), file_.get());
}

}  // namespace lockstep
