#include "launch/command/sheet_rows.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include <fmt/format.h>

#include "storage/dataset/class_map.h"
#include "storage/dataset/hdf5_dataset.h"
#include "storage/dataset/mean_image.h"
#include "storage/dataset/part_rows.h"
#include "storage/dataset/pixel_sample.h"
#include "trainer/loop/rows.h"
#include "trainer/loop/setup.h"

namespace lockstep {
namespace {

bool parse_row_name(std::string_view text, RowName& name) {
  const std::size_t slash = text.rfind('/');
  if (slash == std::string_view::npos || slash == 0) return false;
  name.split = text.substr(0, slash);
  const std::string_view digits = text.substr(slash + 1);
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), name.row);
  return error == std::errc() && end == digits.data() + digits.size() && name.row >= 0;
}

// What a row is to be, in words; its target as the file has it.
std::string label_of(const DatasetInfo& info, std::span<const float> target) {
  if (info.target == TargetKind::kClass) return info.class_names[std::size_t(target[0])];
  std::vector<std::string> words;
  if (info.target == TargetKind::kMask) {
    std::vector<bool> there(info.class_names.size());
    for (const float value : target) {
      if (value != kIgnored) there[std::size_t(value)] = true;
    }
    for (std::size_t i = 0; i < there.size(); ++i) {
      if (there[i]) words.push_back(info.class_names[i]);
    }
    return words.empty() ? "(all ignored)" : fmt::format("{}", fmt::join(words, ", "));
  }
  for (std::size_t i = 0; i < target.size(); ++i) {
    if (info.target == TargetKind::kLabels) {
      if (target[i] != 0) words.push_back(info.class_names[i]);
      continue;
    }
    const bool has_unit = !info.units.empty() && !info.units[i].empty();
    words.push_back(fmt::format("{} {:.4g}{}{}", info.class_names[i], target[i], has_unit ? " " : "",
                                has_unit ? info.units[i] : ""));
  }
  return words.empty() ? "(no label)" : fmt::format("{}", fmt::join(words, ", "));
}

}  // namespace

StatusOr<std::vector<RowName>> parse_row_names(const std::string& text) {
  std::vector<RowName> names;
  std::vector<std::string> faults;
  for (std::size_t begin = 0; begin <= text.size();) {
    const std::size_t end = std::min(text.find(',', begin), text.size());
    const std::string one = text.substr(begin, end - begin);
    begin = end + 1;
    if (RowName name; parse_row_name(one, name)) {
      names.push_back(std::move(name));
    } else {
      faults.push_back(fmt::format("--rows \"{}\": expected the split and the number of a row, as train/12", one));
    }
  }
  if (!faults.empty()) return bad_configuration(fmt::format("{}", fmt::join(faults, "\n")));
  return names;
}

SheetRows::SheetRows(proto::Job job, ImageTransform transform, std::unique_ptr<Dataset> train) : job_(std::move(job)) {
  splits_.push_back({job_.data().train(), std::move(train), std::move(transform)});
}

StatusOr<SheetRows> SheetRows::open(const std::string& job, const std::vector<std::string>& overrides) {
  ASSIGN_OR_RETURN(JobDraft draft, read_job(job, overrides));
  RETURN_IF_ERROR(draft.faults.status(draft.file));
  const proto::Data& data = draft.job.data();
  StatusOr<std::unique_ptr<Dataset>> train = open_split(data, data.path(), data.train());
  if (absl::IsNotFound(train.status())) return bad_data(std::string(train.status().message()));
  RETURN_IF_ERROR(train.status());
  check_job((*train)->info(), 1, draft);
  RETURN_IF_ERROR(draft.faults.status(draft.file));
  ImageTransform transform = training_transform((*train)->info(), draft.job);
  SheetRows rows(std::move(draft.job), std::move(transform), *std::move(train));
  if (rows.job_.data().has_hold_out()) {
    ASSIGN_OR_RETURN(Parted parted, part_rows(*rows.splits_.front().rows, held_out(rows.job_.data().hold_out())));
    rows.trained_ = std::move(parted.training);
  }
  if (rows.info().pixel_type != PixelType::kUint8) {
    ASSIGN_OR_RETURN(const PixelSample sample, sample_pixels(*rows.splits_.front().rows));
    rows.smallest_ = sample.smallest;
    rows.largest_ = sample.largest;
  }
  return rows;
}

std::vector<RowName> SheetRows::first_rows(int count) const {
  const auto trained = std::int64_t(trained_.empty() ? std::size_t(info().rows) : trained_.size());
  RowOrder order = row_order(job_, trained, nullptr);
  std::vector<std::int64_t> rows(std::size_t(job_.batch() / job_.slices()));
  std::vector<RowName> names;
  for (std::int64_t step = 0; step < order.steps_per_epoch(); ++step) {
    for (int slice = 0; slice < job_.slices(); ++slice) {
      order.rows(step, slice, rows);
      for (const std::int64_t row : rows) {
        if (std::int64_t(names.size()) == std::min<std::int64_t>(count, trained)) return names;
        names.push_back({job_.data().train(), trained_.empty() ? row : trained_[std::size_t(row)]});
      }
    }
  }
  return names;
}

