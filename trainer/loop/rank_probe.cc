#include "trainer/loop/rank_probe.h"

#include <algorithm>
#include <cstdint>
#include <string_view>
#include <vector>

#include <unistd.h>
#include <xxhash.h>

#include "storage/base/exit_code.h"
#include "storage/base/log.h"
#include "trainer/nn/kernels/instruction_set.h"
#include "trainer/report/time_account.h"

namespace lockstep {
namespace {

template <std::size_t Length>
void put(std::string_view text, std::array<char, Length>& to) {
  std::copy_n(text.begin(), std::min(text.size(), Length - 1), to.begin());
}

std::string hash_of(const void* bytes, std::size_t size) {
  const XXH128_hash_t hash = XXH3_128bits(bytes, size);
  return fmt::format("{:016x}{:016x}", hash.high64, hash.low64);
}

// From -1 to 1, of the place alone.
float pixel(std::size_t place) {
  const auto mixed = static_cast<std::uint32_t>((place + 1) * 2654435761U);  // Knuth's multiplicative hash
  return static_cast<float>(mixed >> 8) * 0x1p-23F - 1.0F;
}

std::string gradients_of_a_key(Network& network, GradientReducer& reducer) {
  const NetworkOptions& options = network.options();
  const auto rows = static_cast<std::size_t>(options.slice_rows);
  std::vector<float> images(rows * options.image.elements());
  for (std::size_t i = 0; i < images.size(); ++i) images[i] = pixel(i);
  const TargetKind target = target_of(options.loss.kind);
  const bool is_class = target == TargetKind::kClass || target == TargetKind::kMask;
  std::vector<float> targets(rows * options.loss.target_values());
  for (std::size_t i = 0; i < targets.size(); ++i) {
    targets[i] = static_cast<float>(i % static_cast<std::size_t>(is_class ? options.classes : 2));
  }
  std::vector<std::int64_t> numbers(rows);
  for (std::size_t i = 0; i < rows; ++i) {
    numbers[i] = static_cast<std::int64_t>(i);
  }
  const SumTarget sum = reducer.begin_slice();  // the first real slice is put over it
  network.train_slice({.images = images, .targets = targets, .rows = numbers, .epoch = 0},
                      1.0F / static_cast<float>(rows), 1, sum, {});
  return hash_of(sum.arrays[0], network.gradient_elements() * sizeof(float));
}

std::string layouts_of(const Network& network) {
  std::string text;
  for (const StepTime& it : network.step_times()) {
    text += fmt::format("{} {} {} {}\n", it.layer, it.pass, it.kernel, it.layout);
  }
  for (const auto tensors : {network.parameters(), network.frozen()}) {
    for (const TensorInfo& it : tensors) text += fmt::format("{} {} {}\n", it.name, it.offset, it.elements);
  }
  return hash_of(text.data(), text.size());
}

// Empty when all have the same.
template <std::size_t Length>
std::string difference(std::string_view what, std::span<const RankProbe> probes,
                       std::array<char, Length> RankProbe::* member) {
  const auto same = [&](const RankProbe& probe) { return probe.*member == probes.front().*member; };
  if (std::all_of(probes.begin(), probes.end(), same)) return "";
  std::string text = fmt::format("\n  {}:", what);
  std::map<std::string, std::string> told;  // a line a host, unless its ranks differ
  for (std::size_t rank = 0; rank < probes.size(); ++rank) {
    const std::string line = fmt::format("{} has {}", probes[rank].host.data(), (probes[rank].*member).data());
    if (told.emplace(line, "").second) text += fmt::format(" rank {} on {};", rank, line);
  }
  text.pop_back();
  return text;
}

}  // namespace

Status compare_probes(std::span<const RankProbe> probes) {
  const std::string text = difference("instruction set", probes, &RankProbe::instruction_set) +
                           difference("oneDNN", probes, &RankProbe::onednn_version) +
                           difference("kernels and layouts", probes, &RankProbe::layouts) +
                           difference("gradients of the same rows", probes, &RankProbe::gradients);
  if (text.empty()) return OkStatus();
  return machine_cannot(fmt::format(
      "the ranks do not compute the same bits:{}\nStart on hosts of one kind with the same libraries; where "
      "only the instruction sets differ, ONEDNN_MAX_CPU_ISA set to the lesser one on all may do.",
      text));
}

StatusOr<std::map<std::string, std::string>> probe_ranks(Communicator& communicator, Network& network,
                                                         GradientReducer& reducer) {
  const TimeAccount clock;
  RankProbe mine;
  ::gethostname(mine.host.data(), mine.host.size() - 1);
  put(onednn_instruction_set(), mine.instruction_set);
  put(onednn_version(), mine.onednn_version);
  put(layouts_of(network), mine.layouts);
  put(gradients_of_a_key(network, reducer), mine.gradients);
  std::vector<RankProbe> all(static_cast<std::size_t>(communicator.size()));
  communicator.all_gather(std::as_bytes(std::span(&mine, 1)), std::as_writable_bytes(std::span(all)));
  RETURN_IF_ERROR(compare_probes(all));
  log_info("all ranks compute the same gradients of a slice (seen in {:.2f} s)", clock.elapsed_seconds());
  return std::map<std::string, std::string>{{"kernels_and_layouts", mine.layouts.data()},
                                            {"gradients_of_a_key", mine.gradients.data()}};
}

}  // namespace lockstep
