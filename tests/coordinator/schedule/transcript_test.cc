// Every *.transcript beside this file is what the schedulers answer. LOCKSTEP_REWRITE=1 writes the answers of today
// into them, to be read in the difference.
#include "tests/coordinator/schedule/transcript.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>

#include <gtest/gtest.h>

#include "storage/base/file.h"

namespace lockstep {
namespace {

std::vector<std::string> transcripts() {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(LOCKSTEP_TRANSCRIPTS)) {
    if (entry.path().extension() == ".transcript") names.push_back(entry.path().stem());
  }
  std::sort(names.begin(), names.end());
  return names;
}

class TranscriptTest : public testing::TestWithParam<std::string> {};

TEST_P(TranscriptTest, AnswersAsWritten) {
  const std::filesystem::path path = std::filesystem::path(LOCKSTEP_TRANSCRIPTS) / (GetParam() + ".transcript");
  const StatusOr<std::string> written = read_file(path, 1 << 20);
  ASSERT_TRUE(written.ok()) << written.status();
  const std::string now = replay(*written);
  EXPECT_EQ(now.find("error:"), std::string::npos) << path << ":\n" << now;
  const char* const rewrite = std::getenv("LOCKSTEP_REWRITE");
  if (rewrite != nullptr && std::string_view(rewrite) == "1") {
    const std::string_view part = now;
    ASSERT_TRUE(write_file_atomically(path, {&part, 1}).ok());
  } else {
    EXPECT_EQ(now, *written) << path;
  }
}

INSTANTIATE_TEST_SUITE_P(All, TranscriptTest, testing::ValuesIn(transcripts()),
                         [](const auto& it) { return it.param; });

TEST(TranscriptPlayerTest, ReplacesWhatWasPrintedAndNothingElse) {
  EXPECT_EQ(replay("# a comment\nsweep trials=1 epochs=2\n----\nlies\n\nnext\n----\n"),
            "# a comment\nsweep trials=1 epochs=2\n----\nok\n\nnext\n----\n"
            "create trial=0 until=end: trial 1 of 1, to the end\n");
}

TEST(TranscriptPlayerTest, SaysWhatMakesNoSense) {
  EXPECT_EQ(replay("next\n----\n"), "next\n----\nerror: no sweep\n");
  EXPECT_EQ(replay("sweep trials=1 epochs=2\npause trial=0\n----\n"),
            "sweep trials=1 epochs=2\npause trial=0\n----\nok\nerror: no such trial\n");
}

}  // namespace
}  // namespace lockstep
