// The digest of a checkpoint takes long, and is made without libhdf5's lock: whoever reads rows does not wait for it.
// This program has an EVP_Digest of its own, which stands before that of libcrypto.
#include <chrono>
#include <future>
#include <vector>

#include <dlfcn.h>
#include <gtest/gtest.h>
#include <openssl/evp.h>

#include "storage/base/hdf5.h"
#include "tests/storage/checkpoint/sample.h"

namespace lockstep {
namespace {

struct Digests {
  int made = 0;
  int without_lock = 0;
  std::vector<std::future<void>> readers;  // end when the lock is free
};

Digests& digests() {
  static Digests digests;
  return digests;
}

void note_digest() {
  Digests& all = digests();
  ++all.made;
  all.readers.push_back(std::async(std::launch::async, [] { const auto lock = hdf5_lock(); }));
  const bool is_free = all.readers.back().wait_for(std::chrono::seconds(20)) == std::future_status::ready;
  all.without_lock += is_free ? 1 : 0;
}

}  // namespace
}  // namespace lockstep

extern "C" int EVP_Digest(const void* bytes, std::size_t count, unsigned char* digest, unsigned int* length,
                          const EVP_MD* kind, ENGINE* engine) {
  lockstep::note_digest();
  static const auto real = reinterpret_cast<decltype(&EVP_Digest)>(dlsym(RTLD_NEXT, "EVP_Digest"));
  return real(bytes, count, digest, length, kind, engine);
}

namespace lockstep {
namespace {

TEST(DigestLock, IsFreeWhileACheckpointIsWrittenOrRead) {
  const StatusOr<std::string> bytes = encode_checkpoint(sample_checkpoint(7));
  ASSERT_TRUE(bytes.ok()) << bytes.status();
  EXPECT_EQ(digests().made, 1);
  EXPECT_EQ(digests().without_lock, 1);
  const StatusOr<Checkpoint> decoded = decode_checkpoint(*bytes);
  ASSERT_TRUE(decoded.ok()) << decoded.status();
  EXPECT_EQ(digests().made, 2);
  EXPECT_EQ(digests().without_lock, 2);
}

}  // namespace
}  // namespace lockstep
