// A model in a file of its own: where it is looked for, what is kept, and what is wrong with it.
#include "storage/base/model_file.h"

#include <filesystem>
#include <fstream>
#include <string>

#include <gmock/gmock-matchers.h>
#include <gtest/gtest.h>

#include "proto/model.pb.h"
#include "tests/storage/base/temporary_directory.h"

namespace lockstep {
namespace {

using testing::HasSubstr;

class ModelFileTest : public testing::Test {
 protected:
  void write(const std::string& text) { std::ofstream(directory_.path() / "a.model.pbtxt") << text; }

  // Of `model`, given as text, once the file took its place.
  std::string included(const std::string& model) {
    faults_ = Faults();
    parse_text_proto(model, model_, faults_);
    const Status status = include_model_file(directory_.path(), "model", model_, faults_);
    check_limits(model_, faults_, "model");
    if (!status.ok()) return std::string(status.message());
    return std::string(faults_.status("job").message());
  }

  TemporaryDirectory directory_;
  proto::Model model_;
  Faults faults_;
};

TEST_F(ModelFileTest, ItsContentTakesThePlaceOfTheName) {
  write("layer { relu {} } layer { dense {} } initialization: HE");
  EXPECT_EQ(included("file: 'a.model.pbtxt' initialization: XAVIER"), "");
  EXPECT_FALSE(model_.has_file());
  EXPECT_EQ(model_.layer_size(), 2);
  EXPECT_EQ(model_.initialization(), proto::XAVIER) << "what is said beside it stays";
  EXPECT_EQ(included("layer { relu {} }"), "") << "no file, nothing to do";
  EXPECT_EQ(model_.layer_size(), 1);
}

TEST_F(ModelFileTest, IsLookedForBesideTheJobAndThenFromTheCurrentDirectory) {
  EXPECT_THAT(included("file: 'a.model.pbtxt'"), HasSubstr("a.model.pbtxt"));
  write("zoo: 'lenet'");
  EXPECT_EQ(included("file: '" + (directory_.path() / "a.model.pbtxt").string() + "'"), "");
  EXPECT_EQ(model_.zoo(), "lenet");
}

TEST_F(ModelFileTest, FaultsHaveTheLinesOfTheFile) {
  write("layer { relu {} }\nlayer { dense { units: -1 } }\nlayer { convolution { filters: 1 } }\nno_such: 1");
  const std::string message = included("file: 'a.model.pbtxt'");
  for (const char* part : {"a.model.pbtxt:2: layer[1].dense.units: expected at least 1, got -1",
                           "a.model.pbtxt:3: layer[2].convolution.kernel: required", "a.model.pbtxt:4: no field"}) {
    EXPECT_THAT(message, HasSubstr(part));
  }
}

// Of one job a file within another, as of a sweep: each is told by its own name and the path within it.
TEST_F(ModelFileTest, FilesWithinFilesKeepTheirLines) {
  write("layer { relu {} }\nlayer { dense { units: -1 } }");
  proto::Model model;
  model.set_file("a.model.pbtxt");
  model.set_initialization(proto::XAVIER);
  Faults job, sweep;
  job.set_line("model", 7);
  job.set_line("model.initialization", 8);
  ASSERT_TRUE(include_model_file(directory_.path(), "model", model, job).ok());
  check_limits(model, job, "model");
  sweep.set_line("job", 1);
  sweep.set_line("job.batch", 2);
  sweep.include("job", "b.job.pbtxt", job);
  for (const char* const at :
       {"job.model", "job.model.layer[0].relu", "job.model.initialization", "job.batch", "job.epochs"}) {
    sweep.add(at, "is told");
  }
  const std::string file = (directory_.path() / "a.model.pbtxt").string();
  EXPECT_EQ(sweep.status("c.sweep.pbtxt").message(),
            "c.sweep.pbtxt:1: job.epochs: is told\n"
            "c.sweep.pbtxt:2: job.batch: is told\n"
            "b.job.pbtxt:7: model: is told\n"
            "b.job.pbtxt:8: model.initialization: is told\n" +
                file + ":1: layer[0].relu: is told\n" + file + ":2: layer[1].dense.units: expected at least 1, got -1");
}

TEST_F(ModelFileTest, IsNotMixedWithOtherLayers) {
  write("layer { relu {} }");
  EXPECT_THAT(included("file: 'a.model.pbtxt' layer { tanh {} }"), HasSubstr("model.file: expected either"));
}

TEST_F(ModelFileTest, NamesNoFurtherFile) {
  write("file: 'b.model.pbtxt'");
  EXPECT_THAT(included("file: 'a.model.pbtxt'"), HasSubstr("not a further file"));
}

}  // namespace
}  // namespace lockstep
