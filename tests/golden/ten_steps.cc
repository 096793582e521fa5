#include "tests/golden/ten_steps.h"

#include <algorithm>

#include <google/protobuf/text_format.h>

#include "proto/job.pb.h"
#include "trainer/optim/optimizer.h"

namespace lockstep {
namespace {

// Losses of the steps.
std::vector<float> train(NetworkUnderTest& under_test, Rows& rows, const std::string& optimizer, float learning_rate) {
  proto::Optimizer spec;
  CHECK(google::protobuf::TextFormat::ParseFromString(optimizer, &spec), "not an optimizer: {}", optimizer);
  Network& network = *under_test.network;
  const std::size_t elements = network.parameter_values().size();
  const auto updater = Optimizer::make(spec, network.parameters(), elements);
  const auto target_values = std::ptrdiff_t(network.options().loss.target_values());
  std::vector<float> losses;
  for (int step = 1; step <= 10; ++step) {
    losses.push_back(under_test.train(rows, 1 / float(rows.indices.size())).loss_sum);
    updater->update(network.parameter_values(), under_test.gradient_array.span().first(elements), 1, learning_rate,
                    step);
    network.parameters_changed();
    network.update_buffers(under_test.gradient_array.span());
    std::ranges::rotate(rows.targets, rows.targets.end() - target_values);
  }
  return losses;
}

}  // namespace

std::vector<std::string> differences_of_ten_steps(NetworkUnderTest& under_test, Rows rows, const std::string& optimizer,
                                                  float learning_rate, const Fixture& fixture, const std::string& name,
                                                  double tolerance) {
  std::vector<std::string> lines;
  const auto compare = [&](const std::string& record, std::span<const float> got) {
    const auto found = differences(fixture, name + "/" + record, got, tolerance);
    lines.insert(lines.end(), found.begin(), found.end());
  };
  compare("loss_sums", train(under_test, rows, optimizer, learning_rate));
  for (const PlainTensors& tensors : {under_test.parameters(), under_test.buffers()}) {
    for (const auto& [tensor, values] : tensors) compare(tensor, values);
  }
  under_test.network->evaluate_slice(rows.slice(), int(rows.indices.size()));
  compare("logits", under_test.network->logits());
  return lines;
}

}  // namespace lockstep
