#include "storage/base/text_proto.h"

#include <algorithm>
#include <map>
#include <numeric>
#include <utility>

#include <google/protobuf/message.h>

#include "proto/error.pb.h"
#include "storage/base/file.h"
#include "storage/base/printable.h"
#include "storage/base/text_proto_reader.h"

namespace lockstep {
namespace {

constexpr std::size_t kTextLimitBytes = std::size_t(1) << 20;
constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";  // of UTF-8, as editors of Windows write it

// Whether `path` is `outer` or something inside it.
bool is_within(std::string_view path, std::string_view outer) {
  if (!path.starts_with(outer)) return false;
  return outer.empty() || path.size() == outer.size() || path[outer.size()] == '.' || path[outer.size()] == '[';
}

// Damerau 1964: insertions, deletions and replacements of one character, and swaps of two neighbours.
std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);  // distances of the first i + 1 characters of a
  std::iota(row.begin(), row.end(), std::size_t(0));
  std::vector<std::size_t> last, before;  // of the first i and i - 1
  for (std::size_t i = 0; i < a.size(); ++i) {
    before = std::exchange(last, row);
    row[0] = i + 1;
    for (std::size_t j = 0; j < b.size(); ++j) {
      row[j + 1] = std::min({last[j] + (a[i] == b[j] ? 0 : 1), row[j] + 1, last[j + 1] + 1});
      const bool swapped = i > 0 && j > 0 && a[i] == b[j - 1] && a[i - 1] == b[j];
      if (swapped) row[j + 1] = std::min(row[j + 1], before[j - 1] + 1);
    }
  }
  return row.back();
}

}  // namespace

void Faults::add(std::string_view path, std::string_view message) {
  add_at(0, path, message);
}

void Faults::add_at(int line, std::string_view path, std::string_view message) {
  add_fault({std::string(path), std::string(message), {.line = line}});
}

void Faults::add_fault(Fault fault) {
  if (faults_.size() == kMost) {
    ++untold_;
  } else {
    faults_.push_back(std::move(fault));
  }
}

void Faults::include(std::string_view path, std::string_view file, const Faults& content) {
  const auto inside = [path](std::string_view inner) {
    return inner.empty() ? std::string(path) : path_of(path, inner);
  };
  const std::size_t itself = included_.size() + 1;
  const auto moved = [itself](const Place& place) {
    return place.line == kFromCommandLine ? place : Place{itself + place.file, place.line};
  };
  included_.push_back({std::string(path), std::string(file)});
  for (const Included& it : content.included_) included_.push_back({inside(it.path), it.file});
  for (const auto& [inner, place] : content.places_) places_.emplace(inside(inner), moved(place));
  for (const Fault& fault : content.faults_) {
    add_fault({inside(fault.path), fault.message, moved(content.place_of(fault))});
  }
  untold_ += content.untold_;
  complete_ = complete_ && content.complete_;
}

void Faults::place_as(std::string_view path, std::string_view source) {
  const auto found = places_.find(source);
  if (found != places_.end()) places_.insert_or_assign(std::string(path), found->second);
}

void Faults::set_line(std::string_view path, int line) {
  places_.insert_or_assign(std::string(path), Place{.line = line});
}

int Faults::line(std::string_view path) const {
  const auto found = places_.find(path);
  return found == places_.end() ? 0 : found->second.line;
}

std::string_view Faults::known(std::string_view path) const {
  while (!path.empty() && line(path) == 0) {
    const std::size_t end = path.find_last_of(".[");
    path = path.substr(0, end == std::string_view::npos ? 0 : end);
  }
  return path;
}

void Faults::forget_lines(std::string_view path) {
  std::erase_if(places_, [path](const auto& entry) { return is_within(entry.first, path); });
}

bool Faults::has_at(std::string_view path) const {
  const std::string element = fmt::format("{}[", path);
  return std::any_of(faults_.begin(), faults_.end(),
                     [&](const Fault& fault) { return fault.path == path || fault.path.starts_with(element); });
}

