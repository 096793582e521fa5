// What `lockstep model` and `lockstep bench` look at: a built-in network or the model of a job, on images of some
// shape.
#pragma once

#include <string>
#include <vector>

#include "storage/base/status.h"
#include "trainer/loop/training_job.h"
#include "trainer/nn/network/network.h"

namespace lockstep {

struct SubjectArguments {
  std::string target;  // name of a built-in network, a model file (*.model.pbtxt), or a job file
  std::vector<std::string> overrides;
  std::string image;  // "HEIGHTxWIDTHxCHANNELS"; empty: of the job's data, or what a built-in network usually reads
  int classes = 0;    // 0: as above
};

struct Subject {
  enum class Kind { kZoo, kModelFile, kJob };
  Kind kind = Kind::kJob;
  JobDraft draft;  // where there is no job: only the model
  ImageShape image;
  int classes = 0;
};

// Errors: bad_configuration, also when a model file is given without a shape; bad_data when the job's data are needed
// and cannot be read.
StatusOr<Subject> find_subject(const SubjectArguments& arguments);

}  // namespace lockstep
