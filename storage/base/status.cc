#include "storage/base/status.h"

#include <atomic>
#include <cstdio>
#include <cstdlib>

#include "storage/base/exit_code.h"

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
Status machine_cannot(std::string_view message) {
  return absl::ResourceExhaustedError(view(message));
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
      return kExitDone;
    case absl::StatusCode::kInvalidArgument:
      return kExitBadConfiguration;
    case absl::StatusCode::kDataLoss:
      return kExitBadData;
    case absl::StatusCode::kOutOfRange:
      return kExitDiverged;
    case absl::StatusCode::kResourceExhausted:
      return kExitMachineCannot;
    case absl::StatusCode::kUnavailable:
      return kExitIoError;
    case absl::StatusCode::kCancelled:
      return kExitStopped;
    case absl::StatusCode::kDeadlineExceeded:
      return kExitHung;
    default:
      return kExitFailed;
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
