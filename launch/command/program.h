// What every program of Lockstep does first and last, around its own body.
#pragma once

#include <exception>
#include <string_view>

namespace lockstep {

// What the standard output of a program is: what it was asked for, or something it says by the way.
enum class Output { kResult, kByTheWay };

// Takes the arguments of main; returns the exit code.
using Body = int (*)(int argc, char** argv);

// Runs `body` and returns its exit code. `name` as "lockstep data", for messages.
//
// First: standard streams that are closed are opened, so that no file opened later gets their numbers and with them
// what is printed; reading finds nothing there, and writing is an error. A write to a closed pipe, or beyond the limit
// of a file's size, is an error of that write and no signal.
// Last: what was printed is written out. A result that could not be written is said, and is an io_error.
// An exception ends the program with its words on standard error: the exit code is 69 where memory or threads are
// lacking, 1 otherwise.
int run_program(const char* name, Output output, int argc, char** argv, Body body);

// Its parts, for a program that ends in another way (run_rank_program).
void begin_program(const char* name);
int end_program(Output output, int code);
// Prints what the exception says, with the rank if there is one; returns the exit code it ends in.
int explain(const std::exception_ptr& exception);

// Writes the text, made printable, and a line's end to standard error, as far as that can be written.
void print_error(std::string_view text);

}  // namespace lockstep
