// Every flipped bit and every cut is found, and said in words.
#include <random>

#include <gtest/gtest.h>

#include "storage/checkpoint/user_block.h"
#include "tests/storage/checkpoint/sample.h"

namespace lockstep {
namespace {

class Damage : public testing::Test {
 protected:
  void SetUp() override {
    const StatusOr<std::string> bytes = encode_checkpoint(sample_checkpoint(1));
    ASSERT_TRUE(bytes.ok()) << bytes.status();
    bytes_ = *bytes;
    ASSERT_TRUE(decode_checkpoint(bytes_).ok());
  }

  void expect_bad(std::string_view bytes, const std::string& what) {
    EXPECT_TRUE(absl::IsDataLoss(decode_checkpoint(bytes).status())) << what;
    EXPECT_TRUE(absl::IsDataLoss(verify_checkpoint(bytes))) << what;
    EXPECT_TRUE(absl::IsDataLoss(checkpoint_digest(bytes).status())) << what;
  }

  void expect_flip_found(std::size_t position, int bit) {
    bytes_[position] = static_cast<char>(bytes_[position] ^ (1 << bit));
    expect_bad(bytes_, fmt::format("byte {} bit {}", position, bit));
    bytes_[position] = static_cast<char>(bytes_[position] ^ (1 << bit));
  }

  std::string bytes_;
};

TEST_F(Damage, EveryBitOfTheUserBlock) {
  for (std::size_t position = 0; position < kUserBlockBytes; ++position) {
    for (int bit = 0; bit < 8; ++bit) expect_flip_found(position, bit);
  }
}

TEST_F(Damage, BitsOfTheImage) {
  std::mt19937 random(20240501);
  for (int i = 0; i < 300; ++i) {
    expect_flip_found(kUserBlockBytes + random() % (bytes_.size() - kUserBlockBytes), static_cast<int>(random() % 8));
  }
  expect_flip_found(bytes_.size() - 1, 0);
}

TEST_F(Damage, Cuts) {
  for (std::size_t length = 0; length < bytes_.size(); length += 512) {
    expect_bad(std::string_view(bytes_).substr(0, length), fmt::format("cut at {}", length));
  }
  expect_bad(std::string_view(bytes_).substr(0, bytes_.size() - 1), "one byte less");
  expect_bad(bytes_ + '\0', "one byte more");
}

TEST_F(Damage, MessagesSayWhatIsWrong) {
  const auto message_of = [](std::string_view bytes) { return std::string(verify_checkpoint(bytes).message()); };
  EXPECT_NE(message_of("LOCKSTEP").find("expected at least 512 bytes, got 8"), std::string::npos);
  EXPECT_NE(message_of(std::string(1000, 'x')).find("not a checkpoint"), std::string::npos);
  EXPECT_NE(message_of(std::string_view(bytes_).substr(0, 600)).find("got 88"), std::string::npos);
  std::string changed = bytes_;
  changed.back() = static_cast<char>(changed.back() ^ 1);
  EXPECT_NE(message_of(changed).find("SHA-256"), std::string::npos);
  changed = bytes_;
  changed[8] = 3;
  EXPECT_NE(message_of(changed).find("format version: expected 1 to 2, got 3"), std::string::npos);
}

}  // namespace
}  // namespace lockstep