SheetRows::Split* SheetRows::find(const std::string& name) {
  const auto found = std::ranges::find(splits_, name, &Split::name);
  return found == splits_.end() ? nullptr : &*found;
}

// As evaluation gets it: normalized as the training rows are, with their classes.
Status SheetRows::open_split_too(const std::string& name) {
  const proto::Data& data = job_.data();
  StatusOr<std::unique_ptr<Dataset>> rows = open_split(data, data.path(), name);
  if (absl::IsNotFound(rows.status())) {
    ASSIGN_OR_RETURN(const std::vector<std::string> names, list_splits(data.path()));
    return bad_configuration(
        fmt::format("--rows: {} has no split \"{}\": expected one of {}", data.path(), name, fmt::join(names, ", ")));
  }
  RETURN_IF_ERROR(rows.status());
  const DatasetInfo& found = (*rows)->info();
  if (found.image != info().image || found.pixel_type != info().pixel_type || found.target != info().target) {
    return bad_data(fmt::format("{}: {} has images of another shape or type, or other labels, than {}", data.path(),
                                name, data.train()));
  }
  const auto map = map_classes(found, info().class_names, fmt::format("group {}", data.train()));
  RETURN_IF_ERROR(with_context(map.status(), fmt::format("{}: {}", data.path(), name)));
  ImageTransform transform(info().image, info().pixel_type, info().mean, info().deviation);
  transform.take_targets(info().whole_target());
  transform.take_centre(centre_share(data), info().is_encoded);
  splits_.push_back({name, with_classes(*std::move(rows), *map, info().class_names), std::move(transform)});
  return OkStatus();
}

Status SheetRows::look_up(const std::vector<RowName>& names) {
  std::vector<std::string> faults;
  for (const RowName& name : names) {
    if (find(name.split) == nullptr) RETURN_IF_ERROR(open_split_too(name.split));
    const std::int64_t rows = find(name.split)->rows->info().rows;
    if (name.row < rows) continue;
    faults.push_back(fmt::format("--rows {}/{}: expected a row of 0 to {}", name.split, name.row, rows - 1));
  }
  if (!faults.empty()) return bad_configuration(fmt::format("{}", fmt::join(faults, "\n")));
  return OkStatus();
}

Status SheetRows::read(const RowName& name) {
  Dataset& rows = *find(name.split)->rows;
  stored_.resize(find(name.split)->transform.stored_bytes());
  target_.resize(rows.info().target_values());
  RETURN_IF_ERROR(rows.read({&name.row, 1}, stored_));
  return rows.read_targets({&name.row, 1}, target_);
}

StatusOr<ShownRow> SheetRows::shown(const RowName& name) {
  RETURN_IF_ERROR(read(name));
  Dataset& rows = *find(name.split)->rows;
  ASSIGN_OR_RETURN(std::string source, rows.source(name.row));
  return ShownRow{name.split, name.row, label_of(rows.info(), target_), std::move(source)};
}

StatusOr<RowView> SheetRows::stored(const RowName& name) {
  RETURN_IF_ERROR(read(name));
  RowView view;
  view.values.resize(info().image.elements());
  to_values(info().pixel_type, stored_, view.values);
  if (info().target == TargetKind::kMask) view.mask = target_;
  return view;
}

StatusOr<RowView> SheetRows::transformed(const RowName& name, std::int64_t epoch) {
  RETURN_IF_ERROR(read(name));
  ImageTransform& transform = find(name.split)->transform;
  Dataset& rows = *find(name.split)->rows;
  if (rows.info().is_encoded) {
    const Window window = transform.picture_window(epoch, name.row, rows.picture(name.row));
    RETURN_IF_ERROR(rows.read_window(name.row, window, stored_));
  }
  std::vector<float> given(info().image.elements());
  transform.apply(epoch, name.row, stored_, given);
  RowView view;
  view.values.resize(given.size());
  const std::size_t plane = info().image.pixels(), channels = std::size_t(info().image.channels);
  for (std::size_t c = 0; c < channels; ++c) {
    for (std::size_t i = 0; i < plane; ++i) {
      view.values[i * channels + c] = given[c * plane + i] * info().deviation[c] + info().mean[c];
    }
  }
  if (info().target == TargetKind::kMask) {
    view.mask.resize(target_.size());
    transform.apply_to_target(epoch, name.row, target_, view.mask);
  }
  return view;
}

}  // namespace lockstep
