#include <algorithm>
#include <deque>

#include "storage/base/status.h"
#include "trainer/comm/communicator.h"
#include "trainer/tensor/aligned_array.h"

namespace lockstep {
namespace {

class SoloCommunicator final : public Communicator {
 public:
  int rank() const override { return 0; }
  int size() const override { return 1; }
  void barrier() override {}
  void broadcast(std::span<std::byte>, int root) override { CHECK(root == 0, "root is {}", root); }
  void all_gather(std::span<const std::byte> mine, std::span<std::byte> all) override {
    CHECK(all.size() == mine.size(), "{} bytes into {}", mine.size(), all.size());
    std::copy(mine.begin(), mine.end(), all.begin());
  }
  void begin_transfer(int, int partner, std::span<const float>, std::span<float>) override {
    CHECK(false, "one rank has no partner {}", partner);
  }
  bool transfer_ended(int) override { return true; }
  void library_all_reduce(std::span<float>) override {}
  int first_local() const override { return 0; }
  int local_size() const override { return 1; }
  std::span<std::byte* const> allocate_shared(std::size_t bytes) override {
    arrays_.emplace_back((bytes + sizeof(float) - 1) / sizeof(float));
    addresses_.push_back(reinterpret_cast<std::byte*>(arrays_.back().data()));
    return {&addresses_.back(), 1};
  }
  void local_barrier() override {}
  std::string library_version() const override { return "one rank, no MPI"; }

 private:
  std::deque<AlignedArray> arrays_;
  std::deque<std::byte*> addresses_;
};

}  // namespace

std::unique_ptr<Communicator> make_solo_communicator() {
  return std::make_unique<SoloCommunicator>();
}

}  // namespace lockstep
