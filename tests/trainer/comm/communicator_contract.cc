#include "tests/trainer/comm/communicator_contract.h"

#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace lockstep {
namespace {

constexpr std::size_t kLengths[] = {0, 1, 7, 1024, 1025, 100'003};

// Another array for each rank; whole numbers, so that sums are exact.
std::vector<float> values_of(int rank, std::size_t length) {
  std::vector<float> values(length);
  for (std::size_t i = 0; i < length; ++i) values[i] = static_cast<float>(rank * 1000 + static_cast<int>(i % 997));
  return values;
}

void expect_broadcast(Communicator& communicator, std::size_t length) {
  for (int root = 0; root < communicator.size(); ++root) {
    std::vector<float> values = values_of(communicator.rank(), length);
    communicator.broadcast(std::as_writable_bytes(std::span(values)), root);
    EXPECT_EQ(values, values_of(root, length));
  }
}

void expect_all_gather(Communicator& communicator, std::size_t length) {
  const std::vector<float> mine = values_of(communicator.rank(), length);
  std::vector<float> all(length * static_cast<std::size_t>(communicator.size()), -1.0F);
  communicator.all_gather(std::as_bytes(std::span(mine)), std::as_writable_bytes(std::span(all)));
  std::vector<float> expected;
  for (int rank = 0; rank < communicator.size(); ++rank) {
    for (const float value : values_of(rank, length)) expected.push_back(value);
  }
  EXPECT_EQ(all, expected);
}

void wait(Communicator& communicator, int lane) {
  while (!communicator.transfer_ended(lane)) std::this_thread::yield();
}

// On all lanes at once, waited for in the other order; two messages on the same lane one after another.
void expect_exchange(Communicator& communicator, std::size_t length) {
  for (int distance = 1; distance < communicator.size(); distance *= 2) {
    const int partner = communicator.rank() ^ distance;
    if (partner >= communicator.size()) continue;
    for (int round = 0; round < 2; ++round) {
      std::vector<std::vector<float>> mine;
      std::vector<std::vector<float>> theirs(Communicator::kLanes, std::vector<float>(length, -1.0F));
      for (int lane = 0; lane < Communicator::kLanes; ++lane) {
        mine.push_back(values_of(communicator.rank() + 100 * lane + 10 * round, length));
        communicator.begin_transfer(lane, partner, mine.back(), theirs[static_cast<std::size_t>(lane)]);
      }
      for (int lane = Communicator::kLanes - 1; lane >= 0; --lane) wait(communicator, lane);
      for (int lane = 0; lane < Communicator::kLanes; ++lane) {
        EXPECT_EQ(theirs[static_cast<std::size_t>(lane)], values_of(partner + 100 * lane + 10 * round, length));
        EXPECT_TRUE(communicator.transfer_ended(lane));
      }
    }
  }
}

// A message walks from rank 0 to the last.
void expect_send_and_receive(Communicator& communicator, std::size_t length) {
  std::vector<float> values = values_of(communicator.rank(), length);
  if (communicator.rank() > 0) communicator.begin_transfer(0, communicator.rank() - 1, {}, values);
  wait(communicator, 0);
  if (communicator.rank() + 1 < communicator.size())
    communicator.begin_transfer(0, communicator.rank() + 1, values, {});
  wait(communicator, 0);
  EXPECT_EQ(values, values_of(0, length));
}

void expect_library_all_reduce(Communicator& communicator, std::size_t length) {
  std::vector<float> values = values_of(communicator.rank(), length);
  communicator.library_all_reduce(values);
  std::vector<float> expected(length, 0.0F);
  for (int rank = 0; rank < communicator.size(); ++rank) {
    const std::vector<float> theirs = values_of(rank, length);
    for (std::size_t i = 0; i < length; ++i) expected[i] += theirs[i];
  }
  EXPECT_EQ(values, expected);
}

// Each local rank writes a byte of its own into the memory of each other one.
void expect_shared_memory(Communicator& communicator) {
  const int mine = communicator.rank() - communicator.first_local();
  ASSERT_GE(mine, 0);
  ASSERT_LT(mine, communicator.local_size());
  for (const std::size_t bytes : {std::size_t{64}, std::size_t{100'003}}) {
    const std::span<std::byte* const> memory = communicator.allocate_shared(bytes);
    ASSERT_EQ(memory.size(), static_cast<std::size_t>(communicator.local_size()));
    const std::byte* const own = memory[static_cast<std::size_t>(mine)];
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(own) % 64, 0U);
    EXPECT_EQ(own[bytes - 1], std::byte{0});
    communicator.local_barrier();
    for (std::byte* const theirs : memory) theirs[mine] = static_cast<std::byte>(mine + 1);
    communicator.local_barrier();
    for (int writer = 0; writer < communicator.local_size(); ++writer) {
      EXPECT_EQ(own[writer], static_cast<std::byte>(writer + 1));
    }
  }
}

}  // namespace

void expect_communicator_contract(Communicator& communicator) {
  for (const std::size_t length : kLengths) {
    expect_broadcast(communicator, length);
    expect_all_gather(communicator, length);
    expect_exchange(communicator, length);
    expect_send_and_receive(communicator, length);
    expect_library_all_reduce(communicator, length);
    communicator.barrier();
  }
  expect_shared_memory(communicator);
  EXPECT_FALSE(communicator.library_version().empty());
}

}  // namespace lockstep
