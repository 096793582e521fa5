#include "trainer/loop/agreement.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <span>
#include <vector>

namespace lockstep {
namespace {

constexpr std::size_t kMessageBytes = 16384;

}  // namespace

Status agree(Communicator& communicator, const Status& mine) {
  const auto code = static_cast<std::int32_t>(mine.code());
  std::vector<std::int32_t> codes(static_cast<std::size_t>(communicator.size()));
  communicator.all_gather(std::as_bytes(std::span(&code, 1)), std::as_writable_bytes(std::span(codes)));
  const auto failed = std::find_if(codes.begin(), codes.end(), [](std::int32_t other) { return other != 0; });
  if (failed == codes.end()) return OkStatus();

  const int culprit = static_cast<int>(failed - codes.begin());
  std::array<char, kMessageBytes> text{};
  if (communicator.rank() == culprit) {
    const auto message = mine.message();
    std::memcpy(text.data(), message.data(), std::min(message.size(), kMessageBytes - 1));
  }
  communicator.broadcast(std::as_writable_bytes(std::span(text)), culprit);
  const bool everywhere = std::all_of(codes.begin(), codes.end(), [&](std::int32_t other) { return other == *failed; });
  const Status status(static_cast<absl::StatusCode>(*failed), text.data());
  return everywhere ? status : with_context(status, fmt::format("rank {}", culprit));
}

}  // namespace lockstep
