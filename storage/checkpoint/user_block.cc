#include "storage/checkpoint/user_block.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include <openssl/evp.h>

namespace lockstep {
namespace {

static_assert(std::endian::native == std::endian::little, "integers of the user block are copied as they are");

constexpr std::string_view kMagic = "LOCKSTEP";
constexpr std::size_t kVersionOffset = 8;
constexpr std::size_t kLengthOffset = 16;
constexpr std::size_t kDigestOffset = 24;

Sha256Digest sha256(std::string_view bytes) {
  Sha256Digest digest;
  unsigned length = 0;
  const int result = EVP_Digest(bytes.data(), bytes.size(), reinterpret_cast<unsigned char*>(digest.data()), &length,
                                EVP_sha256(), nullptr);
  CHECK(result == 1 && length == digest.size(), "libcrypto has no SHA-256");
  return digest;
}

std::array<char, kUserBlockBytes> make_user_block(std::uint32_t version, std::uint64_t length,
                                                  const Sha256Digest& digest) {
  std::array<char, kUserBlockBytes> block = {};
  std::copy(kMagic.begin(), kMagic.end(), block.begin());
  std::memcpy(&block[kVersionOffset], &version, sizeof(version));
  std::memcpy(&block[kLengthOffset], &length, sizeof(length));
  std::copy(digest.begin(), digest.end(), &block[kDigestOffset]);
  return block;
}

template <typename Integer>
Integer integer_at(std::string_view file, std::size_t offset) {
  Integer value;
  std::memcpy(&value, file.data() + offset, sizeof(value));
  return value;
}

}  // namespace

void write_user_block(std::span<char> file) {
  CHECK(file.size() >= kUserBlockBytes);
  const std::span<char> image = file.subspan(kUserBlockBytes);
  const auto block = make_user_block(kCheckpointFormatVersion, image.size(), sha256({image.data(), image.size()}));
  std::copy(block.begin(), block.end(), file.begin());
}

Status check_user_block(std::string_view head, std::uint64_t file_bytes) {
  if (!head.starts_with(kMagic.substr(0, head.size()))) {
    return bad_data("not a checkpoint: it does not begin with \"LOCKSTEP\"");
  }
  if (head.size() < kUserBlockBytes) {
    return bad_data(fmt::format("too short for a checkpoint: expected at least {} bytes, got {}; the file is torn",
                                kUserBlockBytes, head.size()));
  }
  const auto version = integer_at<std::uint32_t>(head, kVersionOffset);
  if (version < 1 || version > kCheckpointFormatVersion) {
    return bad_data(
        fmt::format("format version: expected 1 to {}, got {}; another version of Lockstep may have written it",
                    kCheckpointFormatVersion, version));
  }
  const auto length = integer_at<std::uint64_t>(head, kLengthOffset);
  if (length != file_bytes - kUserBlockBytes) {
    return bad_data(fmt::format("length after the user block: expected {} bytes, got {}; the file is torn", length,
                                file_bytes - kUserBlockBytes));
  }
  return OkStatus();
}

StatusOr<Sha256Digest> verify_user_block(std::string_view file) {
  RETURN_IF_ERROR(check_user_block(file.substr(0, kUserBlockBytes), file.size()));
  const std::string_view image = file.substr(kUserBlockBytes);
  Sha256Digest expected;
  std::memcpy(expected.data(), file.data() + kDigestOffset, expected.size());
  const Sha256Digest digest = sha256(image);
  if (digest != expected) {
    return bad_data(fmt::format("SHA-256: expected {}, got {}; the content was changed after it was written",
                                hexadecimal(expected), hexadecimal(digest)));
  }
  // What is left are the bytes that must be zero.
  const auto block = make_user_block(integer_at<std::uint32_t>(file, kVersionOffset), image.size(), digest);
  if (!std::equal(block.begin(), block.end(), file.begin())) {
    return bad_data("user block: expected zeros around its fields, got others; the file was changed");
  }
  return digest;
}

std::string hexadecimal(const Sha256Digest& digest) {
  std::string text;
  for (const char byte : digest) text += fmt::format("{:02x}", static_cast<unsigned char>(byte));
  return text;
}

}  // namespace lockstep
