// A model in a file of its own.
#pragma once

#include <filesystem>

#include "storage/base/status.h"
#include "storage/base/text_proto.h"

namespace lockstep {

namespace proto {
class Model;  // proto/model.pb.h
}

// Where `model` names a file, puts the content of that file in the name's place; what `model` says besides it stays.
// The file lies in the directory `beside` or below the current one. Faults: a file beside layers or a name of the zoo;
// none of that name. Errors: when the file cannot be read; bad_configuration with every fault of its text, by its
// lines.
Status include_model_file(const std::filesystem::path& beside, proto::Model& model, Faults& faults);

}  // namespace lockstep
