// Wrong models are told with every fault: at the line of the model's own file, at that of the job that it stands in, or
// at the assignment. All go the way of a training: read_job, then set_up_on.
#include <algorithm>
#include <fstream>
#include <memory>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock-matchers.h>
#include <gtest/gtest.h>

#include "storage/dataset/synthetic.h"
#include "tests/storage/base/temporary_directory.h"
#include "tests/trainer/loop/wrong_models.h"
#include "trainer/comm/communicator.h"
#include "trainer/loop/setup.h"

namespace lockstep {
namespace {

using testing::HasSubstr;

std::vector<WrongModel> all() {
  std::vector<WrongModel> models = models_with_wrong_layers();
  const std::vector<WrongModel>& graphs = models_with_wrong_graphs();
  models.insert(models.end(), graphs.begin(), graphs.end());
  return models;
}

std::string with_head(const WrongModel& row, const std::string& text) {
  return row.is_whole ? text : text + "\nlayer { dense { units: 3 } }";
}

class ModelFaultsTest : public testing::Test {
 protected:
  static constexpr const char* kModelFile = "x.model.pbtxt";

  std::string path(const char* name) const { return (folder_ / name).string(); }
  void write(const char* name, const std::string& text) const { std::ofstream(folder_ / name) << text; }
  // With `model` behind line 1.
  void write_job(const std::string& more, const std::string& model) const {
    write("job.pbtxt", "data { path: 'none' } batch: 4 epochs: 1 " + more + "\n" + model);
  }

  // What a training of the job says of it, on images of 4 x 6 x 6 and three classes; "": nothing.
  std::string message(const std::vector<std::string>& overrides = {}) const {
    StatusOr<JobDraft> draft = read_job(folder_ / "job.pbtxt", overrides);
    if (!draft.ok()) return std::string(draft.status().message());
    const std::unique_ptr<Communicator> alone = make_solo_communicator();
    const auto setup =
        set_up_on(*alone, *std::move(draft),
                  make_synthetic_dataset({.rows = 8, .image = {.channels = 4, .height = 6, .width = 6}, .classes = 3}));
    return setup.ok() ? "" : std::string(setup.status().message());
  }

  // The same line by line, in order of their letters.
  std::vector<std::string> lines(const std::vector<std::string>& overrides = {}) const {
    std::vector<std::string> result;
    std::istringstream text(message(overrides));
    for (std::string line; std::getline(text, line);) result.push_back(line);
    std::sort(result.begin(), result.end());
    return result;
  }

  std::vector<std::string> of_the_file(const WrongModel& row) const {
    write(kModelFile, with_head(row, row.faulty));
    write_job(row.job, "model { file: 'x.model.pbtxt' }");
    return lines();
  }

  // What is expected, where `place(line)` is in front of the faults of the model, and `prefix` of their paths.
  template <typename Place>
  std::vector<std::string> expected(const WrongModel& row, const std::string& prefix, const Place& place) const {
    std::vector<std::string> result;
    for (const WrongModel::Fault& fault : row.faults) {
      const bool of_job = fault.line == 0;
      std::string at = of_job ? fault.path : path_of(prefix, fault.path);
      if (at.ends_with('.')) at.pop_back();
      result.push_back(fmt::format("{}: {}{}{}", of_job ? path("job.pbtxt") + ":1" : place(fault.line), at,
                                   at.empty() ? "" : ": ", fault.message));
    }
    std::sort(result.begin(), result.end());
    return result;
  }

