#include "storage/base/model_file.h"

#include <utility>

#include <fmt/format.h>

#include "proto/model.pb.h"
#include "storage/base/printable.h"

namespace lockstep {

Status include_model_file(const std::filesystem::path& beside, proto::Model& model, Faults& faults) {
  if (!model.has_file()) return OkStatus();
  if (model.has_zoo() || model.layer_size() > 0) {
    faults.add("model.file", "expected either a file or what is in a model, got both; take one away");
    return OkStatus();
  }
  std::error_code error;
  std::filesystem::path path = beside / model.file();
  if (!std::filesystem::is_regular_file(path, error)) path = model.file();
  if (!std::filesystem::is_regular_file(path, error)) {
    faults.add("model.file",
               fmt::format("expected a file beside the job or below the current directory, and \"{}\" is none",
                           printable(model.file())));
    return OkStatus();
  }
  proto::Model content;
  Faults faults_of_file;
  RETURN_IF_ERROR(read_text_proto(path, content, faults_of_file));
  if (content.has_file()) faults_of_file.add("file", "expected layers or a name of the zoo, not a further file");
  check_limits(content, faults_of_file);
  RETURN_IF_ERROR(faults_of_file.status(path.string()));
  model.clear_file();
  content.MergeFrom(model);
  model = std::move(content);
  return OkStatus();
}

}  // namespace lockstep
