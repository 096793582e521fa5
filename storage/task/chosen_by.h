// Which rows a job chooses by: which checkpoints are best, when a rate drops or training ends, which trial wins. What
// is chosen by the test split looks better on it than it is.
#pragma once

#include <cstdint>
#include <string_view>

namespace lockstep {

class Faults;
namespace proto {
class Data;
class HoldOut;
}  // namespace proto

enum class ChosenBy { kNothing, kValidation, kHeldOut, kTest };

// Of a job whose file has such splits, or has not. An empty name is that of no split.
ChosenBy chosen_by(const proto::Data& data, bool has_validation, bool has_test);
// "validation" also of rows that are held out, "test", or empty.
std::string_view chosen_by_name(ChosenBy by);

// Rows that are held out: a share of them, or one of some equal parts.
struct HeldOut {
  std::uint64_t key = 1;
  double share = 0.1;  // above 0, below 1
  int fold = 0;        // part number `fold`, from 1, of `of` parts; 0: `share` counts
  int of = 0;
};
HeldOut held_out(const proto::HoldOut& hold_out);

// Of a job that begins and does not say it: "validation". (One of before has none, which is "".) One that calls that
// split `test` has no other test.
void name_validation(proto::Data& data);

// Adds what is wrong with validation, test and hold_out beside each other, as far as it shows without the file.
void check_splits(const proto::Data& data, Faults& faults);

// Of a sweep or anything else that chooses: what to do where only the test split is there.
inline constexpr std::string_view kHoldOutAdvice =
    "add data { hold_out { share: 0.1 } } to the job, which takes every tenth training row, or import the data with a "
    "validation split";

}  // namespace lockstep
