#include "coordinator/loop/job_file.h"

#include <string>

#include <google/protobuf/text_format.h>

#include "storage/base/file.h"

namespace lockstep {

Status write_job_file(const proto::Job& job, const std::filesystem::path& directory) {
  RETURN_IF_ERROR(make_directories(directory));
  std::error_code error;
  const std::filesystem::space_info space = std::filesystem::space(directory, error);
  if (!error && space.available >> 20 < kLeastFreeMebibytes) {
    return io_error(
        fmt::format("\"{}\": expected at least {} MiB free to start a trial, got {}; free some space and start again",
                    directory.native(), kLeastFreeMebibytes, space.available >> 20));
  }
  std::string text;
  google::protobuf::TextFormat::PrintToString(job, &text);
  const std::string_view parts[] = {text};
  return replace_file(directory / "job.pbtxt", parts);
}

}  // namespace lockstep
