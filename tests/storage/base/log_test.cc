#include "storage/base/log.h"

#include <fstream>
#include <regex>
#include <thread>
#include <vector>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "storage/base/file.h"
#include "tests/storage/base/child_process.h"
#include "tests/storage/base/temporary_directory.h"

namespace lockstep {
namespace {

std::vector<std::string> lines_of(const std::filesystem::path& path) {
  std::ifstream file(path);
  std::vector<std::string> lines;
  for (std::string line; std::getline(file, line);) lines.push_back(line);
  return lines;
}

// What a fresh process prints on stderr.
std::vector<std::string> printed(const TemporaryDirectory& directory, const std::function<void()>& body) {
  const std::filesystem::path path = directory / "stderr";
  const auto child = [&] {
    if (std::freopen(path.c_str(), "w", stderr) == nullptr) return 1;
    body();
    return 0;
  };
  EXPECT_EQ(run_in_child("", child), 0);
  return lines_of(path);
}

bool is_line(const std::string& line, const std::string& rest) {
  return std::regex_match(line, std::regex("[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2} " + rest));
}

void log_all() {
  log_info("info {}", 1);
  log_warning("warning {}", 2);
  log_error("error {{}}");
}

TEST(Log, WarningsAndErrorsUntilConfigured) {
  const TemporaryDirectory directory;
  const std::vector<std::string> lines = printed(directory, log_all);
  ASSERT_EQ(lines.size(), 2U);
  EXPECT_TRUE(is_line(lines[0], "W warning 2")) << lines[0];
  EXPECT_TRUE(is_line(lines[1], "E error \\{\\}")) << lines[1];
}

TEST(Log, VerboseWithRank) {
  const TemporaryDirectory directory;
  const std::vector<std::string> lines = printed(directory, [] {
    configure_log(3, true);
    log_all();
  });
  ASSERT_EQ(lines.size(), 3U);
  EXPECT_TRUE(is_line(lines[0], "I rank 3: info 1")) << lines[0];
  EXPECT_TRUE(is_line(lines[2], "E rank 3: error \\{\\}")) << lines[2];
}

TEST(Log, TheFileHasEveryLineAndIsAppendedTo) {
  const TemporaryDirectory directory;
  const auto log_into_file = [&] {
    configure_log(0, false);
    CHECK(log_to_file(directory / "log.txt").ok());
    log_all();
  };
  EXPECT_EQ(printed(directory, log_into_file).size(), 2U);
  EXPECT_EQ(printed(directory, log_into_file).size(), 2U);
  const std::vector<std::string> lines = lines_of(directory / "log.txt");
  ASSERT_EQ(lines.size(), 6U);
  EXPECT_TRUE(is_line(lines[3], "I rank 0: info 1")) << lines[3];
}

TEST(Log, FieldsStandBehindTheMessage) {
  const TemporaryDirectory directory;
  const std::vector<std::string> lines = printed(directory, [] {
    log(LogLevel::kWarning, "ended", {{"sweep", "s1"}, {"trial", std::int64_t{3}}, {"stop", true}, {"loss", 0.5}});
  });
  ASSERT_EQ(lines.size(), 1U);
  EXPECT_TRUE(is_line(lines[0], "W ended  sweep=s1 trial=3 stop=true loss=0.5")) << lines[0];
}

TEST(Log, AJsonFileHasAnObjectALine) {
  const TemporaryDirectory directory;
  const std::vector<std::string> text = printed(directory, [&] {
    CHECK(log_to_file(directory / "log.json", LogFormat::kJson).ok());
    log_info("quoted \" and\nbroken");
    log(LogLevel::kWarning, "no text: \xff",
        {{"sweep", "s1"}, {"trial", std::int64_t{3}}, {"loss", 0.5}, {"stop", false}});
  });
  EXPECT_EQ(text.size(), 1U);  // the warning, as text
  const std::vector<std::string> lines = lines_of(directory / "log.json");
  ASSERT_EQ(lines.size(), 2U);
  const nlohmann::json first = nlohmann::json::parse(lines[0]);
  EXPECT_EQ(first["message"], "quoted \" and\nbroken");
  EXPECT_EQ(first["level"], "info");
  EXPECT_TRUE(
      std::regex_match(std::string(first["time"]), std::regex("[0-9-]{10}T[0-9:]{8}\\.[0-9]{3}[+-][0-9]{2}:[0-9]{2}")))
      << lines[0];
  const nlohmann::json second = nlohmann::json::parse(lines[1]);
  EXPECT_EQ(second["level"], "warning");
  EXPECT_EQ(second["sweep"], "s1");
  EXPECT_EQ(second["trial"], 3);
  EXPECT_EQ(second["loss"], 0.5);
  EXPECT_EQ(second["stop"], false);
}

TEST(Log, AJsonFileIsKeptInPiecesAndTheOldestGo) {
  const TemporaryDirectory directory;
  constexpr std::size_t kPiece = std::size_t(16) << 20;
  const std::string padding(std::size_t(1) << 20, 'x');
  printed(directory, [&] {
    CHECK(log_to_file(directory / "log.json", LogFormat::kJson).ok());
    for (int i = 0; i < 100; ++i) log(LogLevel::kInfo, padding, {{"number", std::int64_t{i}}});
  });
  std::int64_t next = 99;
  for (const char* name : {"log.json", "log.1.json", "log.2.json", "log.3.json", "log.4.json"}) {
    EXPECT_LE(std::filesystem::file_size(directory / name), kPiece) << name;
    std::vector<std::string> lines = lines_of(directory / name);
    ASSERT_FALSE(lines.empty()) << name;
    for (auto line = lines.rbegin(); line != lines.rend(); ++line) {
      EXPECT_EQ(nlohmann::json::parse(*line)["number"], next--) << name;
    }
  }
  EXPECT_FALSE(std::filesystem::exists(directory / "log.5.json"));
  EXPECT_GT(next, 0) << "the oldest have gone";
}

TEST(Log, ATextFileStaysWhole) {
  const TemporaryDirectory directory;
  printed(directory, [&] {
    CHECK(log_to_file(directory / "log.txt").ok());
    for (int i = 0; i < 17; ++i) log_info("{}", std::string(std::size_t(1) << 20, 'x'));
  });
  EXPECT_EQ(lines_of(directory / "log.txt").size(), 17U);
}

TEST(Log, AFileThatCannotBeOpenedIsAnError) {
  const TemporaryDirectory directory;
  ASSERT_TRUE(make_directories(directory / "taken").ok());
  const Status status = log_to_file(directory / "taken");
  EXPECT_EQ(exit_code(status), 74);
  EXPECT_NE(std::string(status.message()).find("taken"), std::string::npos) << status;
}

TEST(Log, ThreadsDoNotMixTheirLines) {
  const TemporaryDirectory directory;
  const std::vector<std::string> lines = printed(directory, [] {
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; ++i) {
      threads.emplace_back([] {
        for (int j = 0; j < 100; ++j) log_warning("{}", std::string(200, 'x'));
      });
    }
    for (std::thread& thread : threads) thread.join();
  });
  ASSERT_EQ(lines.size(), 400U);
  for (const std::string& line : lines) EXPECT_TRUE(is_line(line, "W x{200}")) << line;
}

}  // namespace
}  // namespace lockstep
