#include "trainer/optim/optimizer.h"

#include "proto/optimizer.pb.h"
#include "storage/base/status.h"
#include "trainer/optim/adam.h"
#include "trainer/optim/rms_prop.h"
#include "trainer/optim/sgd.h"

namespace lockstep {

std::unique_ptr<Optimizer> Optimizer::make(const proto::Optimizer& spec, std::span<const TensorInfo> parameters,
                                           std::size_t arena_elements, const ParameterGroups& groups) {
  std::vector<ParameterRun> runs = parameter_runs(spec, groups, parameters, arena_elements);
  switch (spec.kind_case()) {
    case proto::Optimizer::kSgd:
    case proto::Optimizer::KIND_NOT_SET:
      return make_sgd(spec.sgd(), std::move(runs), arena_elements);
    case proto::Optimizer::kAdam:
      return make_adam(spec.adam(), std::move(runs), arena_elements);
    case proto::Optimizer::kRmsProp:
      return make_rms_prop(spec.rms_prop(), std::move(runs), arena_elements);
    case proto::Optimizer::kAdamW:
      return make_adam_w(spec.adam_w(), std::move(runs), arena_elements);
  }
  CHECK(false, "optimizer kind {} has no implementation", static_cast<int>(spec.kind_case()));
  return nullptr;  // not reached; with sanitizers GCC does not see that
}

int Optimizer::slot_count(const proto::Optimizer& spec) {
  switch (spec.kind_case()) {
    case proto::Optimizer::kSgd:
    case proto::Optimizer::KIND_NOT_SET:
      return 1;
    case proto::Optimizer::kAdam:
    case proto::Optimizer::kAdamW:
      return 2;
    case proto::Optimizer::kRmsProp:
      return 1 + (spec.rms_prop().centered() ? 1 : 0) + (spec.rms_prop().momentum() > 0 ? 1 : 0);
  }
  CHECK(false, "optimizer kind {} has no implementation", static_cast<int>(spec.kind_case()));
  return 0;  // not reached; with sanitizers GCC does not see that
}

}  // namespace lockstep
