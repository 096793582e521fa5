#include "trainer/comm/replica_check.h"

#include <algorithm>
#include <array>
#include <map>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

#include <absl/strings/str_join.h>
#include <xxhash.h>

namespace lockstep {
namespace {

using Hash = std::array<std::byte, sizeof(XXH128_canonical_t)>;

Hash hash_of(std::span<const std::byte> bytes) {
  XXH128_canonical_t canonical;
  XXH128_canonicalFromHash(&canonical, XXH3_128bits(bytes.data(), bytes.size()));
  Hash hash;
  std::copy_n(reinterpret_cast<const std::byte*>(canonical.digest), hash.size(), hash.begin());
  return hash;
}

std::string text_of(const Hash& hash) {
  std::string text;
  for (const std::byte byte : hash) text += fmt::format("{:02x}", std::to_integer<int>(byte));
  return text;
}

// The hash that most ranks have; of equally frequent ones the first in rank order.
Hash majority(const std::vector<Hash>& by_rank) {
  const auto frequency = [&](const Hash& hash) { return std::count(by_rank.begin(), by_rank.end(), hash); };
  return *std::max_element(by_rank.begin(), by_rank.end(),
                           [&](const Hash& a, const Hash& b) { return frequency(a) < frequency(b); });
}

// Empty when all of these ranks agree.
std::string difference(std::string_view name, const std::vector<Hash>& hashes, const std::vector<std::size_t>& ranks) {
  const Hash expected = majority(hashes);
  std::vector<std::string> odd;
  for (std::size_t i = 0; i < hashes.size(); ++i) {
    if (hashes[i] != expected) odd.push_back(fmt::format("rank {} has {}", ranks[i], text_of(hashes[i])));
  }
  if (odd.empty()) return "";
  return fmt::format("\n  {}: {}, the majority has {}", name, absl::StrJoin(odd, ", "), text_of(expected));
}

Status verdict(const std::string& differences) {
  if (differences.empty()) return OkStatus();
  return absl::InternalError(
      fmt::format("the ranks do not hold the same bits (XXH3-128 of each array):{}\n"
                  "Nothing of this state may be saved. Run the same command again to go on from the last checkpoint; "
                  "when it is always the same rank, look at its host's memory and processor.",
                  differences));
}

}  // namespace

Status check_parts(Communicator& communicator, std::string_view name, std::span<const float> values,
                   std::span<const PartedUpdate::Range> parts) {
  struct Mine {
    Hash place;
    Hash bits;
  };
  std::vector<std::byte> bytes;
  for (const PartedUpdate::Range& part : parts) {
    const Hash piece = hash_of(std::as_bytes(values.subspan(part.begin, part.end - part.begin)));
    bytes.insert(bytes.end(), piece.begin(), piece.end());
  }
  const Mine mine{.place = hash_of(std::as_bytes(parts)), .bits = hash_of(bytes)};
  std::vector<Mine> all(static_cast<std::size_t>(communicator.size()));
  communicator.all_gather(std::as_bytes(std::span(&mine, 1)), std::as_writable_bytes(std::span(all)));
  std::map<Hash, std::pair<std::vector<Hash>, std::vector<std::size_t>>> by_place;
  for (std::size_t rank = 0; rank < all.size(); ++rank) {
    auto& [hashes, ranks] = by_place[all[rank].place];
    hashes.push_back(all[rank].bits);
    ranks.push_back(rank);
  }
  std::string differences;
  for (const auto& [place, of] : by_place) differences += difference(name, of.first, of.second);
  return verdict(differences);
}

Status check_replicas(Communicator& communicator, std::span<const NamedBytes> arrays) {
  std::vector<Hash> mine;
  mine.reserve(arrays.size());
  for (const NamedBytes& array : arrays) mine.push_back(hash_of(array.bytes));
  const std::size_t ranks = static_cast<std::size_t>(communicator.size());
  std::vector<Hash> all(mine.size() * ranks);
  communicator.all_gather(std::as_bytes(std::span<const Hash>(mine)), std::as_writable_bytes(std::span<Hash>(all)));
  std::vector<std::size_t> numbers(ranks);
  std::iota(numbers.begin(), numbers.end(), std::size_t{0});
  std::string differences;
  for (std::size_t array = 0; array < arrays.size(); ++array) {
    std::vector<Hash> by_rank;
    by_rank.reserve(ranks);
    for (std::size_t rank = 0; rank < ranks; ++rank) by_rank.push_back(all[rank * arrays.size() + array]);
    differences += difference(arrays[array].name, by_rank, numbers);
  }
  return verdict(differences);
}

}  // namespace lockstep
