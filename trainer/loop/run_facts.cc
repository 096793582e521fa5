#include "trainer/loop/run_facts.h"

#include <fstream>

#include "storage/base/log.h"
#include "trainer/loop/training_job.h"
#include "trainer/nn/kernels/instruction_set.h"
#include "trainer/nn/network/network.h"

namespace lockstep {
namespace {

std::string cpu_model() {
  std::ifstream info("/proc/cpuinfo");
  for (std::string line; std::getline(info, line);) {
    if (line.starts_with("model name")) return line.substr(line.find(':') + 2);
  }
  return "unknown";
}

}  // namespace

RunFacts run_facts(const proto::Job& job, const DatasetInfo& train, const Communicator& communicator) {
  RunFacts run;
  run.job = job_text(job);
  run.model = model_text(job.model());
  run.dataset = train;
  run.facts = {{"lockstep_version", LOCKSTEP_VERSION},         {"onednn_version", onednn_version()},
               {"instruction_set", onednn_instruction_set()},  {"mpi_version", communicator.library_version()},
               {"ranks", std::to_string(communicator.size())}, {"cpu", cpu_model()}};
  return run;
}

void warn_of_other_facts(const Checkpoint& checkpoint, const RunFacts& now) {
  for (const char* fact : {"onednn_version", "instruction_set", "gradients_of_a_key"}) {
    const auto before = checkpoint.facts.find(fact);
    const auto here = now.facts.find(fact);
    if (before == checkpoint.facts.end() || here == now.facts.end() || before->second == here->second) continue;
    log_warning("{} was {} and is {} now: training goes on from the same state, with other rounding from here on", fact,
                before->second, here->second);
  }
}

}  // namespace lockstep
