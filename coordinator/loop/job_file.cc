#include "coordinator/loop/job_file.h"

#include <string>

#include <google/protobuf/text_format.h>

#include "storage/base/file.h"

namespace lockstep {

Status write_job_file(const proto::Job& job, const std::filesystem::path& directory) {
  RETURN_IF_ERROR(make_directories(directory));
  std::string text;
  google::protobuf::TextFormat::PrintToString(job, &text);
  const std::string_view parts[] = {text};
  return replace_file(directory / "job.pbtxt", parts);
}

}  // namespace lockstep
