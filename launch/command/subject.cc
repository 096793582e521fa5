#include "launch/command/subject.h"

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <span>

#include "storage/base/model_file.h"
#include "trainer/loop/rows.h"
#include "trainer/loop/task.h"

namespace lockstep {
namespace {

namespace fs = std::filesystem;

Status parse_image(const std::string& text, ImageShape& image) {
  char rest = 0;
  const int fields = std::sscanf(text.c_str(), "%dx%dx%d%c", &image.height, &image.width, &image.channels, &rest);
  constexpr int kLimit = 65536;
  const bool in_range = std::min({image.height, image.width, image.channels}) > 0 &&
                        std::max({image.height, image.width, image.channels}) <= kLimit;
  if (fields == 3 && in_range) return OkStatus();
  return bad_configuration(fmt::format("--image: expected HEIGHTxWIDTHxCHANNELS, as 28x28x1, got \"{}\"", text));
}

const ZooModel* find_zoo(std::span<const ZooModel> models, std::string_view name) {
  const auto known = std::find_if(models.begin(), models.end(), [&](const ZooModel& it) { return it.name == name; });
  return known == models.end() ? nullptr : &*known;
}

Subject zoo_subject(const ZooModel& model) {
  Subject subject{.kind = Subject::Kind::kZoo, .draft = {}, .image = model.image, .classes = model.classes};
  subject.draft.file = model.name;
  subject.draft.job.mutable_model()->set_zoo(model.name);
  return subject;
}

// What a network of the zoo usually reads, where the file names one.
StatusOr<Subject> model_file_subject(const SubjectArguments& arguments, std::span<const ZooModel> zoo) {
  Subject subject{.kind = Subject::Kind::kModelFile, .draft = {}, .image = {}, .classes = 0};
  JobDraft& draft = subject.draft;
  draft.file = arguments.target;
  RETURN_IF_ERROR(read_model_file(arguments.target, "model", *draft.job.mutable_model(), draft.faults));
  set_all_by_path(arguments.overrides, draft.job, draft.faults);
  check_limits(draft.job.model(), draft.faults, "model");
  RETURN_IF_ERROR(draft.faults.status(draft.file));
  if (const ZooModel* const known = find_zoo(zoo, draft.job.model().zoo())) {
    subject.image = known->image;
    subject.classes = known->classes;
  } else if (arguments.image.empty() || arguments.classes == 0) {
    return bad_configuration(
        fmt::format("{}: a model does not say what it reads: give --image HEIGHTxWIDTHxCHANNELS and --classes K",
                    arguments.target));
  }
  return subject;
}

// Shape and classes from the job's training rows, unless the arguments give both.
StatusOr<Subject> job_subject(const SubjectArguments& arguments) {
  Subject subject;
  ASSIGN_OR_RETURN(subject.draft, read_job(arguments.target, arguments.overrides));
  RETURN_IF_ERROR(subject.draft.faults.status(subject.draft.file));
  if (!arguments.image.empty() && arguments.classes > 0) return subject;
  const proto::Data& data = subject.draft.job.data();
  const StatusOr<std::unique_ptr<Dataset>> rows = open_split(data, fs::path(data.path()), data.train());
  if (!rows.ok()) {
    return bad_data(fmt::format("{}; without the data, give the shape as --image HEIGHTxWIDTHxCHANNELS --classes K",
                                std::string(rows.status().message())));
  }
  subject.image = (*rows)->info().image;
  subject.classes = int((*rows)->info().class_names.size());
  check_task((*rows)->info(), subject.draft);
  return subject;
}

}  // namespace

StatusOr<Subject> find_subject(const SubjectArguments& arguments) {
  const std::vector<ZooModel> zoo = zoo_models();
  Subject subject;
  std::error_code error;
  if (const ZooModel* const known = find_zoo(zoo, arguments.target)) {
    subject = zoo_subject(*known);
  } else if (!fs::is_regular_file(arguments.target, error)) {
    return bad_configuration(
        fmt::format("\"{}\" is neither a file nor a built-in network ({}); expected a job, a "
                    "model (*.model.pbtxt) or one of those names",
                    arguments.target, fmt::join(zoo_names(), ", ")));
  } else if (arguments.target.ends_with(".model.pbtxt")) {
    ASSIGN_OR_RETURN(subject, model_file_subject(arguments, zoo));
  } else {
    ASSIGN_OR_RETURN(subject, job_subject(arguments));
  }
  if (!arguments.image.empty()) RETURN_IF_ERROR(parse_image(arguments.image, subject.image));
  if (arguments.classes > 0) subject.classes = arguments.classes;
  return subject;
}

}  // namespace lockstep
