// Which file systems a database must not be on.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string_view>

namespace lockstep {

// Name of the network file system with this number (statfs, f_type); empty for any other one.
std::string_view network_file_system(std::uint32_t type);

// Logs a warning when the folder is on one: there, locks may not hold and a sync may not reach the disk.
void warn_of_network_file_system(const std::filesystem::path& folder);

}  // namespace lockstep
