#include "trainer/loop/memory_need.h"

#include <algorithm>
#include <cstdlib>
#include <fstream>

#include <fmt/format.h>
#include <sys/resource.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "storage/base/exit_code.h"
#include "trainer/loop/setup.h"
#include "trainer/optim/optimizer.h"

namespace lockstep {
namespace {

namespace fs = std::filesystem;

// A checkpoint as tensors, as the image that libhdf5 builds, and as the bytes of the file.
constexpr double kCheckpointCopies = 3;

double gigabytes(double bytes) {
  return bytes / 1e9;
}

// The number in the file; infinite where there is none, or "max".
double number_in(const fs::path& file) {
  double number = 0;
  return std::ifstream(file) >> number ? number : std::numeric_limits<double>::infinity();
}

// Looks at the control group of this process and at those around it.
void limit_by_groups(const fs::path& root, HostMemory& memory) {
  std::ifstream groups(root / "proc/self/cgroup");
  for (std::string line; std::getline(groups, line);) {
    const std::size_t name = line.find(':');
    const std::size_t path = line.find(":/", name + 1);
    if (path == std::string::npos) continue;
    const bool unified = line.compare(name, 2, "::") == 0;
    if (!unified && line.find("memory", name) > path) continue;
    const fs::path mount = root / (unified ? "sys/fs/cgroup" : "sys/fs/cgroup/memory");
    const char* const file = unified ? "memory.max" : "memory.limit_in_bytes";
    for (fs::path inner = line.substr(path + 2);; inner = inner.parent_path()) {
      const double bytes = number_in(mount / inner / file);
      if (bytes < memory.bytes) {
        memory.bytes = bytes;
        memory.of = fmt::format("what {} of the control group allows", file);
      }
      if (inner.empty()) break;
    }
  }
}

// What a process may still take; it has some already.
double process_bytes(const fs::path& root) {
  rlimit limit{};
  if (getrlimit(RLIMIT_AS, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) {
    return std::numeric_limits<double>::infinity();
  }
  const double pages = number_in(root / "proc/self/statm");
  const double taken = pages * double(sysconf(_SC_PAGE_SIZE));
  return std::max(0.0, double(limit.rlim_cur) - (taken < double(limit.rlim_cur) ? taken : 0));
}

}  // namespace

HostMemory host_memory(const fs::path& root) {
  HostMemory memory{.bytes = double(sysconf(_SC_PHYS_PAGES)) * double(sysconf(_SC_PAGE_SIZE)),
                    .of = "the memory of this machine"};
  limit_by_groups(root, memory);
  memory.process_bytes = process_bytes(root);
  return memory;
}

MemoryNeed memory_need(const Communicator& communicator, const proto::Job& job, const ImageShape& image,
                       const NetworkSizes& sizes) {
  const double trained = double(sizes.parameter_elements) * sizeof(float);
  const double parameters = trained + double(sizes.frozen_elements) * sizeof(float);
  const int states = Optimizer::slot_count(job.optimizer()) + (job.has_average() ? 1 : 0);
  const int slices = std::max(1, job.slices() / communicator.size());
  const double slice = double(job.batch() / job.slices()) * double(image.elements()) * sizeof(float);
  MemoryNeed need{.ranks = communicator.local_size(),
                  .network = double(sizes.own_bytes),
                  .parameters = parameters,
                  .optimizer = states * trained,
                  .rows = 2 * slice * (double(job.data().prefetch_batches()) * slices + 1)};
  need.gradients = GradientReducer::bytes(communicator, reduced_elements(sizes.gradient_elements),
                                          reducer_options(job, sizes.parameter_elements))
                       .all;
  if (communicator.first_local() == 0) need.checkpoint = kCheckpointCopies * (parameters + states * trained);
  return need;
}

std::string too_much(const MemoryNeed& need, const HostMemory& host) {
  const std::string parts = fmt::format(
      "network {:.1f}, parameters {:.1f}, gradients {:.1f}, optimizer {:.1f}, rows {:.1f}", gigabytes(need.network),
      gigabytes(need.parameters), gigabytes(need.gradients), gigabytes(need.optimizer), gigabytes(need.rows));
  constexpr const char* kAdvice = "use fewer ranks on a host, more slices or a smaller network";
  if (need.of_the_host() > host.bytes) {
    return fmt::format(
        "too large for the memory of a host: expected at most {:.1f} GB, {}; got {:.1f} GB: {} rank{} of {:.1f} GB "
        "({}) "
        "and {:.1f} GB for a checkpoint; {}",
        gigabytes(host.bytes), host.of, gigabytes(need.of_the_host()), need.ranks, need.ranks == 1 ? "" : "s",
        gigabytes(need.of_a_rank()), parts, gigabytes(need.checkpoint), kAdvice);
  }
  const double process = need.of_a_rank() + need.checkpoint;
  if (process > host.process_bytes) {
    return fmt::format(
        "too large for the memory of a process: expected at most {:.1f} GB, what its limit leaves (ulimit -v); got "
        "{:.1f} "
        "GB ({}, and {:.1f} for a checkpoint); raise the limit, or {}",
        gigabytes(host.process_bytes), gigabytes(process), parts, gigabytes(need.checkpoint), kAdvice);
  }
  return "";
}

Status check_shared_memory(const Communicator& communicator, const proto::Job& job, const NetworkSizes& sizes) {
  const double gradients = GradientReducer::bytes(communicator, reduced_elements(sizes.gradient_elements),
                                                  reducer_options(job, sizes.parameter_elements))
                               .shared;
  if (gradients == 0) return OkStatus();
  const double parameters = double(sizes.parameter_elements + sizes.frozen_elements) * sizeof(float);
  const double needed = communicator.local_size() * gradients + parameters;
  const char* const chosen = std::getenv("OMPI_MCA_osc_sm_backing_directory");
  const std::string directory = chosen != nullptr ? chosen : "/dev/shm";
  struct statvfs facts = {};
  if (statvfs(directory.c_str(), &facts) != 0) return OkStatus();  // MPI has another place
  const double there = double(facts.f_bavail) * double(facts.f_frsize);
  if (needed <= there) return OkStatus();
  return machine_cannot(
      fmt::format("{0}: the ranks of this host share {1:.1f} MB: expected so much to be free, got {2:.1f} MB; make {0} "
                  "larger (mount -o remount,size=...), or set execution.shared_memory to false",
                  directory, needed / 1e6, there / 1e6));
}

}  // namespace lockstep
