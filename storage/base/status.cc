#include "storage/base/status.h"

#include <atomic>
#include <cstdio>
#include <cstdlib>

namespace lockstep {
namespace {

std::atomic<int> message_rank{-1};

absl::string_view view(std::string_view text) {
  return {text.data(), text.size()};
}

}  // namespace

Status bad_configuration(std::string_view message) {
  return absl::InvalidArgumentError(view(message));
}
Status bad_data(std::string_view message) {
  return absl::DataLossError(view(message));
}
Status diverged(std::string_view message) {
  return absl::OutOfRangeError(view(message));
}
Status stopped(std::string_view message) {
  return absl::CancelledError(view(message));
}
Status hung(std::string_view message) {
  return absl::DeadlineExceededError(view(message));
}
Status io_error(std::string_view message) {
  return absl::UnavailableError(view(message));
}

Status with_context(const Status& status, std::string_view context) {
  if (status.ok()) return status;
  const std::string inner(status.message());
  Status outer(status.code(), fmt::format("{}: {}", context, inner));
  status.ForEachPayload([&](absl::string_view name, const absl::Cord& payload) { outer.SetPayload(name, payload); });
  return outer;
}

int exit_code(const Status& status) {
  switch (status.code()) {
    case absl::StatusCode::kOk:
      return 0;
    case absl::StatusCode::kInvalidArgument:
      return 2;
    case absl::StatusCode::kDataLoss:
      return 3;
    case absl::StatusCode::kOutOfRange:
      return 4;
    case absl::StatusCode::kCancelled:
      return 75;
    case absl::StatusCode::kDeadlineExceeded:
      return 86;
    default:
      return 1;
  }
}

void set_rank_for_messages(int rank) {
  message_rank = rank;
}
int rank_for_messages() {
  return message_rank;
}

void check_failed(const char* file, int line, const char* condition, std::string_view message) {
  const int rank = message_rank;
  const std::string who = rank < 0 ? "" : fmt::format("rank {}: ", rank);
  std::fprintf(stderr, "%s%s:%d: CHECK(%s) failed%s%.*s\nThis is a bug in Lockstep.\n", who.c_str(), file, line,
               condition, message.empty() ? "" : ": ", static_cast<int>(message.size()), message.data());
  std::fflush(stderr);
  std::abort();
}

}  // namespace lockstep
