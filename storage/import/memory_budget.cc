#include "storage/import/memory_budget.h"

namespace lockstep {

MemoryBudget::Part::Part(MemoryBudget& budget, std::int64_t bytes) : budget_(budget), bytes_(bytes) {
  std::unique_lock lock(budget_.mutex_);
  budget_.given_back_.wait(lock, [&] { return budget_.taken_ == 0 || budget_.taken_ + bytes_ <= budget_.bytes_; });
  budget_.taken_ += bytes_;
}

MemoryBudget::Part::~Part() {
  {
    const std::lock_guard lock(budget_.mutex_);
    budget_.taken_ -= bytes_;
  }
  budget_.given_back_.notify_all();
}

}  // namespace lockstep
