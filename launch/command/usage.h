// The arguments of a program, and what it says when they are wrong or when --help asks.
#pragma once

#include <cctype>
#include <cstdio>
#include <optional>
#include <sstream>
#include <string>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "launch/command/failure.h"
#include "storage/base/printable.h"

namespace lockstep {

// What CLI11 takes and nobody means: an empty text, as of a variable that a script has not set, and 010, which it reads
// as C does, as 8. The fault, or nothing.
inline std::optional<std::string> value_fault(const CLI::App& app) {
  for (const CLI::Option* const option : app.get_options()) {
    const bool is_integer = option->get_type_name().find("INT") != std::string::npos;
    for (const std::string& text : option->results()) {
      if (text.empty()) return fmt::format("{}: expected a value, got an empty text", option->get_name());
      if (!is_integer) continue;
      const std::size_t digits = text.find_first_not_of("+-");
      if (digits == std::string::npos || text[digits] != '0' || text.size() < digits + 2) continue;
      if (std::isdigit(static_cast<unsigned char>(text[digits + 1])) == 0) continue;
      return fmt::format("{}: expected an integer without leading zeros, got {}", option->get_name(), text);
    }
  }
  for (const CLI::App* const verb : app.get_subcommands()) {
    if (auto fault = value_fault(*verb)) return fault;
  }
  return std::nullopt;
}

// Reads the arguments. Returns the exit code when the program is to end here, 0 or 2, having printed the help or the
// fault with the argument at fault spelled out; of several ranks only one `speaks`.
inline std::optional<int> parse_arguments(CLI::App& app, int argc, char** argv, bool speaks = true) {
  std::ostringstream out, err;
  int code = 0;
  try {
    app.parse(argc, argv);
    const auto fault = value_fault(app);
    if (!fault) return std::nullopt;
    err << *fault << "\nRun with --help for more information.\n";
    code = 2;
  } catch (const CLI::ParseError& error) {
    code = app.exit(error, out, err) == 0 ? 0 : 2;
  }
  if (speaks && code != 0 && failures_are_json()) {
    std::string message = err.str();
    message.erase(message.find_last_not_of('\n') + 1);
    return report_failure(app.get_name(), bad_configuration(message));
  }
  if (speaks) {
    std::fputs(printable_lines(out.str()).c_str(), stdout);
    std::fputs(printable_lines(err.str()).c_str(), stderr);
  }
  return code;
}

}  // namespace lockstep
