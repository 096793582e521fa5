#include "launch/command/subject.h"

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <memory>

#include "trainer/loop/rows.h"

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

Subject zoo_subject(const ZooModel& model) {
  Subject subject{.draft = {}, .from_zoo = true, .image = model.image, .classes = model.classes};
  subject.draft.file = model.name;
  subject.draft.job.mutable_model()->set_zoo(model.name);
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
  return subject;
}

}  // namespace

StatusOr<Subject> find_subject(const SubjectArguments& arguments) {
  const std::vector<ZooModel> models = zoo_models();
  const auto known =
      std::find_if(models.begin(), models.end(), [&](const ZooModel& model) { return model.name == arguments.target; });
  Subject subject;
  std::error_code error;
  if (known != models.end()) {
    subject = zoo_subject(*known);
  } else if (fs::is_regular_file(arguments.target, error)) {
    ASSIGN_OR_RETURN(subject, job_subject(arguments));
  } else {
    return bad_configuration(fmt::format("\"{}\" is neither a job file nor a built-in network ({})", arguments.target,
                                         fmt::join(zoo_names(), ", ")));
  }
  if (!arguments.image.empty()) RETURN_IF_ERROR(parse_image(arguments.image, subject.image));
  if (arguments.classes > 0) subject.classes = arguments.classes;
  return subject;
}

}  // namespace lockstep
