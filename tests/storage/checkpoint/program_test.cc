// The program lockstep-checkpoint: what it prints and its exit codes.
#include <cstdio>
#include <fstream>

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "storage/checkpoint/directory.h"
#include "tests/storage/base/temporary_directory.h"
#include "tests/storage/checkpoint/sample.h"

namespace lockstep {
namespace {

namespace fs = std::filesystem;

struct Outcome {
  int exit = -1;
  std::string text;  // stdout and stderr
};

class Program : public testing::Test {
 protected:
  Outcome run(const std::string& arguments) {
    const std::string command = fmt::format("cd '{}' && '{}' {} 2>&1", path().native(), CHECKPOINT_PROGRAM, arguments);
    FILE* const pipe = popen(command.c_str(), "r");
    CHECK(pipe != nullptr);
    Outcome outcome;
    char buffer[4096];
    for (std::size_t count; (count = fread(buffer, 1, sizeof(buffer), pipe)) > 0;) outcome.text.append(buffer, count);
    const int status = pclose(pipe);
    outcome.exit = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    return outcome;
  }

  void expect(const std::string& arguments, int exit, const std::vector<std::string>& texts) {
    const Outcome outcome = run(arguments);
    EXPECT_EQ(outcome.exit, exit) << arguments << "\n" << outcome.text;
    for (const std::string& text : texts) {
      EXPECT_NE(outcome.text.find(text), std::string::npos) << arguments << ": " << text << "\n" << outcome.text;
    }
  }

  void write(const std::string& directory, const Checkpoint& checkpoint) {
    const fs::path target = path() / directory;
    fs::create_directories(target);
    const Status status = write_checkpoint(checkpoint_path(target, checkpoint.step), checkpoint);
    ASSERT_TRUE(status.ok()) << status;
  }

  const fs::path& path() const { return directory_.path(); }

 private:
  TemporaryDirectory directory_;
};

TEST_F(Program, Usage) {
  expect("--help", 0, {"Usage: lockstep checkpoint", "Examples:", "verify", "Exit codes"});
  expect("diff --help", 0, {"lockstep checkpoint diff", "--json"});
  expect("", 2, {"subcommand"});
  expect("shwo x", 2, {});
  expect("show", 2, {"CHECKPOINT"});
  expect("diff a", 2, {"B"});
  expect("ls . --jsn", 2, {"--jsn"});
}

TEST_F(Program, Missing) {
  for (const char* verb : {"ls", "show", "verify"}) expect(std::string(verb) + " absent", 3, {"absent"});
  expect("diff absent absent", 3, {"absent"});
  for (const char* verb : {"ls", "show", "verify"}) expect(std::string(verb) + " .", 3, {"checkpoint in \"."});
}

// Nothing of it is read but its first bytes: a file of a terabyte, and what is no file.
TEST_F(Program, WhatIsNoCheckpoint) {
  std::ofstream(path() / "large.h5") << "no checkpoint";
  std::ofstream(path() / "longer.h5") << encode_checkpoint(sample_checkpoint(1)).value();
  for (const char* name : {"large.h5", "longer.h5"}) fs::resize_file(path() / name, std::uintmax_t(1) << 40);
  ASSERT_EQ(mkfifo((path() / "pipe").c_str(), 0600), 0);
  const std::pair<const char*, const char*> cases[] = {{"large.h5", "not a checkpoint"},
                                                       {"longer.h5", "got 1099511627264; the file is torn"},
                                                       {"pipe", "expected a file, got a pipe"},
                                                       {"/dev/zero", "expected a file, got a device"}};
  for (const auto& [name, why] : cases) {
    for (const char* verb : {"show", "verify"}) expect(fmt::format("{} {}", verb, name), 3, {name, why});
    expect(fmt::format("diff {} {}", name, name), 3, {name, why});
  }
}

TEST_F(Program, ListShowVerify) {
  write("run/checkpoints", sample_checkpoint(100));
  write("run/checkpoints", sample_checkpoint(200));
  const std::string digest = *checkpoint_digest(*encode_checkpoint(sample_checkpoint(200)));
  for (const char* place : {"run", "run/checkpoints"}) {
    expect(fmt::format("ls {}", place), 0, {"step-000000100.h5", "step-000000200.h5", "0.8750", digest.substr(0, 12)});
    expect(fmt::format("verify {}", place), 0, {"step-000000100.h5: ok", "step-000000200.h5: ok"});
    expect(fmt::format("show {}", place), 0,
           {"step 200, epoch 2, accuracy 0.8750", digest, "fedcba9876543210", "cpu: a processor", "3 classes: T-shirt",
            "parameters/convolution_1/weights", "3 x 2 x 5 x 5", "37.25", "74.5", "7 tensors, 177 parameters"});
  }
  expect("ls run --json", 0, {"\"ok\": true", "\"step\": 200", fmt::format("\"digest\": \"{}\"", digest)});
  expect("show run/checkpoints/step-000000100.h5 --json", 0,
         {"\"step\": 100", "\"dataset_fingerprint\": \"fedcba9876543210\"", "\"mean\": 37.25", "Trouser"});
  EXPECT_EQ(run("show run --job").text, sample_checkpoint(200).job);
}

TEST_F(Program, BadOnesAreNamedAndSkipped) {
  write("run", sample_checkpoint(100));
  write("run", sample_checkpoint(200));
  fs::resize_file(path() / "run/step-000000200.h5", 2000);
  expect("verify run", 3, {"step-000000100.h5: ok", "step-000000200.h5: bad: length", "1 of 2 checkpoints bad"});
  expect("verify run/step-000000200.h5", 3, {"bad: length"});
  expect("show run/step-000000200.h5", 3, {"step-000000200.h5: length"});
  expect("show run", 0, {"skipped run/step-000000200.h5: length", "step 100"});
  expect("ls run", 0, {"step-000000100.h5", "bad", "length"});
  expect("ls run --json", 0, {"\"ok\": false"});
  expect("diff run run/step-000000100.h5", 0, {"skipped", "identical"});
}

TEST_F(Program, Diff) {
  Checkpoint other = sample_checkpoint(100);
  write("a", sample_checkpoint(100));
  write("b/checkpoints", other);
  expect("diff a b", 0, {"identical"});
  expect("diff a b --json", 0, {"\"identical\": true"});

  other.job += "seed: 2\n";
  write("b/checkpoints", other);
  expect("diff a b", 0, {"identical", "job only in b: seed: 2"});

  other.tensors[0].values[7] += 0.5f;
  other.tensors[1].shape = {1, 3};
  other.tensors.pop_back();
  write("b/checkpoints", other);
  expect("diff a b", 1,
         {"different", "parameters/convolution_1/weights", "[0, 0, 1, 2]", "150", "3 in a, 1 x 3 in b", "only in a",
          "job only in b: seed: 2"});
  expect("diff b a --json", 1, {"\"identical\": false", "\"max_absolute\": 0.5", "\"shape_a\": []"});
}

}  // namespace
}  // namespace lockstep
