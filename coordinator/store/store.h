// The durable event log of the coordinator, with what belongs to it: metric points, fences of attempts, and the answers
// to requests that may come twice. Two implementations: SQLite, and memory for tests and simulations; one contract test
// runs on both.
//
// Errors of every call: io_error, or kInternal when the database is damaged. After one, every further call returns it
// again: the caller ends the process and starts anew from what is on disk; it never goes on in memory.
// Threads: one at a time. A callback does not call the store.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <limits>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "proto/event.pb.h"
#include "storage/base/status.h"

namespace lockstep {

// Means over some steps of a training.
struct MetricPoint {
  std::string sweep;
  int trial = 0;
  int attempt = 0;
  std::int64_t step = 0;
  double loss = 0;
  double accuracy = 0;
  double learning_rate = 0;
  double images_per_second = 0;
};

// Holds when the attempt was planned with this token, has not ended, is the newest of its trial, and `seq` is above
// that of every commit that was accepted with its fence.
struct ReportFence {
  std::string sweep;
  int trial = 0;
  int attempt = 0;
  std::string token;
  std::int64_t seq = 0;
};

// A request of a client that carried an id: the same again gets the same response.
struct StoredRequest {
  std::string id;
  std::string hash;
  std::string response;
};

// What becomes durable together, or not at all.
struct Commit {
  std::vector<proto::Event> events;
  std::vector<MetricPoint> points;
  std::optional<ReportFence> fence;
  std::optional<StoredRequest> request;
};

class Store {
 public:
  virtual ~Store() = default;

  // Takes all commits in one durable transaction, in order; on return all that was accepted is on disk. The result of
  // each commit: OK, and its events have their revisions, which continue the log without a gap; or, and then nothing of
  // it is there: kAborted when its fence does not hold, kAlreadyExists when there is a request of its id. The fence is
  // tried before the events of the same commit and after the commits before it.
  // Requires: no event has a revision. On an error of the whole, what became durable is not known before the next
  // start. Fault points: "serve.commit" before the transaction, "serve.committed" when it is durable.
  virtual StatusOr<std::vector<Status>> commit(std::span<Commit> commits) = 0;

  // The events after the revision, in order, at most so many. Errors: kInternal for a gap or an event that does not
  // parse; bad_configuration, which does not stay, for one that says what this program does not know.
  virtual Status read_events(std::int64_t after_revision, std::int64_t at_most,
                             const std::function<void(const proto::Event&)>& on_event) = 0;
  // All of them.
  Status read_events(std::int64_t after_revision, const std::function<void(const proto::Event&)>& on_event) {
    return read_events(after_revision, std::numeric_limits<std::int64_t>::max(), on_event);
  }

  // Of the newest event; 0: there is none.
  virtual std::int64_t last_revision() const = 0;

  // The fence of each attempt that has not ended, as it was last taken: reports with its seq and below are old ones.
  virtual Status read_fences(const std::function<void(const ReportFence&)>& on_fence) = 0;

  virtual StatusOr<std::optional<StoredRequest>> find_request(const std::string& id) = 0;

  // The points of a trial by step. A step that was reported again after a resume comes once, from the newest attempt.
  virtual Status read_points(const std::string& sweep, int trial,
                             const std::function<void(const MetricPoint&)>& on_point) = 0;

  // Looks at everything, in time proportional to it: the pages, that no revision is missing, that every event parses,
  // and that the tables for people are what the log gives. Errors: bad_data with the first fault.
  virtual Status verify() = 0;
};

// Opens the file, makes it when it is not there, and brings it from an older version of the schema to the newest. Holds
// it alone until the store is destroyed. Warns when the file is on a network file system, where locks do not hold.
// Errors: kAlreadyExists when it is open already, here or in another process; bad_configuration when a newer program
// or another one made it; io_error; kInternal.
StatusOr<std::unique_ptr<Store>> open_sqlite_store(const std::filesystem::path& file);

std::unique_ptr<Store> make_memory_store();

}  // namespace lockstep
