#include "coordinator/loop/secret.h"

#include <absl/strings/escaping.h>
#include <openssl/rand.h>

#include "storage/base/status.h"

namespace lockstep {

std::string new_secret(std::size_t bytes) {
  std::string secret(bytes, '\0');
  CHECK(RAND_bytes(reinterpret_cast<unsigned char*>(secret.data()), static_cast<int>(bytes)) == 1, "no random bytes");
  return absl::BytesToHexString(secret);
}

}  // namespace lockstep
