// Wrong models, each with every message that it gets, and the same mended.
#pragma once

#include <string>
#include <vector>

namespace lockstep {

struct WrongModel {
  struct Fault {
    int line;          // of the model's text; 0: in line 1 of the job
    const char* path;  // within the model; of the job's, within the job
    const char* message;
  };
  const char* name;
  std::string faulty;
  std::string mended;  // empty: not by its text alone
  std::vector<Fault> faults;
  std::string job = "slices: 2";  // more of the job
  bool is_whole = false;          // else a dense layer follows, with a unit a class
};

// On images of 4 x 6 x 6, with three classes, in batches of four.
const std::vector<WrongModel>& models_with_wrong_layers();
// Of names, inputs, and groups of parameters.
const std::vector<WrongModel>& models_with_wrong_graphs();

}  // namespace lockstep
