#include "storage/import/memory_budget.h"

#include <atomic>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace lockstep {
namespace {

TEST(MemoryBudget, ThreadsTakeNoMoreTogether) {
  constexpr std::int64_t kAll = 100;
  MemoryBudget budget(kAll);
  std::atomic<std::int64_t> taken = 0, most = 0;
  const auto take = [&](std::int64_t bytes) {
    const MemoryBudget::Part part(budget, bytes);
    const std::int64_t now = taken += bytes;
    for (std::int64_t old = most; old < now && !most.compare_exchange_weak(old, now);) {
    }
    std::this_thread::yield();
    taken -= bytes;
  };
  {
    std::vector<std::jthread> threads;
    for (int thread = 0; thread < 4; ++thread) {
      threads.emplace_back([&] {
        for (int i = 0; i < 50; ++i) take(1 + i * 7 % kAll);
      });
    }
  }
  EXPECT_LE(most, kAll);
  EXPECT_EQ(taken, 0);
}

TEST(MemoryBudget, WhatIsMoreThanAllIsGivenAlone) {
  MemoryBudget budget(100);
  std::atomic<bool> given = false;
  {
    std::jthread large;
    {
      const MemoryBudget::Part small(budget, 1);
      large = std::jthread([&] {
        const MemoryBudget::Part part(budget, 1000);
        given = true;
      });
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
      EXPECT_FALSE(given);
    }
  }
  EXPECT_TRUE(given);
}

}  // namespace
}  // namespace lockstep
