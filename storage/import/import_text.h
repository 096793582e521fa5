// Makes a dataset file of texts, as characters (Zhang, Zhao and LeCun 2015, "Character-level convolutional networks for
// text classification", arXiv:1509.01626): a text is an image of one line, a pixel a character, with one channel for
// each character of the alphabet, full where it is that one. Convolutions of kernel [1, k] read it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "storage/base/status.h"
#include "storage/import/draw.h"
#include "storage/import/found_rows.h"

namespace lockstep {

// That of the paper: letters, digits, punctuation, the end of a line.
std::string default_alphabet();

struct TextImport {
  // Tables of a label and text, either `all`, of which the shares are drawn, or `train` and, unless empty, the others.
  std::filesystem::path all;
  std::filesystem::path train, validation, test;
  char delimiter = 0;                         // 0: recognised
  std::string label;                          // column
  std::vector<std::string> texts;             // columns, put together with the end of a line between
  int length = 1014;                          // characters of a row: the first ones; shorter texts end in nothing
  std::string alphabet = default_alphabet();  // ASCII, each once; capital letters are read as small where it has none
  SplitShares shares;
  std::uint64_t key = 0;  // of splits and order
  ImportOptions options;
};

// Replaces `path` only when everything was read and written. Errors: bad_data (all faults at once), io_error.
StatusOr<ImportSummary> import_text(const TextImport& import, const std::filesystem::path& path);

}  // namespace lockstep
