#include "launch/command/bench_print.h"

#include <algorithm>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "launch/command/json_dump.h"

namespace lockstep {
namespace {

using Json = nlohmann::ordered_json;

double milliseconds(double seconds) {
  return seconds * 1e3;
}

double median(std::vector<double> values) {
  const auto middle = values.begin() + std::ptrdiff_t(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

// Work of a kernel a second, for those that have any.
double kernel_flops(const StepTime& kernel, int steps) {
  return kernel.seconds > 0 ? double(kernel.flops) * double(kernel.runs) / steps / kernel.seconds : 0;
}

double seconds_in(const StepBenchResult& result, std::string_view pass) {
  double seconds = 0;
  for (const StepTime& kernel : result.kernels) seconds += kernel.pass == pass ? kernel.seconds : 0;
  return seconds;
}

// Where a step of rank 0 goes. "Other" is what is left of forward and backward: the loss, sums over slices, and
// the sums over hosts that go on meanwhile.
struct Share {
  const char* name;
  double seconds;
};

std::vector<Share> shares(const StepBenchResult& result) {
  const double reorders = seconds_in(result, "reorder");
  double kernels = 0;
  for (const StepTime& kernel : result.kernels) kernels += kernel.pass == "refresh" ? 0 : kernel.seconds;
  return {{"kernels", kernels - reorders},
          {"reorders", reorders},
          {"loss and sums over slices", result.compute_seconds - kernels},
          {"waiting for rows", result.data_seconds},
          {"waiting for other ranks", result.waiting_seconds},
          {"reduction, exposed", result.reduction_seconds},
          {"optimizer", result.update_seconds - seconds_in(result, "refresh")},
          {"weights for the kernels", seconds_in(result, "refresh")}};
}

const char* precision_name(const proto::Job& job) {
  return job.execution().precision() == proto::BF16 ? "bf16" : "fp32";
}

void print_kernels(const StepBenchOptions& options, const StepBenchResult& result) {
  std::size_t layer = 5, kernel = 6;
  for (const StepTime& it : result.kernels) {
    layer = std::max(layer, it.layer.size());
    kernel = std::max(kernel, it.kernel.size());
  }
  const bool bf16 = result.job.execution().precision() == proto::BF16 && result.peaks.bf16_flops > 0;
  const double peak = (bf16 ? result.peaks.bf16_flops : result.peaks.fma_flops) / result.ranks;
  fmt::print("{:<{}}  {:<8}  {:>9}  {:>8}  {:>6}  {:<{}}  {}\n", "layer", layer, "pass", "ms a step", "GFLOP/s",
             "share", "kernel", kernel, "layout written");
  for (const StepTime& it : result.kernels) {
    const double rate = kernel_flops(it, options.steps);
    fmt::print("{:<{}}  {:<8}  {:>9.3f}  {:>8}  {:>6}  {:<{}}  {}\n", it.layer, layer, it.pass,
               milliseconds(it.seconds), rate > 0 ? fmt::format("{:.1f}", rate / 1e9) : "",
               rate > 0 ? fmt::format("{:.0f} %", rate / peak * 100) : "", it.kernel, kernel, it.layout);
  }
}

}  // namespace

void print_step_text(const std::string& model, const StepBenchOptions& options, const StepBenchResult& result) {
  const proto::Job& job = result.job;
  const ImageShape& image = options.image;
  print_kernels(options, result);
  fmt::print(
      "\n{}, images of {} x {} x {}, {} classes, {}: batch {} in {} slices on {} ranks of {} threads; {} steps\n",
      model, image.height, image.width, image.channels, options.classes, precision_name(job), job.batch(), job.slices(),
      result.ranks, job.execution().threads_per_rank(), options.steps);
  fmt::print("speed      {:.1f} images/s; {:.2f} ms a step (median {:.2f})\n", result.images_per_second,
             milliseconds(result.mean_seconds), milliseconds(median(result.step_seconds)));
  fmt::print("work       {:.1f} GFLOP/s, {:.1f} % of the peak\n", result.flops_per_second() / 1e9,
             result.share_of_peak() * 100);
  fmt::print("peaks      {:.1f} GFLOP/s fp32, {:.1f} bf16, {:.1f} GB/s copied; all ranks together\n",
             result.peaks.fma_flops / 1e9, result.peaks.bf16_flops / 1e9, result.peaks.memory_bytes / 1e9);
  fmt::print("memory     {:.1f} MB resident at most, {:.1f} MB of them the network's; {:.1f} page faults a step\n",
             double(result.resident_bytes) / 1e6, double(result.network_bytes) / 1e6, result.page_faults);
  fmt::print("reduction  {}\n", result.reduction);
  fmt::print("cores      {}\n\n", result.cores);
  for (const Share& share : shares(result)) {
    fmt::print("{:<26}{:>9.3f} ms {:>6.1f} %\n", share.name, milliseconds(share.seconds),
               share.seconds / result.mean_seconds * 100);
  }
  if (result.hidden_reduction_seconds > 0) {
    fmt::print("{:<26}{:>9.3f} ms within the kernels' time\n", "reduction, hidden",
               milliseconds(result.hidden_reduction_seconds));
  }
}

void print_step_json(const std::string& model, const StepBenchOptions& options, const StepBenchResult& result) {
  const proto::Job& job = result.job;
  Json kernels = Json::array();
  for (const StepTime& it : result.kernels) {
    kernels.push_back({{"layer", it.layer},
                       {"pass", it.pass},
                       {"seconds", it.seconds},
                       {"flops_per_second", kernel_flops(it, options.steps)},
                       {"kernel", it.kernel},
                       {"layout", it.layout}});
  }
  Json time = Json::object();
  for (const Share& share : shares(result)) time[share.name] = share.seconds;
  time["reduction, hidden"] = result.hidden_reduction_seconds;
  const Json object = {{"model", model},
                       {"image", {options.image.height, options.image.width, options.image.channels}},
                       {"classes", options.classes},
                       {"precision", precision_name(job)},
                       {"batch", job.batch()},
                       {"slices", job.slices()},
                       {"ranks", result.ranks},
                       {"threads_per_rank", job.execution().threads_per_rank()},
                       {"steps", options.steps},
                       {"images_per_second", result.images_per_second},
                       {"step_seconds", result.mean_seconds},
                       {"median_step_seconds", median(result.step_seconds)},
                       {"flops_per_second", result.flops_per_second()},
                       {"share_of_peak", result.share_of_peak()},
                       {"peak_fma_flops_per_second", result.peaks.fma_flops},
                       {"peak_bf16_flops_per_second", result.peaks.bf16_flops},
                       {"peak_memory_bytes_per_second", result.peaks.memory_bytes},
                       {"resident_bytes", result.resident_bytes},
                       {"network_bytes", result.network_bytes},
                       {"page_faults_per_step", result.page_faults},
                       {"reduction", result.reduction},
                       {"cores", result.cores},
                       {"seconds", time},
                       {"kernels", kernels}};
  fmt::print("{}\n", json_dump(object));
}

void print_reductions(int ranks, const std::vector<ReductionTiming>& timings, bool json) {
  if (json) {
    Json list = Json::array();
    for (const ReductionTiming& it : timings) {
      list.push_back({{"way", it.way}, {"bytes", it.bytes}, {"seconds", it.seconds}});
    }
    fmt::print("{}\n", json_dump({{"ranks", ranks}, {"reductions", list}}));
    return;
  }
  fmt::print("sums of one array over {} ranks, medians\n{:>12}  {:<22}{:>12}{:>12}{:>20}\n", ranks, "bytes", "way",
             "ms", "GB/s", "of MPI_Allreduce");
  for (const ReductionTiming& it : timings) {
    const auto library = std::find_if(timings.begin(), timings.end(), [&](const ReductionTiming& other) {
      return other.bytes == it.bytes && other.way == "MPI_Allreduce";
    });
    fmt::print("{:>12}  {:<22}{:>12.4f}{:>12.3f}{:>18.2f}x\n", it.bytes, it.way, milliseconds(it.seconds),
               double(it.bytes) / it.seconds / 1e9, it.seconds / library->seconds);
  }
}

void print_loader(int ranks, const LoaderTiming& timing, bool json) {
  if (json) {
    const Json object = {{"ranks", ranks},
                         {"rows_per_second", timing.rows_per_second},
                         {"stored_bytes_per_second", timing.stored_bytes_per_second}};
    fmt::print("{}\n", json_dump(object));
    return;
  }
  fmt::print("the loader alone, {} ranks: {:.0f} rows/s, {:.3f} GB/s of stored pixels\n", ranks, timing.rows_per_second,
             timing.stored_bytes_per_second / 1e9);
}

}  // namespace lockstep
