#include "trainer/loop/set_up_words.h"

#include <fmt/format.h>

#include "storage/base/log.h"
#include "trainer/nn/kernels/instruction_set.h"
#include "trainer/report/progress.h"

namespace lockstep {
namespace {

constexpr std::size_t kDecompressedLimit = 256 << 10;  // bytes a row: about a millisecond of a core

}  // namespace

std::string parameter_text(const Network& network) {
  std::int64_t trained = 0, frozen = 0;
  for (const TensorInfo& tensor : network.parameters()) trained += plain_elements(tensor);
  for (const TensorInfo& tensor : network.frozen()) frozen += tensor.is_statistic ? 0 : plain_elements(tensor);
  const std::string text = fmt::format("{} parameters", format_count(trained));
  return frozen == 0 ? text : fmt::format("{} and {} frozen", text, format_count(frozen));
}

void warn_about_set_up(const Setup& setup, int ranks, const CoreBinding& binding, bool at_random) {
  const proto::Job& job = setup.job;
  if (binding.oversubscribed()) {
    log_warning("more threads than cores ({}): they wait for each other by spinning; start fewer ranks or threads",
                binding.text);
  }
  if (job.execution().precision() == proto::BF16 && !has_bf16()) {
    log_warning(
        "this processor ({}) has no instructions for bf16: the job runs in fp32, with other bits than where it has",
        onednn_instruction_set());
  }
  if (const std::size_t bytes = setup.train->info().decompressed_per_row; bytes > kDecompressedLimit) {
    const std::string images = fmt::format("{}/{}", job.data().train(), job.data().images());
    log_warning(
        "{}: {} KiB, a whole chunk, are decompressed for each row in random order, and training may wait for it; "
        "faster: h5repack -l {}:CONTI -f {}:NONE {} NEW.h5",
        job.data().path(), bytes >> 10, images, images, job.data().path());
  }
  if (!setup.test && !job.data().test().empty()) {
    log_warning("{}: there is no group {}: nothing is evaluated", job.data().path(), job.data().test());
  }
  if (at_random && !setup.network->frozen().empty()) {
    log_warning("{} is frozen as it was drawn at random: give --init-from a checkpoint with what it has learned",
                setup.network->frozen().front().name);
  }
  if ((ranks & (ranks - 1)) != 0) {
    log_warning(
        "{} ranks is not a power of two: the same bits come out every time on {} ranks, but other bits than on 1, 2, 4 "
        "or 8",
        ranks, ranks);
  }
}

}  // namespace lockstep