 private:
  TemporaryDirectory folder_;
};

TEST_F(ModelFaultsTest, EachIsToldAtItsLineOfTheModelFile) {
  for (const WrongModel& row : all()) {
    SCOPED_TRACE(row.name);
    const auto place = [&](int line) { return fmt::format("{}:{}", path(kModelFile), line); };
    EXPECT_EQ(of_the_file(row), expected(row, "", place));
    if (row.mended.empty()) continue;
    write(kModelFile, with_head(row, row.mended));
    EXPECT_EQ(message(), "");
  }
}

TEST_F(ModelFaultsTest, EachIsToldAtItsLineOfTheJob) {
  for (const WrongModel& row : all()) {
    SCOPED_TRACE(row.name);
    write_job(row.job, "model {\n" + with_head(row, row.faulty) + "\n}");
    const auto place = [&](int line) { return fmt::format("{}:{}", path("job.pbtxt"), line + 2); };
    EXPECT_EQ(lines(), expected(row, "model", place));
  }
}

TEST_F(ModelFaultsTest, EachIsToldAtTheAssignment) {
  for (const WrongModel& row : all()) {
    SCOPED_TRACE(row.name);
    write_job(row.job, "model {\n\n layer { dense {} } }");
    const auto place = [](int) { return std::string("--set"); };
    EXPECT_EQ(lines({"model={" + with_head(row, row.faulty) + "}"}), expected(row, "model", place));
  }
}

TEST_F(ModelFaultsTest, AnAssignmentToALayerOfAFileIsToldAsSuch) {
  write(kModelFile, "layer { name: 'a' convolution { filters: 4 kernel: 3 } }\nlayer { input: 'b' dense {} }");
  write_job("slices: 2", "model { file: 'x.model.pbtxt' }");
  const std::string place = path(kModelFile);
  EXPECT_EQ(message({"model.layer[0].convolution.kernel=7"}),
            "--set: model.layer[0].convolution.kernel: the image is too small: expected at least 7 x 7 pixels, got 6 x "
            "6; use a smaller kernel, padding: SAME, or less pooling before it\n" +
                place + ":2: layer[1].input[0]: expected the name of an earlier layer or \"image\", got \"b\"");
  EXPECT_EQ(message({"model.layer[1].input[0]='a'"}), "");
}

TEST_F(ModelFaultsTest, WhatAnAssignmentReplacesHasNoLinesAnyMore) {
  write_job("slices: 2", "model {\n layer { relu {} }\n layer { dense {} } }");
  EXPECT_THAT(message({"model.zoo=vgg16"}), HasSubstr("--set: model.layer["));
  write(kModelFile, "\n\n\nlayer { dense { units: 4 } }");
  EXPECT_THAT(message({"model.file=x.model.pbtxt"}), HasSubstr(path(kModelFile) + ":4: layer[0]: "));
  EXPECT_THAT(message({"model={file: 'x.model.pbtxt'}"}), HasSubstr(path(kModelFile) + ":4: layer[0]: "));
  EXPECT_EQ(message({"model.file=y.model.pbtxt"}),
            "--set: model.file: expected a file beside the one that names it or below the current directory, and "
            "\"y.model.pbtxt\" is not there");
}

// Doubled often enough, the channels would be more than an integer holds.
TEST_F(ModelFaultsTest, ChannelsDoNotWrap) {
  std::string text = "layer { name: 'x0' convolution { filters: 1 kernel: 1 } }";
  constexpr int kDoublings = 63;
  for (int i = 0; i < kDoublings; ++i) {
    text += fmt::format("\nlayer {{ name: 'x{}' input: ['x{}', 'x{}'] concatenate {{}} }}", i + 1, i, i);
  }
  write(kModelFile, text + "\nlayer { global_pooling {} }\nlayer { dense {} }");
  write_job("slices: 2", "model { file: 'x.model.pbtxt' }");
  const std::vector<std::string> told = lines();
  ASSERT_FALSE(told.empty());
  // 2 rows of 2^25 channels of 36 pixels are the first that pass 2^31.
  EXPECT_EQ(told[0], path(kModelFile) +
                         ":26: layer[25].concatenate: the outputs of a slice are too many: expected at most 2147483647 "
                         "values, got 2.42e+09");
  for (const std::string& line : told) EXPECT_THAT(line, HasSubstr("are too many"));
}

TEST_F(ModelFaultsTest, FilesThatAreNoModel) {
  const struct {
    std::string text;
    std::string says;
  } files[] = {
      {"", ": expected a zoo name or layers, got neither"},
      {"initialization: HE", ": expected a zoo name or layers, got neither"},
      {"layer { relu {}\n\n", ":3: layer[0]: expected a field name or \"}\", got the end of the text"},
      {"layer { dense {} } }", ":1: expected a field name, got \"}\""},
      {"\n\xff\xfe"
       "l",
       ":2: Interpreting non ascii codepoint 255"},
      {"\xff\xfe"
       "l",
       ":1: expected text in UTF-8, got UTF-16; save it again as UTF-8"},
      {"layer { dense {} }\nfile: 'y.model.pbtxt'",
       ":2: file: expected layers or a name of the zoo, not a further file"},
      {"zoo: 'lenet'\nlayer { dense {} }", ":2: layer: expected either zoo or layers, got both; take one away"},
  };
  write_job("slices: 2", "model { file: 'x.model.pbtxt' }");
  for (const auto& [text, says] : files) {
    write(kModelFile, text);
    EXPECT_THAT(message(), testing::StartsWith(path(kModelFile) + says)) << text;
  }
  write(kModelFile,
        "\xef\xbb\xbf"
        "layer { dense {} }\r\n");
  EXPECT_EQ(message(), "") << "a byte order mark, and the ends of lines of Windows";
}

TEST_F(ModelFaultsTest, FilesThatAreNotThere) {
  const std::string expected =
      "job.pbtxt:2: model.file: expected a file beside the one that names it or below the current directory, and ";
  write_job("slices: 2", "model { file: 'y.model.pbtxt' }");
  EXPECT_THAT(message(), HasSubstr(expected + "\"y.model.pbtxt\" is not there"));
  write_job("slices: 2", "model { file: '.' }");
  EXPECT_THAT(message(), HasSubstr(expected + "\".\" is there, but no file"));
  write(kModelFile, "layer { dense {} }");
  for (const char* const more : {"zoo: 'lenet'", "layer { relu {} }"}) {
    write_job("slices: 2", std::string("model {\n ") + more + " file: 'x.model.pbtxt' }");
    EXPECT_THAT(message(),
                HasSubstr("job.pbtxt:3: model.file: expected either a file or what is in a model, got both"));
  }
}

TEST_F(ModelFaultsTest, FaultsOfTheJobAndOfItsFileAreToldAtOnce) {
  write(kModelFile, "layer { dense { units: 0 } }\nlayer { reluu {} }");
  write_job("slices: 0", "model { file: 'x.model.pbtxt' }");
  EXPECT_EQ(message(), path("job.pbtxt") + ":1: slices: expected at least 1, got 0\n" + path(kModelFile) +
                           ":1: layer[0].dense.units: expected at least 1, got 0\n" + path(kModelFile) +
                           ":2: layer[1]: no field \"reluu\" in Layer; nearest: \"relu\"");
}

}  // namespace
}  // namespace lockstep
