#include "storage/import/hdf5_targets.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace lockstep {
namespace {

// -1: of no class.
float class_of(double value, const LabelPlan& plan) {
  if (plan.values.empty()) return value >= 0 && value < double(plan.target.names.size()) ? float(value) : -1.0F;
  const auto found = std::ranges::lower_bound(plan.values, value);
  return found == plan.values.end() || *found != value ? -1.0F : float(found - plan.values.begin());
}

void put_classes(std::span<const double> row, const LabelPlan& plan, std::span<float> to, std::string& why) {
  double last = std::numeric_limits<double>::quiet_NaN();
  float last_class = -1;
  for (std::size_t i = 0; i < row.size(); ++i) {
    if (plan.ignored == row[i]) {
      to[i] = kIgnored;
      continue;
    }
    if (row[i] != last) {
      last = row[i];
      last_class = class_of(last, plan);
    }
    to[i] = last_class;
    if (last_class < 0) why = fmt::format("has the label {}: expected a class", row[i]);
  }
}

void put_one_hot(std::span<const double> row, std::span<float> to, std::string& why) {
  double ones = 0;
  for (std::size_t i = 0; i < row.size(); ++i) {
    ones += row[i];
    if (row[i] == 1) to[0] = float(i);
  }
  if (ones != 1) why = fmt::format("has {} of its labels: expected exactly one 1", ones);
}

void put_row(std::span<const double> row, const LabelPlan& plan, std::span<float> to, std::string& why) {
  if (plan.stored == StoredLabels::kOneHot) return put_one_hot(row, to, why);
  if (plan.stored != StoredLabels::kRow) return put_classes(row, plan, to, why);
  for (std::size_t i = 0; i < row.size(); ++i) {
    to[i] = float(row[i]);
    if (!std::isfinite(to[i])) why = fmt::format("has the label {}: expected finite numbers", row[i]);
  }
}

void put_texts(std::span<const float> classes, std::span<float> to, std::span<std::string> why) {
  std::ranges::copy(classes, to.begin());
  for (std::size_t i = 0; i < classes.size(); ++i) {
    if (classes[i] < 0) why[i] = "has an empty label: expected the name of a class";
  }
}

}  // namespace

Status read_labels(const Hdf5Array& array, std::size_t number, const LabelPlan& plan, std::int64_t first,
                   std::int64_t count, std::span<float> to, std::span<std::string> why) {
  if (plan.stored == StoredLabels::kText) {
    put_texts(std::span(plan.texts[number]).subspan(std::size_t(first), std::size_t(count)), to, why);
    return OkStatus();
  }
  constexpr std::size_t kPieceValues = std::size_t(1) << 20;
  const std::size_t columns = array.row_values(), values = to.size() / std::size_t(count);
  const auto most = std::int64_t(std::max<std::size_t>(1, kPieceValues / columns));
  std::vector<double> block;
  for (std::int64_t done = 0; done < count; done += most) {
    const std::int64_t rows = std::min(most, count - done);
    block.resize(std::size_t(rows) * columns);
    RETURN_IF_ERROR(read_values(array, first + done, rows, block.data()));
    for (std::size_t i = 0; i < std::size_t(rows); ++i) {
      const std::size_t row = std::size_t(done) + i;
      put_row(std::span<const double>(block).subspan(i * columns, columns), plan, to.subspan(row * values, values),
              why[row]);
    }
  }
  return OkStatus();
}

}  // namespace lockstep
