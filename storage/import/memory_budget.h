// How much memory threads take together, so that many cores with a large picture each do not take it all.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <mutex>

namespace lockstep {

class MemoryBudget {
 public:
  explicit MemoryBudget(std::int64_t bytes) : bytes_(bytes) {}

  // A part of it, for the life of the object. It waits until there is as much; what is more than all is given alone.
  class Part {
   public:
    Part(MemoryBudget& budget, std::int64_t bytes);
    Part(const Part&) = delete;
    ~Part();

   private:
    MemoryBudget& budget_;
    std::int64_t bytes_;
  };

 private:
  std::mutex mutex_;
  std::condition_variable given_back_;
  std::int64_t bytes_;
  std::int64_t taken_ = 0;
};

}  // namespace lockstep
