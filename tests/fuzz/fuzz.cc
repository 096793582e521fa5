// Runs a target on seeds and on what becomes of them by changes that are drawn. No sanitizer is needed, though it sees
// more. An input is in a file before the target sees it: when the program ends within it, the file stays.
#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <unistd.h>

#include "storage/base/file.h"
#include "storage/base/printable.h"
#include "tests/fuzz/mutation.h"
#include "tests/fuzz/target.h"

namespace lockstep {
namespace {

constexpr std::size_t kMostBytes = 1 << 16, kMostKept = 4000;
constexpr time_t kMostSecondsOfAnInput = 30;  // of processors, for the machine may be busy
constexpr const char* kUsage = R"(Usage: fuzz_reader TARGET --seeds DIR [--seconds N] [--seed N]
       fuzz_reader TARGET --input FILE
The first changes the seeds of the target, the files of DIR/TARGET, for N seconds (2) by the seed N (1). When an input
ends the program, it is in fuzz-TARGET.input, and the second runs it again.
Targets:)";

// The file of the input that is looked at.
class LastInput {
 public:
  explicit LastInput(std::string path) : path_(std::move(path)) {
    file_ = ::open(path_.c_str(), O_CREAT | O_WRONLY | O_TRUNC | O_CLOEXEC, 0644);
    CHECK(file_ >= 0, "{} cannot be written", path_);
  }
  LastInput(const LastInput&) = delete;
  ~LastInput() {
    ::close(file_);
    ::unlink(path_.c_str());
  }
  void keep(const std::string& input) const {
    CHECK(::ftruncate(file_, 0) == 0 && ::pwrite(file_, input.data(), input.size(), 0) == ssize_t(input.size()), "{}",
          path_);
  }

 private:
  std::string path_;
  int file_;
};

// What is told without its numbers.
std::string kind_of(std::string outcome) {
  outcome.resize(std::min(outcome.find("first bytes are"), outcome.size()));
  std::ranges::replace_if(outcome, [](char c) { return c >= '0' && c <= '9'; }, '0');
  outcome.erase(std::ranges::unique(outcome, [](char a, char b) { return a == '0' && b == '0'; }).begin(),
                outcome.end());
  return outcome.substr(0, 100);
}

std::vector<std::string> read_seeds(const std::filesystem::path& folder) {
  std::vector<std::filesystem::path> files;
  std::error_code error;
  for (std::filesystem::directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
    files.push_back(it->path());
  }
  std::ranges::sort(files);
  std::vector<std::string> seeds;
  for (const auto& file : files) {
    StatusOr<std::string> bytes = read_file(file, std::size_t(1) << 24);
    CHECK(bytes.ok(), "{}", std::string(bytes.status().message()));
    seeds.push_back(*std::move(bytes));
  }
  CHECK(!seeds.empty(), "{} has no seeds", folder.native());
  return seeds;
}

class Fuzzing {
 public:
  Fuzzing(const FuzzTarget& target, std::vector<std::string> seeds, std::uint64_t key)
      : target_(target), inputs_(std::move(seeds)), seeds_(inputs_.size()), key_(key) {}

  void run(double seconds) {
    const auto begin = std::chrono::steady_clock::now();
    const auto passed = [&] { return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count(); };
    for (std::size_t i = 0; i < seeds_; ++i) look_at(std::string(inputs_[i]));
    while (passed() < seconds) look_at(drawn());
    fmt::print("{}: {} inputs in {:.1f} s, {} outcomes, {} inputs changed further; the program goes on after all\n",
               target_.name, count_, passed(), outcomes_.size(), inputs_.size());
    for (const auto& [outcome, count] : outcomes_) fmt::print("{:10} {}\n", count, printable(outcome));
  }

 private:
  std::string drawn() {
    Philox random(key_, Purpose::kSynthetic, 0, std::uint64_t(count_));
    const auto any = [&] {
      return inputs_[random.below(std::uint32_t(random.below(2) == 0 ? seeds_ : inputs_.size()))];
    };
    std::string input = mutated(any(), any(), kMostBytes, random);
    if (target_.mend != nullptr && random.below(4) != 0) input = target_.mend(std::move(input));
    return input;
  }

  void look_at(std::string input) {
    last_.keep(input);
    const itimerval limit = {{}, {kMostSecondsOfAnInput, 0}};
    ::setitimer(ITIMER_PROF, &limit, nullptr);  // its signal ends the program
    const std::string outcome = kind_of(target_.run(input));
    ++count_;
    if (outcomes_[outcome]++ == 0 && std::size_t(count_) > seeds_ && inputs_.size() < kMostKept) {
      inputs_.push_back(std::move(input));
    }
  }

  const FuzzTarget& target_;
  std::vector<std::string> inputs_;  // the seeds, and what led to something new
  std::size_t seeds_;
  std::uint64_t key_;
  std::int64_t count_ = 0;
  std::map<std::string, std::int64_t> outcomes_;
  LastInput last_{fmt::format("fuzz-{}.input", target_.name)};
};

// Memory that is asked for beyond this is not given, and the program ends. A sanitizer has a limit of its own.
void limit_memory() {
#ifndef __SANITIZE_ADDRESS__
  constexpr rlim_t kMost = rlim_t(2) << 30;
  const rlimit limit = {kMost, kMost};
  CHECK(::setrlimit(RLIMIT_AS, &limit) == 0, "no limit of memory");
#endif
}

const FuzzTarget* target_of(std::string_view name) {
  for (const auto targets : {image_targets(), import_targets()}) {
    const auto found = std::ranges::find(targets, name, &FuzzTarget::name);
    if (found != targets.end()) return &*found;
  }
  return nullptr;
}

int usage() {
  fmt::print(stderr, "{}", kUsage);
  for (const auto targets : {image_targets(), import_targets()}) {
    for (const FuzzTarget& target : targets) fmt::print(stderr, " {}", target.name);
  }
  fmt::print(stderr, "\n");
  return 2;
}

int run(int count, char** words) {
  const FuzzTarget* target = count < 2 ? nullptr : target_of(words[1]);
  std::map<std::string_view, std::string> options = {
      {"--seconds", "2"}, {"--seed", "1"}, {"--seeds", ""}, {"--input", ""}};
  for (int i = 2; i < count; i += 2) {
    const auto option = options.find(words[i]);
    if (option == options.end() || i + 1 == count) return usage();
    option->second = words[i + 1];
  }
  if (target == nullptr || options["--seeds"].empty() == options["--input"].empty()) return usage();
  limit_memory();
  if (const std::string& file = options["--input"]; !file.empty()) {
    const StatusOr<std::string> bytes = read_file(file, std::size_t(1) << 30);
    CHECK(bytes.ok(), "{}", std::string(bytes.status().message()));
    fmt::print("{}\n", target->run(*bytes));
    return 0;
  }
  const std::filesystem::path seeds(options["--seeds"]);
  Fuzzing(*target, read_seeds(seeds / target->name), std::strtoull(options["--seed"].c_str(), nullptr, 10))
      .run(std::strtod(options["--seconds"].c_str(), nullptr));
  return 0;
}

}  // namespace
}  // namespace lockstep

int main(int count, char** words) {
  return lockstep::run(count, words);
}
