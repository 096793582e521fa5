#include "launch/command/program.h"

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <iostream>
#include <new>
#include <string>
#include <system_error>

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include "launch/command/failure.h"
#include "storage/base/exit_code.h"
#include "storage/base/printable.h"
#include "storage/base/status.h"

namespace lockstep {
namespace {

const char* program_name = "lockstep";

void open_standard_streams() {
  // Opened the other way round, so that to use the stream is the error that it was.
  constexpr int kModes[] = {O_WRONLY, O_RDONLY, O_RDONLY};
  for (int stream = STDIN_FILENO; stream <= STDERR_FILENO; ++stream) {
    // The lowest free number is the stream's own.
    if (fcntl(stream, F_GETFD) < 0 && open("/dev/null", kModes[stream]) != stream) _exit(kExitIoError);
  }
}

int cannot_write(int error) {
  return report_failure(program_name,
                        io_error(fmt::format("cannot write to standard output: {}", std::strerror(error))));
}

bool is_lacking(const std::system_error& error) {
  return error.code().value() == EAGAIN || error.code().value() == ENOMEM;
}

std::string who() {
  const int rank = rank_for_messages();
  return rank < 0 ? program_name : fmt::format("{}: rank {}", program_name, rank);
}

}  // namespace

void print_error(std::string_view text) {
  std::fprintf(stderr, "%s\n", printable_lines(text).c_str());
}

int explain(const std::exception_ptr& exception) {
  const int broken = errno;
  if (std::ferror(stdout) != 0) return cannot_write(broken);
  try {
    std::rethrow_exception(exception);
  } catch (const std::bad_alloc& error) {
    const bool bare = std::string_view(error.what()) == std::bad_alloc().what();
    return report_failure(
        who(), machine_cannot(fmt::format("{}; free some memory, raise its limit (ulimit -v), or ask for less",
                                          bare ? "out of memory" : error.what())));
  } catch (const std::system_error& error) {
    const bool lacking = is_lacking(error);
    if (!lacking) return report_failure(who(), absl::InternalError(error.what()));
    return report_failure(
        who(), machine_cannot(fmt::format("{}; raise the limit of processes (ulimit -u) or of memory", error.what())));
  } catch (const std::exception& error) {
    return report_failure(who(), absl::InternalError(error.what()));
  } catch (...) {
    return report_failure(who(), absl::InternalError("an exception of a kind that is not known"));
  }
}

void begin_program(const char* name) {
  program_name = name;
  open_standard_streams();
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGXFSZ, SIG_IGN);
}

int end_program(Output output, int code) {
  std::cout.flush();
  const bool written = std::fflush(stdout) == 0 && std::ferror(stdout) == 0 && std::cout.good();
  if (written || output == Output::kByTheWay) return code;
  const int failed = cannot_write(errno);
  return code == 0 ? failed : code;
}

int run_program(const char* name, Output output, int argc, char** argv, Body body) {
  begin_program(name);
  set_failure_format(argc, argv);
  try {
    return end_program(output, body(argc, argv));
  } catch (...) {
    return explain(std::current_exception());
  }
}

}  // namespace lockstep
