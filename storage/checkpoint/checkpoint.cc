#include "storage/checkpoint/checkpoint.h"

#include "storage/base/file.h"
#include "storage/checkpoint/user_block.h"

namespace lockstep {

Status verify_checkpoint(std::string_view bytes) {
  return verify_user_block(bytes).status();
}

StatusOr<std::string> checkpoint_digest(std::string_view bytes) {
  ASSIGN_OR_RETURN(const Sha256Digest digest, verify_user_block(bytes));
  return hexadecimal(digest);
}

Status write_checkpoint(const std::filesystem::path& path, const Checkpoint& checkpoint) {
  StatusOr<std::string> bytes = encode_checkpoint(checkpoint);
  if (!bytes.ok()) return with_context(bytes.status(), path.native());
  const std::string_view parts[] = {*bytes};
  return write_file_atomically(path, parts);
}

StatusOr<std::string> read_checkpoint_bytes(const std::filesystem::path& path) {
  return read_file_headed(path, kCheckpointLimitBytes, kUserBlockBytes, check_user_block);
}

StatusOr<Checkpoint> read_checkpoint(const std::filesystem::path& path) {
  ASSIGN_OR_RETURN(const std::string bytes, read_checkpoint_bytes(path));
  StatusOr<Checkpoint> checkpoint = decode_checkpoint(bytes);
  if (!checkpoint.ok()) return with_context(checkpoint.status(), path.native());
  return checkpoint;
}

}  // namespace lockstep
