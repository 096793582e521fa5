#include "trainer/comm/rank_tree.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <thread>
#include <utility>

#include "storage/base/status.h"
#include "trainer/comm/array_sum.h"
#include "trainer/tensor/bfloat16.h"
#include "trainer/tensor/flush_to_zero.h"
#include "trainer/tensor/sum_target.h"

namespace lockstep {
namespace {

Bfloat16* as_bf16(std::span<float> values) {
  return reinterpret_cast<Bfloat16*>(values.data());
}

// Floats that hold so many bf16 numbers.
std::size_t packed(std::size_t elements) {
  return (elements + 1) / 2;
}

void pack(const float* values, std::size_t elements, Bfloat16* to) {
  for (std::size_t i = 0; i < elements; ++i) from_float(values[i], to[i]);
}

void unpack(const Bfloat16* values, std::size_t elements, float* to) {
  for (std::size_t i = 0; i < elements; ++i) to[i] = to_float(values[i]);
}

float rounded(float value) {
  Bfloat16 result;
  from_float(value, result);
  return to_float(result);
}

void add_packed(const Bfloat16* values, std::size_t elements, float* sum) {
  for (std::size_t i = 0; i < elements; ++i) sum[i] = rounded(sum[i]) + to_float(values[i]);
}

void round_to_bf16(float* values, std::size_t elements) {
  for (std::size_t i = 0; i < elements; ++i) values[i] = rounded(values[i]);
}

std::atomic_ref<std::uint64_t> counter(std::byte* memory) {
  return std::atomic_ref(*reinterpret_cast<std::uint64_t*>(memory));
}

}  // namespace

RankTree::RankTree(Communicator& communicator, std::span<float* const> arrays, std::vector<Bucket> buckets,
                   std::size_t rounded)
    : communicator_(communicator),
      local_rank_(communicator.rank() % static_cast<int>(arrays.size())),
      hosts_(communicator.size() / static_cast<int>(arrays.size())),
      host_(communicator.rank() / static_cast<int>(arrays.size())),
      rounded_(rounded),
      arrays_(arrays.begin(), arrays.end()),
      shares_(arrays.size()),
      buckets_(std::move(buckets)) {
  if (local_size() > 1) progress_ = communicator.allocate_shared(sizeof(std::uint64_t));
  std::size_t longest = 0;
  for (const Bucket& bucket : buckets_) {
    plans_.push_back(transfer_plan(host_, hosts_, share(bucket).elements));
    for (const Transfer& transfer : plans_.back().transfers) {
      longest = std::max({longest, transfer.send_elements, transfer.receive_elements});
    }
  }
  // A bucket has its lane by its number.
  const std::span<Lane> used = std::span(lanes_).first(std::min(lanes_.size(), buckets_.size()));
  messages_ = AlignedArray(longest * (rounded_ > 0 ? 2 : 1) * used.size());
  std::span<float> free = messages_.span();
  const auto take = [&free, longest] {
    const std::span<float> taken = free.first(longest);
    free = free.subspan(longest);
    return taken;
  };
  for (Lane& lane : used) {
    lane.received = take();
    if (rounded_ > 0) lane.sent = take();
  }
}

Bucket RankTree::share_of(const Bucket& bucket, int local_rank) const {
  const std::size_t elements = bucket.elements / arrays_.size();
  return {bucket.begin + static_cast<std::size_t>(local_rank) * elements, elements};
}

void RankTree::ready(std::size_t buckets) {
  CHECK(buckets >= ready_ && buckets <= buckets_.size(), "{} of {} buckets after {}", buckets, buckets_.size(), ready_);
  ready_ = buckets;
  // Who sees this number sees what was written to the array before.
  if (local_size() > 1) counter(progress_[static_cast<std::size_t>(local_rank_)]).store(earlier_ + ready_);
}

bool RankTree::arrived(std::size_t buckets) const {
  return std::all_of(progress_.begin(), progress_.end(),
                     [&](std::byte* const memory) { return counter(memory).load() >= earlier_ + buckets; });
}

bool RankTree::advance() {
  bool advanced = false;
  for (int number = 0; number < Communicator::kLanes; ++number) {
    Lane& lane = lanes_[static_cast<std::size_t>(number)];
    while (lane.plan != nullptr && communicator_.transfer_ended(number)) {
      advanced = true;
      end_transfer(lane);
      if (++lane.transfer == lane.plan->transfers.size()) {
        lane.plan = nullptr;
        ++done_;
      } else {
        begin_transfer(number);
      }
    }
  }
  // On each lane the same buckets in the same order on every host.
  while (begun_ < ready_ && lanes_[begun_ % lanes_.size()].plan == nullptr && arrived(begun_ + 1)) {
    advanced = true;
    begin_bucket(begun_++);
  }
  return advanced;
}

void RankTree::begin_bucket(std::size_t bucket) {
  const Bucket part = share(buckets_[bucket]);
  float* const sum = mine() + part.begin;
  if (local_size() > 1) {
    for (std::size_t i = 0; i < arrays_.size(); ++i) shares_[i] = arrays_[i] + part.begin;
    const bool to_all = everywhere_ && hosts_ == 1;
    sum_rank_arrays(shares_, to_all ? std::span<float* const>(shares_) : std::span<float* const>(&sum, 1),
                    part.elements);
  }
  const TransferPlan& plan = plans_[bucket];
  if (plan.transfers.empty()) {
    ++done_;
    return;
  }
  const std::size_t number = bucket % lanes_.size();
  Lane& lane = lanes_[number];
  lane.plan = &plan;
  lane.transfer = 0;
  lane.share = sum;
  lane.rounded = std::clamp(rounded_, part.begin, part.begin + part.elements) - part.begin;
  lane.packs = lane.rounded == part.elements;
  begin_transfer(static_cast<int>(number));
}

void RankTree::Lane::round(std::size_t begin, std::size_t elements) const {
  round_to_bf16(share + begin, std::clamp(rounded, begin, begin + elements) - begin);
}

void RankTree::begin_transfer(int number) {
  Lane& lane = lanes_[static_cast<std::size_t>(number)];
  const Transfer& transfer = lane.plan->transfers[lane.transfer];
  std::span<const float> send{lane.share + transfer.send_begin, transfer.send_elements};
  std::span<float> receive{lane.share + transfer.receive_begin, transfer.receive_elements};
  if (lane.transfer == lane.plan->partial) lane.round(lane.plan->sum_begin, lane.plan->sum_elements);
  if (lane.packs) {
    pack(send.data(), send.size(), as_bf16(lane.sent));
    send = lane.sent.first(packed(send.size()));
  } else {
    lane.round(transfer.send_begin, transfer.send_elements);  // in place: a sum, or replaced by it
  }
  if (lane.packs || transfer.adds) receive = lane.received.first(lane.packs ? packed(receive.size()) : receive.size());
  const int partner = transfer.host * local_size() + local_rank_;
  communicator_.begin_transfer(number, partner, send, receive);
}

void RankTree::end_transfer(Lane& lane) const {
  const Transfer& transfer = lane.plan->transfers[lane.transfer];
  float* const to = lane.share + transfer.receive_begin;
  const FlushToZero flush;
  if (lane.packs) {
    const Bfloat16* const values = as_bf16(lane.received);
    transfer.adds ? add_packed(values, transfer.receive_elements, to) : unpack(values, transfer.receive_elements, to);
  } else if (transfer.adds) {
    lane.round(transfer.receive_begin, transfer.receive_elements);
    add_to(to, lane.received.data(), transfer.receive_elements);
  }
}

void RankTree::finish(bool everywhere) {
  using Clock = std::chrono::steady_clock;
  everywhere_ = everywhere;
  const std::size_t early = hosts_ == 1 ? begun_ : buckets_.size();  // these are in this rank's array only
  ready(buckets_.size());
  const Clock::time_point begin = Clock::now();
  while (!arrived(buckets_.size())) {
    if (!advance()) std::this_thread::yield();
  }
  waiting_seconds_ += std::chrono::duration<double>(Clock::now() - begin).count();
  while (done_ < buckets_.size()) {
    if (!advance()) std::this_thread::yield();
  }
  if (everywhere && local_size() > 1) {
    for (std::size_t bucket = 0; bucket < early; ++bucket) {
      const Bucket part = share(buckets_[bucket]);
      for (float* const array : arrays_) {
        if (array != mine()) std::copy_n(mine() + part.begin, part.elements, array + part.begin);
      }
    }
    communicator_.local_barrier();  // every share is written
  }
  earlier_ += buckets_.size();
  ready_ = begun_ = done_ = 0;
  everywhere_ = false;
}

void RankTree::collect(std::size_t begin, std::size_t end) const {
  for (const Bucket& bucket : buckets_) {
    for (int owner = 0; owner < local_size(); ++owner) {
      const float* const from = arrays_[static_cast<std::size_t>(owner)];
      const Bucket part = share_of(bucket, owner);
      const std::size_t first = std::max(begin, part.begin);
      const std::size_t last = std::min(end, part.begin + part.elements);
      if (from != mine() && first < last) std::copy(from + first, from + last, mine() + first);
    }
  }
}

}  // namespace lockstep
