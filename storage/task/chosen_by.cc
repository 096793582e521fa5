#include "storage/task/chosen_by.h"

#include <fmt/format.h>

#include "proto/job.pb.h"
#include "storage/base/text_proto.h"

namespace lockstep {

ChosenBy chosen_by(const proto::Data& data, bool has_validation, bool has_test) {
  if (has_validation) return ChosenBy::kValidation;
  if (data.has_hold_out()) return ChosenBy::kHeldOut;
  return has_test ? ChosenBy::kTest : ChosenBy::kNothing;
}

std::string_view chosen_by_name(ChosenBy by) {
  switch (by) {
    case ChosenBy::kValidation:
    case ChosenBy::kHeldOut:
      return "validation";
    case ChosenBy::kTest:
      return "test";
    case ChosenBy::kNothing:
      break;
  }
  return "";
}

HeldOut held_out(const proto::HoldOut& hold_out) {
  HeldOut held{.key = hold_out.key(), .fold = hold_out.fold(), .of = hold_out.of()};
  if (hold_out.has_share()) held.share = hold_out.share();
  return held;
}

void name_validation(proto::Data& data) {
  if (data.has_validation()) return;
  data.set_validation("validation");
  if (data.test() == data.validation()) data.set_test("");
}

void check_splits(const proto::Data& data, Faults& faults) {
  if (!data.validation().empty() && data.validation() == data.test()) {
    faults.add("data.validation", fmt::format("is \"{}\", as data.test is: a split that chooses is no test of what was "
                                              "chosen; expected another one, or data.test: \"\"",
                                              data.test()));
  }
  const proto::HoldOut& hold_out = data.hold_out();
  if (hold_out.has_fold() != hold_out.has_of()) {
    faults.add("data.hold_out", "expected both fold and of, or neither: fold: 1 of: 5");
  } else if (hold_out.fold() > hold_out.of()) {
    faults.add("data.hold_out.fold", fmt::format("expected 1 to {}, got {}", hold_out.of(), hold_out.fold()));
  }
  if (hold_out.has_fold() && hold_out.has_share()) {
    faults.add("data.hold_out.share", "expected either share, or fold and of");
  }
}

}  // namespace lockstep
