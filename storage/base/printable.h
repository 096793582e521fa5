// Text of others (of a file, a job, a path, a client) made fit for a terminal, a log and JSON. Every program passes
// such text through here before it prints it.
//
// What comes out is UTF-8 without characters that a terminal acts on or that hide others: bytes that are not UTF-8 come
// out as \xNN, control characters as \xNN, \n, \r or \t, and those beyond ASCII (C1, line separators, marks that turn
// the direction of writing) as \u{NNNN}.
// Threads: functions are independent.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace lockstep {

// On one line.
std::string printable(std::string_view text);
// The same but for line feeds and tabs, which stay: for messages and tables of ours with text of others in them.
std::string printable_lines(std::string_view text);
// Of JSON text, which may hold such characters inside its strings: \u009b, and \ufffd for what is not UTF-8.
std::string printable_json(std::string_view json);

// Whether printable() changes nothing.
bool is_printable(std::string_view text);

// So many characters (code points); a byte that is not UTF-8 is one.
std::size_t characters(std::string_view text);
// Columns of printable text on a terminal, as fmt counts them for its padding: 2 for ideographs and emoji.
std::size_t columns(std::string_view text);
// Its beginning, of at most so many columns.
std::string first_columns(std::string_view text, std::size_t most);

}  // namespace lockstep
