#include "trainer/comm/rank_tree.h"

#include <algorithm>
#include <chrono>

#include "storage/base/status.h"
#include "trainer/comm/array_sum.h"
#include "trainer/tensor/bfloat16.h"
#include "trainer/tensor/sum_target.h"

namespace lockstep {
namespace {

constexpr std::size_t kLineElements = 16;
// Messages are long: at 1 Gbit/s between two hosts, 45 MB took 720 ms in pieces of 4 MB, which do not fill the network
// both ways, and 375 ms in pieces of 32 MB.
constexpr std::size_t kPieceElements = std::size_t{1} << 23;

Bfloat16* as_bf16(AlignedArray& array) {
  return reinterpret_cast<Bfloat16*>(array.data());
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

void add_packed(const Bfloat16* values, std::size_t elements, float* sum) {
  for (std::size_t i = 0; i < elements; ++i) sum[i] += to_float(values[i]);
}

void round_to_bf16(float* values, std::size_t elements) {
  for (std::size_t i = 0; i < elements; ++i) {
    Bfloat16 rounded;
    from_float(values[i], rounded);
    values[i] = to_float(rounded);
  }
}

}  // namespace

std::size_t padded_elements(std::size_t elements, int ranks) {
  const std::size_t multiple = kLineElements * static_cast<std::size_t>(ranks);
  return (elements + multiple - 1) / multiple * multiple;
}

RankTree::RankTree(Communicator& communicator, std::span<float* const> arrays, std::size_t elements, Wire wire)
    : communicator_(communicator),
      local_size_(static_cast<int>(arrays.size())),
      local_rank_(communicator.rank() % local_size_),
      hosts_(communicator.size() / local_size_),
      host_(communicator.rank() / local_size_),
      share_elements_(elements / arrays.size()),
      wire_(wire) {
  CHECK(elements == padded_elements(elements, communicator.size()), "{} elements", elements);
  arrays_.assign(arrays.begin(), arrays.end());
  for (float* const array : arrays) {
    shares_.push_back(array + static_cast<std::size_t>(local_rank_) * share_elements_);
  }
  if (hosts_ == 1) return;
  received_ = AlignedArray(std::min(share_elements_, kPieceElements));
  if (wire_ == Wire::kBf16) sent_ = AlignedArray(received_.size());
}

void RankTree::sum() {
  float* const mine = shares_[static_cast<std::size_t>(local_rank_)];
  if (local_size_ == 1) {
    sum_over_hosts(mine);
    return;
  }
  wait_for_arrays();
  if (hosts_ == 1) {
    sum_rank_arrays(shares_, shares_, share_elements_);
  } else {
    sum_rank_arrays(shares_, {&mine, 1}, share_elements_);
    sum_over_hosts(mine);
    for (float* const share : shares_) {
      if (share != mine) std::copy_n(mine, share_elements_, share);
    }
  }
  communicator_.local_barrier();  // every share is written
}

void RankTree::wait_for_arrays() {
  using Clock = std::chrono::steady_clock;
  const Clock::time_point begin = Clock::now();
  communicator_.local_barrier();  // every array is complete
  waiting_seconds_ += std::chrono::duration<double>(Clock::now() - begin).count();
}

void RankTree::sum_part() {
  float* const mine = shares_[static_cast<std::size_t>(local_rank_)];
  if (local_size_ > 1) {
    wait_for_arrays();
    sum_rank_arrays(shares_, {&mine, 1}, share_elements_);
  }
  if (hosts_ > 1) sum_over_hosts(mine);
}

void RankTree::collect(std::size_t begin, std::size_t end) {
  float* const mine = arrays_[static_cast<std::size_t>(local_rank_)];
  while (begin < end) {
    const std::size_t owner = begin / share_elements_;
    const std::size_t last = std::min(end, (owner + 1) * share_elements_);
    if (arrays_[owner] != mine) std::copy(arrays_[owner] + begin, arrays_[owner] + last, mine + begin);
    begin = last;
  }
}

void RankTree::sum_over_hosts(float* values) {
  const int group = hosts_ & -hosts_;  // the largest power of two that divides the number of hosts
  std::size_t elements = share_elements_;
  float* mine = values;  // the part that this rank sums
  for (int distance = 1; distance < group; distance *= 2) {
    elements /= 2;
    float* const upper = mine + elements;
    const bool keeps_upper = (host_ & distance) != 0;
    exchange_and_add(host_ ^ distance, keeps_upper ? mine : upper, keeps_upper ? upper : mine, elements);
    if (keeps_upper) mine = upper;
  }
  // The odd rest: the sum grows from the first group to the last and comes back.
  const bool has_previous = host_ >= group;
  const bool has_next = host_ + group < hosts_;
  if (has_previous) receive_and_add(host_ - group, mine, elements);
  if (has_next) {
    communicator_.send(rank_of(host_ + group), {mine, elements});
    communicator_.receive(rank_of(host_ + group), {mine, elements});
  }
  if (has_previous) communicator_.send(rank_of(host_ - group), {mine, elements});
  if (wire_ == Wire::kBf16 && hosts_ > 1) round_to_bf16(mine, elements);
  for (int distance = group / 2; distance >= 1; distance /= 2) {
    float* const theirs = (host_ & distance) != 0 ? mine - elements : mine + elements;
    exchange_sums(host_ ^ distance, mine, theirs, elements);
    mine = std::min(mine, theirs);
    elements *= 2;
  }
}

void RankTree::exchange_and_add(int host, const float* theirs, float* mine, std::size_t elements) {
  for (std::size_t offset = 0; offset < elements; offset += kPieceElements) {
    const std::size_t n = std::min(kPieceElements, elements - offset);
    if (wire_ == Wire::kBf16) {
      pack(theirs + offset, n, as_bf16(sent_));
      communicator_.exchange(rank_of(host), sent_.span().first(packed(n)), received_.span().first(packed(n)));
      add_packed(as_bf16(received_), n, mine + offset);
    } else {
      communicator_.exchange(rank_of(host), {theirs + offset, n}, received_.span().first(n));
      add_to(mine + offset, received_.data(), n);
    }
  }
}

void RankTree::exchange_sums(int host, const float* mine, float* theirs, std::size_t elements) {
  if (wire_ == Wire::kFp32) return communicator_.exchange(rank_of(host), {mine, elements}, {theirs, elements});
  for (std::size_t offset = 0; offset < elements; offset += kPieceElements) {
    const std::size_t n = std::min(kPieceElements, elements - offset);
    pack(mine + offset, n, as_bf16(sent_));
    communicator_.exchange(rank_of(host), sent_.span().first(packed(n)), received_.span().first(packed(n)));
    unpack(as_bf16(received_), n, theirs + offset);
  }
}

void RankTree::receive_and_add(int host, float* mine, std::size_t elements) {
  for (std::size_t offset = 0; offset < elements; offset += kPieceElements) {
    const std::size_t n = std::min(kPieceElements, elements - offset);
    communicator_.receive(rank_of(host), received_.span().first(n));
    add_to(mine + offset, received_.data(), n);
  }
}

}  // namespace lockstep
