// The secret that every call carries: a file with mode 0600 in the state directory.
// Threads: functions are independent.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "storage/base/status.h"

namespace lockstep {

// The token of the file; makes both when there is no file. Errors: bad_configuration when others may read the file, or
// it holds no token; io_error.
StatusOr<std::string> make_token(const std::filesystem::path& file);
// Errors: bad_configuration.
StatusOr<std::string> read_token(const std::filesystem::path& file);

// In time that does not depend on where they differ.
bool same_secret(std::string_view a, std::string_view b);

}  // namespace lockstep
