#include "trainer/comm/thread_communicator.h"

#include <algorithm>
#include <array>
#include <barrier>
#include <bit>
#include <deque>
#include <mutex>
#include <thread>
#include <vector>

#include "storage/base/status.h"
#include "trainer/tensor/aligned_array.h"

namespace lockstep {
namespace {

// Where one rank leaves a message for one other. Nobody waits.
class Mailbox {
 public:
  void post(std::span<const float> values) {
    const std::lock_guard lock(mutex_);
    CHECK(!full_, "two messages at once");
    values_ = values;
    full_ = true;
  }
  bool taken() {
    const std::lock_guard lock(mutex_);
    return !full_;
  }
  // Whether there was one.
  bool take(std::span<float> values) {
    const std::lock_guard lock(mutex_);
    if (!full_) return false;
    CHECK(values.size() == values_.size(), "{} values sent, {} expected", values_.size(), values.size());
    std::copy(values_.begin(), values_.end(), values.begin());
    full_ = false;
    return true;
  }

 private:
  std::mutex mutex_;
  std::span<const float> values_;
  bool full_ = false;
};

// What the threads share.
struct ThreadGroup {
  ThreadGroup(int group_ranks, int group_ranks_per_host)
      : ranks(group_ranks),
        ranks_per_host(group_ranks_per_host),
        everyone(ranks),
        posted(static_cast<std::size_t>(ranks)),
        mailboxes(static_cast<std::size_t>(ranks)) {
    for (int host = 0; host < ranks / ranks_per_host; ++host) hosts.emplace_back(ranks_per_host);
    for (std::deque<Mailbox>& row : mailboxes) row.resize(static_cast<std::size_t>(ranks * Communicator::kLanes));
  }
  Mailbox& mailbox(int from, int to, int lane) {
    return mailboxes[static_cast<std::size_t>(from)][static_cast<std::size_t>(to * Communicator::kLanes + lane)];
  }

  const int ranks;
  const int ranks_per_host;
  std::barrier<> everyone;
  std::deque<std::barrier<>> hosts;
  std::vector<std::byte*> posted;              // by rank: the array of the collective call under way
  std::vector<std::deque<Mailbox>> mailboxes;  // [from][to and lane]
};

class ThreadCommunicator final : public Communicator {
 public:
  ThreadCommunicator(ThreadGroup& group, int rank) : group_(group), rank_(rank) {}

  int rank() const override { return rank_; }
  int size() const override { return group_.ranks; }
  void barrier() override { group_.everyone.arrive_and_wait(); }
  void broadcast(std::span<std::byte> bytes, int root) override {
    post(bytes.data());
    barrier();
    if (rank_ != root) std::copy_n(posted(root), bytes.size(), bytes.data());
    barrier();
  }
  void all_gather(std::span<const std::byte> mine, std::span<std::byte> all) override {
    const std::size_t ranks = static_cast<std::size_t>(size());
    CHECK(all.size() == ranks * mine.size(), "{} bytes of {} ranks into {}", mine.size(), ranks, all.size());
    std::vector<std::byte> copy(mine.begin(), mine.end());
    post(copy.data());
    barrier();
    for (int from = 0; from < size(); ++from) {
      std::copy_n(posted(from), mine.size(), all.data() + static_cast<std::size_t>(from) * mine.size());
    }
    barrier();
  }
  void begin_transfer(int lane, int partner, std::span<const float> send, std::span<float> receive) override {
    Transfer& transfer = transfers_[static_cast<std::size_t>(lane)];
    CHECK(transfer.ended(), "lane {} is taken", lane);
    if (!send.empty()) {
      transfer.sent = &group_.mailbox(rank_, partner, lane);
      transfer.sent->post(send);
    }
    if (!receive.empty()) transfer.expected = &group_.mailbox(partner, rank_, lane);
    transfer.receive = receive;
  }
  bool transfer_ended(int lane) override {
    Transfer& transfer = transfers_[static_cast<std::size_t>(lane)];
    if (transfer.expected != nullptr && transfer.expected->take(transfer.receive)) transfer.expected = nullptr;
    if (transfer.sent != nullptr && transfer.sent->taken()) transfer.sent = nullptr;
    return transfer.ended();
  }
  void library_all_reduce(std::span<float> values) override {
    std::vector<float> all(values.size() * static_cast<std::size_t>(size()));
    all_gather(std::as_bytes(values), std::as_writable_bytes(std::span<float>(all)));
    std::fill(values.begin(), values.end(), 0.0F);
    for (std::size_t i = 0; i < all.size(); ++i) values[i % values.size()] += all[i];
  }

  int first_local() const override { return rank_ / local_size() * local_size(); }
  int local_size() const override { return group_.ranks_per_host; }
  std::span<std::byte* const> allocate_shared(std::size_t bytes) override {
    arrays_.emplace_back((bytes + sizeof(float) - 1) / sizeof(float));
    post(reinterpret_cast<std::byte*>(arrays_.back().data()));
    local_barrier();
    const auto first = group_.posted.begin() + first_local();
    const auto& addresses = addresses_.emplace_back(first, first + local_size());
    local_barrier();
    return addresses;
  }
  void local_barrier() override { group_.hosts[static_cast<std::size_t>(rank_ / local_size())].arrive_and_wait(); }
  std::string library_version() const override { return "threads of one process, no MPI"; }

 private:
  struct Transfer {
    bool ended() const { return sent == nullptr && expected == nullptr; }
    Mailbox* sent = nullptr;
    Mailbox* expected = nullptr;
    std::span<float> receive;
  };
  void post(std::byte* bytes) { group_.posted[static_cast<std::size_t>(rank_)] = bytes; }
  std::byte* posted(int rank) const { return group_.posted[static_cast<std::size_t>(rank)]; }

  ThreadGroup& group_;
  const int rank_;
  std::array<Transfer, kLanes> transfers_;
  std::deque<AlignedArray> arrays_;
  std::deque<std::vector<std::byte*>> addresses_;
};

}  // namespace

void run_in_threads(int ranks, const std::function<void(Communicator&)>& body, int ranks_per_host) {
  if (ranks_per_host == 0) ranks_per_host = ranks;
  const bool allowed = ranks_per_host == ranks || std::has_single_bit(static_cast<unsigned>(ranks_per_host));
  CHECK(ranks > 0 && allowed && ranks % ranks_per_host == 0, "{} ranks, {} per host", ranks, ranks_per_host);
  ThreadGroup group(ranks, ranks_per_host);
  std::deque<ThreadCommunicator> communicators;  // outlive every thread: local ranks hold each other's addresses
  for (int rank = 0; rank < ranks; ++rank) communicators.emplace_back(group, rank);
  std::vector<std::jthread> threads;
  threads.reserve(communicators.size());
  for (ThreadCommunicator& communicator : communicators) {
    threads.emplace_back([&body, &communicator] { body(communicator); });
  }
}

}  // namespace lockstep
