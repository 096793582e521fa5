// The rows that a run reads: opened by all ranks; what costs a pass over pixels is done by rank 0 for all.
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <string>

#include "proto/job.pb.h"
#include "storage/base/status.h"
#include "storage/checkpoint/checkpoint.h"
#include "storage/dataset/dataset.h"
#include "storage/task/chosen_by.h"
#include "trainer/comm/communicator.h"
#include "trainer/data/class_order.h"

namespace lockstep {

// PixelSample.hash of the training rows, in 16 hexadecimal digits: pixels may have changed where the file holds their
// statistics. Checkpoints of earlier versions have none, and are not asked.
inline constexpr const char* kTrainPixelsFact = "train_pixels";
// Fingerprint and PixelSample.hash of the rows that a job chooses by, likewise: held-out rows are training rows'
// pixels.
inline constexpr const char* kValidationRowsFact = "validation_rows";
inline constexpr const char* kTestRowsFact = "test_rows";

struct JobRows {
  std::unique_ptr<Dataset> train;   // without those that are held out
  std::unique_ptr<Dataset> chosen;  // evaluated while training, as chosen_by says; null: kNothing
  ChosenBy chosen_by = ChosenBy::kNothing;
  std::shared_ptr<const ClassRows> by_class;  // of train; null: the job does not draw by class
  std::unique_ptr<Dataset> test;  // for the end of training; null: there is none, or it is what is chosen by
  // On rank 0, for checkpoints, which tell by them whether rows have changed:
  std::map<std::string, std::string> facts;
};

// The splits of a job, all with the classes of the training rows. Rank 0 computes mean and deviation of the training
// split where the file has none, looks for contradictions (storage/dataset/contradictions.h) and warns of them in the
// log. Collective; every rank returns the same status. Errors: bad_data; bad_configuration: rows are to be held out of
// a file that has a validation split.
StatusOr<JobRows> open_job_rows(Communicator& communicator, const proto::Data& data);

// One split to judge a checkpoint by, with the checkpoint's classes. The same warnings; collective. Its mean and
// deviation may be empty: the checkpoint has those that count. Of a job that holds out rows `data.validation` is those,
// and `data.train` the others; another file than the job's has no hold_out. Errors: bad_data.
StatusOr<std::unique_ptr<Dataset>> open_rows_for(Communicator& communicator, const proto::Data& data,
                                                 const std::filesystem::path& path, const std::string& split,
                                                 const Checkpoint& checkpoint);

// Null where the job does not draw rows by class, or its rows have not one class each. Errors: as class_rows.
StatusOr<std::shared_ptr<const ClassRows>> rows_by_class(const proto::Data& data, Dataset& train);

// Of evaluated images: how much of the sides counts.
float centre_share(const proto::Data& data);

// One split of the job's data file. Errors: as open_hdf5_dataset.
StatusOr<std::unique_ptr<Dataset>> open_split(const proto::Data& data, const std::filesystem::path& path,
                                              const std::string& split);

}  // namespace lockstep
