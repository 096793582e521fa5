#include "trainer/loop/set_up_words.h"

#include <fmt/format.h>

#include "storage/base/log.h"
#include "trainer/nn/kernels/instruction_set.h"
#include "trainer/report/progress.h"

namespace lockstep {
namespace {

constexpr std::size_t kDecompressedLimit = 256 << 10;  // bytes a row: about a millisecond of a core

// "1,234 parameters"; "1,234 parameters and 5,678 frozen".
std::string parameter_text(const Network& network) {
  std::int64_t trained = 0, frozen = 0;
  for (const TensorInfo& tensor : network.parameters()) trained += plain_elements(tensor);
  for (const TensorInfo& tensor : network.frozen()) frozen += tensor.is_statistic ? 0 : plain_elements(tensor);
  const std::string text = fmt::format("{} parameters", format_count(trained));
  return frozen == 0 ? text : fmt::format("{} and {} frozen", text, format_count(frozen));
}

// Empty where the job chooses by a validation split.
std::string choice_text(const Setup& setup) {
  const JobRows& rows = setup.rows;
  if (rows.chosen_by == ChosenBy::kHeldOut) {
    return fmt::format("{} training rows are held out, to choose by", format_count(rows.chosen->info().rows));
  }
  if (rows.chosen_by != ChosenBy::kTest) return "";
  return fmt::format(
      "no validation rows: the best checkpoint is chosen by {}, on which it then looks better than it is; "
      "data {{ hold_out {{}} }} holds training rows out to choose by",
      setup.job.data().test());
}

}  // namespace

std::vector<std::string> set_up_words(const Setup& setup, const std::string& called, const std::string& reduction,
                                      const CoreBinding& binding) {
  const proto::Job& job = setup.job;
  const DatasetInfo& info = setup.rows.train->info();
  std::vector<std::string> lines;
  lines.push_back(fmt::format("{}: {} rows of {} x {} x {}, {} {}; {}; batch {} in {} slices on {}", called,
                              format_count(info.rows), info.image.height, info.image.width, info.image.channels,
                              info.class_names.size(), target_nouns(info.target), parameter_text(*setup.network),
                              job.batch(), job.slices(), reduction));
  const float smoothing = job.loss().label_smoothing();
  if (smoothing > 0) lines.push_back(fmt::format("losses are told with label smoothing {}", smoothing));
  const int threads = job.execution().threads_per_rank();
  lines.push_back(fmt::format("{}; {} thread{} a rank", binding.text, threads, threads == 1 ? "" : "s"));
  if (const std::string choice = choice_text(setup); !choice.empty()) lines.push_back(choice);
  return lines;
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
  if (const std::size_t bytes = setup.rows.train->info().decompressed_per_row; bytes > kDecompressedLimit) {
    const std::string images = fmt::format("{}/{}", job.data().train(), job.data().images());
    log_warning(
        "{}: {} KiB, a whole chunk, are decompressed for each row in random order, and training may wait for it; "
        "faster: h5repack -l {}:CONTI -f {}:NONE {} NEW.h5",
        job.data().path(), bytes >> 10, images, images, job.data().path());
  }
  if (setup.rows.chosen_by == ChosenBy::kNothing && !job.data().test().empty()) {
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
