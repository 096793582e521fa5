#include "coordinator/store/file_system.h"

#include <sys/vfs.h>

#include "storage/base/log.h"

namespace lockstep {

// Numbers of linux/magic.h and of the file systems' own sources.
std::string_view network_file_system(std::uint32_t type) {
  switch (type) {
    case 0x00006969:
      return "NFS";
    case 0x0BD00BD0:
      return "Lustre";
    case 0x47504653:
      return "GPFS";
    case 0x19830326:
      return "BeeGFS";
    case 0x00C36400:
      return "Ceph";
    case 0xFF534D42:
    case 0xFE534D42:
      return "SMB";
    default:
      return "";
  }
}

void warn_of_network_file_system(const std::filesystem::path& folder) {
  struct statfs facts = {};
  if (::statfs(folder.c_str(), &facts) != 0) return;  // opening the file will tell
  const std::string_view name = network_file_system(static_cast<std::uint32_t>(facts.f_type));
  if (name.empty()) return;
  log_warning("\"{}\" is on {}, where a database may be damaged: choose a state directory on a local disk",
              folder.native(), name);
}

}  // namespace lockstep
