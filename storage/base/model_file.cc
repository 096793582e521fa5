#include "storage/base/model_file.h"

#include <utility>

#include <fmt/format.h>

#include "proto/model.pb.h"
#include "storage/base/printable.h"

namespace lockstep {

Status read_model_file(const std::filesystem::path& file, const std::string& path, proto::Model& model,
                       Faults& faults) {
  Faults content;
  RETURN_IF_ERROR(read_text_proto(file, model, content));
  if (model.has_file()) {
    content.add("file", "expected layers or a name of the zoo, not a further file");
    model.clear_file();
  } else if (!model.has_zoo() && model.layer().empty() && content.empty()) {
    content.add("", "expected a zoo name or layers, got neither");
  }
  faults.include(path, file.string(), content);
  return OkStatus();
}

Status include_model_file(const std::filesystem::path& beside, const std::string& path, proto::Model& model,
                          Faults& faults) {
  if (!model.has_file()) return OkStatus();
  const std::string field = path_of(path, "file");
  if (model.has_zoo() || model.layer_size() > 0) {
    faults.add(field, "expected either a file or what is in a model, got both; take one away");
    return OkStatus();
  }
  std::error_code error;
  std::filesystem::path file = beside / model.file();
  if (!std::filesystem::exists(file, error)) file = model.file();
  if (!std::filesystem::is_regular_file(file, error)) {
    faults.add(field, fmt::format("expected a file beside the one that names it or below the current directory, and "
                                  "\"{}\" is {}",
                                  printable(model.file()),
                                  std::filesystem::exists(file, error) ? "there, but no file" : "not there"));
    return OkStatus();
  }
  proto::Model content;
  RETURN_IF_ERROR(read_model_file(file, path, content, faults));
  model.clear_file();
  content.MergeFrom(model);
  model = std::move(content);
  return OkStatus();
}

}  // namespace lockstep
