// lockstep data import text
#include <fmt/format.h>

#include "launch/command/data_import.h"
#include "storage/import/import_text.h"

namespace lockstep {
namespace {

struct TextArguments : ImportArguments {
  TextImport import;
  PlaceArguments places;
  std::string texts, delimiter;
};

Status run_text(TextArguments arguments) {
  TextImport& import = arguments.import;
  ASSIGN_OR_RETURN(const SplitPlaces places, split_places(arguments.places, "TABLE", "table"));
  ASSIGN_OR_RETURN(import.texts, split_names(arguments.texts, "--text"));
  import.all = places.all;
  import.train = places.train;
  import.validation = places.validation;
  import.test = places.test;
  import.shares = places.shares;
  import.key = arguments.places.key;
  import.delimiter = delimiter_of(arguments.delimiter);
  import.options.compress_level = arguments.compress_level;
  import.options.progress = progress_of_terminal();
  arguments.out = arguments.places.places.back();
  return run_import(arguments, [&](const std::filesystem::path& path) { return import_text(import, path); });
}

constexpr const char* kTextExamples = R"(Examples:
  lockstep data import text reviews.csv data/reviews.h5 --label score --text review --length 512 --test 0.1
  lockstep data import text --train train.csv --test test.csv data/news.h5 --label topic --text title,body

A row is an image of one line, a pixel a character, a channel each of the alphabet; a job reads it by convolutions of
kernel: [1, 7] and the like.)";

}  // namespace

void describe_text(CLI::App& import, Verb& run) {
  const auto arguments = std::make_shared<TextArguments>();
  TextImport& to = arguments->import;
  CLI::App* text = import.add_subcommand("text", "From tables (CSV, TSV) of label and text, as characters");
  text->footer(kTextExamples);
  text->add_option("--label", to.label, "Column of the class")->required();
  text->add_option("--text", arguments->texts, "Column of the text; or several, separated by commas")->required();
  text->add_option("--length", to.length, "Characters of a row; longer texts are cut")
      ->check(CLI::Range(1, 1 << 20))
      ->capture_default_str();
  text->add_option("--alphabet", to.alphabet, "The characters that are known; without: letters, digits, punctuation");
  text->add_option("--delimiter", arguments->delimiter, "Between cells; without: recognised")
      ->check(CLI::IsMember({"comma", "tab", "semicolon"}));
  describe_common(*text, *arguments);
  describe_places(*text, arguments->places, "TABLE", "table");
  text->callback([arguments, &run] { run = [arguments] { return run_text(*arguments); }; });
}

}  // namespace lockstep