bool Faults::has_within(std::string_view path) const {
  const auto is_within = [&](const Fault& fault) {
    const std::string_view at = fault.path;
    return at.starts_with(path) && (at.size() == path.size() || at[path.size()] == '.' || at[path.size()] == '[');
  };
  return std::any_of(faults_.begin(), faults_.end(), is_within);
}

Faults::Place Faults::place_of(const Fault& fault) const {
  if (fault.place != Place{}) return fault.place;
  const auto found = places_.find(known(fault.path));
  return found == places_.end() ? Place{} : found->second;
}

std::string Faults::told(const Fault& fault, const Place& place, std::string_view file) const {
  std::string_view path = fault.path;
  if (place.file > 0) {
    const Included& of = included_[place.file - 1];
    file = of.file;
    path.remove_prefix(std::min(of.path.size() + 1, path.size()));
  }
  std::string text(place.line == kFromCommandLine ? "--set" : file);
  if (place.line > 0) text += fmt::format(":{}", place.line);
  text += fmt::format(": {}{}", path, path.empty() ? "" : ": ");
  return text + printable_lines(fault.message);  // with words of the text that was read
}

Status Faults::status(std::string_view file) const {
  if (faults_.empty()) return OkStatus();
  std::multimap<Place, const Fault*> found;  // faults of one line as they were found
  for (const Fault& fault : faults_) found.emplace(place_of(fault), &fault);
  std::string text;
  proto::BadRequest details;
  for (const auto& [place, fault] : found) {
    if (!text.empty()) text += '\n';
    text += told(*fault, place, file);
    proto::FieldViolation& violation = *details.add_field_violations();
    violation.set_field(printable(fault->path));
    violation.set_description(printable_lines(fault->message));
  }
  if (untold_ > 0) text += fmt::format("\n{}: and {} more", file, untold_);
  Status status = bad_configuration(text);
  status.SetPayload({kFaultsPayload.data(), kFaultsPayload.size()}, absl::Cord(details.SerializeAsString()));
  return status;
}

std::string path_of(std::string_view path, std::string_view name) {
  return fmt::format("{}{}{}", path, path.empty() ? "" : ".", name);
}

std::string path_of(std::string_view path, int index) {
  return fmt::format("{}[{}]", path, index);
}

void parse_text_proto(std::string_view text, google::protobuf::Message& message, Faults& faults) {
  message.Clear();
  if (text.starts_with("\xff\xfe") || text.starts_with("\xfe\xff")) {
    faults.add_at(1, "", "expected text in UTF-8, got UTF-16; save it again as UTF-8");
    return faults.set_incomplete();
  }
  if (text.starts_with(kByteOrderMark)) text.remove_prefix(kByteOrderMark.size());
  TextProtoReader(text, 0, faults).read_fields(message);
}

Status read_text_proto(const std::filesystem::path& path, google::protobuf::Message& message, Faults& faults) {
  const StatusOr<std::string> text = read_file(path, kTextLimitBytes);
  const bool could_not_read = absl::IsUnavailable(text.status());
  if (could_not_read) return text.status();
  if (!text.ok()) return bad_configuration(std::string(text.status().message()));
  parse_text_proto(*text, message, faults);
  return OkStatus();
}

std::string nearest(std::string_view name, const std::vector<std::string>& candidates) {
  constexpr std::size_t kShare = 3;  // one of so many letters may differ
  std::string best;
  std::size_t best_distance = name.size() + 1;
  for (const std::string& candidate : candidates) {
    const std::size_t distance = edit_distance(name, candidate);
    const bool is_near = kShare * distance <= std::max(name.size(), candidate.size());
    if (!is_near || distance >= best_distance) continue;
    best = candidate;
    best_distance = distance;
  }
  return best;
}

}  // namespace lockstep
