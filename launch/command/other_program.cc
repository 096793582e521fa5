#include "launch/command/other_program.h"

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#include <google/protobuf/text_format.h>
#include <sys/mman.h>
#include <unistd.h>

#include "coordinator/execute/command_output.h"

namespace lockstep {
namespace fs = std::filesystem;

fs::path program_beside(const char* name) {
  std::error_code error;
  return fs::read_symlink("/proc/self/exe", error).parent_path() / name;
}

StatusOr<nlohmann::json> printed_by(std::vector<std::string> arguments) {
  const std::string program = fs::path(arguments[0]).filename().string();
  const StatusOr<CommandResult> run = command_result(std::move(arguments), CommandErrors::kTaken);
  RETURN_IF_ERROR(run.status());
  // Warnings, and words of mpirun, stand around it.
  const std::string_view text = run->output;
  const std::size_t begin = text.starts_with('{') ? 0 : std::min(text.find("\n{"), text.size());
  const std::string_view object = text.substr(begin, text.rfind('}') + 1 - std::min(begin, text.rfind('}') + 1));
  nlohmann::json printed = nlohmann::json::parse(object, nullptr, /*allow_exceptions=*/false);
  if (printed.is_object() && (run->exit_code == 0 || printed.contains("error"))) return printed;
  return io_error(fmt::format("{} ended with {} and printed no JSON object", program, run->exit_code));
}

StatusOr<nlohmann::json> answer_of(std::vector<std::string> arguments) {
  ASSIGN_OR_RETURN(nlohmann::json printed, printed_by(std::move(arguments)));
  if (printed.contains("error")) return io_error(printed["error"].value("message", ""));
  return printed;
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
