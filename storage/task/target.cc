#include "storage/task/target.h"

namespace lockstep {
namespace {

struct Words {
  std::string_view name, text, noun, nouns;
};

constexpr Words words(TargetKind kind) {
  switch (kind) {
    case TargetKind::kClass:
      return {"class", "one class a row", "class", "classes"};
    case TargetKind::kLabels:
      return {"labels", "several labels a row", "label", "labels"};
    case TargetKind::kNumbers:
      return {"numbers", "numbers", "number", "numbers"};
    case TargetKind::kMask:
      return {"mask", "masks", "class", "classes"};
  }
  return {};
}

}  // namespace

std::string_view target_name(TargetKind kind) {
  return words(kind).name;
}

std::string_view target_text(TargetKind kind) {
  return words(kind).text;
}

std::string_view target_noun(TargetKind kind) {
  return words(kind).noun;
}

std::string_view target_nouns(TargetKind kind) {
  return words(kind).nouns;
}

std::optional<TargetKind> target_of_name(std::string_view name) {
  for (const TargetKind kind : kTargetKinds) {
    if (target_name(kind) == name) return kind;
  }
  return std::nullopt;
}

}  // namespace lockstep
