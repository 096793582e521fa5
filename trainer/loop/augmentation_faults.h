// What is wrong with the random changes of a job, beside the limits of single fields.
#pragma once

#include "proto/job.pb.h"
#include "storage/base/text_proto.h"
#include "storage/dataset/dataset.h"

namespace lockstep {

// Without looking at the data: a smallest value above the largest one; too many.
void check_ranges(const proto::Augmentation& augmentation, Faults& faults);
// What does not fit the images: their size, channels, type of pixels.
void check_images(const proto::Job& job, const DatasetInfo& train, Faults& faults);

}  // namespace lockstep
