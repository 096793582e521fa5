// A model in a file of its own.
#pragma once

#include <filesystem>
#include <string>

#include "storage/base/status.h"
#include "storage/base/text_proto.h"

namespace lockstep {

namespace proto {
class Model;  // proto/model.pb.h
}

// Reads the model that stands at `path` of a job or sweep from its file. Faults, at the lines of the file: of the text;
// neither layers nor a name of the zoo; a further file. Limits are checked by whoever has the whole (check_limits).
// Errors: the file cannot be read.
Status read_model_file(const std::filesystem::path& file, const std::string& path, proto::Model& model, Faults& faults);

// Where the model at `path` names a file, puts the content of that file in the name's place; what the model says
// besides it stays. The file lies in the directory `beside`, that of the text that names it, or below the current one.
// Faults: a file beside layers or a name of the zoo; none of that name; those of read_model_file. Errors: likewise.
Status include_model_file(const std::filesystem::path& beside, const std::string& path, proto::Model& model,
                          Faults& faults);

}  // namespace lockstep
