#include <gtest/gtest.h>

#include "proto/job.pb.h"
#include "storage/base/text_proto.h"

namespace lockstep {
namespace {

using Differences = std::vector<std::string>;

proto::Job job_of(std::string_view text) {
  proto::Job job;
  Faults faults;
  parse_text_proto(text, job, faults);
  EXPECT_TRUE(faults.empty()) << faults.status("job");
  return job;
}

Differences differences(std::string_view a, std::string_view b) {
  return differing_fields(job_of(a), job_of(b));
}

TEST(FillDefaults, EverywhereButInOneofsAndWhereThereIsNone) {
  proto::Job job = job_of(R"(batch: 64 optimizer { sgd {} } execution {}
                             model { layer { convolution { filters: 1 } } layer { residual { body { dense {} } } } })");
  fill_defaults(job);
  EXPECT_EQ(job.batch(), 64);
  EXPECT_TRUE(job.has_slices() && job.has_epochs() && job.has_seed());
  EXPECT_TRUE(job.optimizer().sgd().has_momentum() && job.optimizer().sgd().has_nesterov());
  EXPECT_TRUE(job.optimizer().has_decay_all() && job.execution().has_reduction());
  EXPECT_TRUE(job.model().has_initialization());
  EXPECT_TRUE(job.model().layer(0).convolution().has_bias());
  EXPECT_TRUE(job.model().layer(1).residual().body(0).dense().has_bias());
  // Not given means something there.
  EXPECT_FALSE(job.has_clip_global_norm() || job.has_name() || job.model().has_zoo());
  EXPECT_FALSE(job.model().layer(0).has_name());
  EXPECT_EQ(job.model().layer(0).convolution().border_case(), proto::Convolution::BORDER_NOT_SET);
  EXPECT_FALSE(job.has_schedule() || job.has_data());
  Faults faults;
  proto::Job again = job;
  fill_defaults(again);
  EXPECT_EQ(again.DebugString(), job.DebugString());
}

TEST(FillDefaults, ValuesOfEveryKind) {
  proto::Job job = job_of("data {} checkpoint {} optimizer { sgd {} } execution {}");
  fill_defaults(job);
  EXPECT_EQ(job.slices(), 8);
  EXPECT_EQ(job.seed(), 1U);
  EXPECT_EQ(job.data().train(), "train");
  EXPECT_EQ(job.data().tail(), proto::DROP);
  EXPECT_EQ(job.optimizer().sgd().momentum(), 0.9F);
  EXPECT_EQ(job.execution().hang_timeout_seconds(), 300);
  EXPECT_TRUE(job.execution().shared_memory());
}

TEST(DifferingFields, ScalarsAtAnyDepth) {
  EXPECT_EQ(differences("batch: 64 model { layer { dense { units: 3 } } } data { train: 'a' tail: WRAP }",
                        "batch: 32 model { layer { dense { units: 4 bias: false } } } data { train: 'b' }"),
            (Differences{"data.train: \"a\", \"b\"", "data.tail: WRAP, DROP", "model.layer[0].dense.units: 3, 4",
                         "model.layer[0].dense.bias: true, false", "batch: 64, 32"}));
  EXPECT_EQ(differences("optimizer { sgd { momentum: 0.9 } }", "optimizer { sgd { momentum: 0.900000036 } }"),
            (Differences{"optimizer.sgd.momentum: 0.9, 0.900000036"}));
}

TEST(DifferingFields, NotSetCountsAsTheDefault) {
  const std::string text = "model { layer { convolution { filters: 1 kernel: 3 } } } optimizer { sgd {} } data {}";
  proto::Job filled = job_of(text);
  fill_defaults(filled);
  EXPECT_NE(filled.DebugString(), job_of(text).DebugString());
  EXPECT_EQ(differing_fields(filled, job_of(text)), Differences{});
  EXPECT_EQ(differences("batch: 64", ""), (Differences{"batch: 64, 128"}));
}

TEST(DifferingFields, NeutralFieldsMayDiffer) {
  EXPECT_EQ(differences("name: 'a' data { path: 'a' prefetch_batches: 1 } execution { time_limit_seconds: 1 }",
                        "name: 'b' data { path: 'b' prefetch_batches: 2 } execution { time_limit_seconds: 2 }"),
            Differences{});
  EXPECT_EQ(differences("checkpoint { keep_last: 1 } reporting {}", "checkpoint { keep_last: 2 }"), Differences{});
  EXPECT_EQ(differences("checkpoint { keep_last: 1 }", ""), Differences{});
  // The control: fields beside them are not neutral.
  EXPECT_EQ(differences("execution { threads_per_rank: 1 time_limit_seconds: 1 }",
                        "execution { threads_per_rank: 2 time_limit_seconds: 2 }"),
            (Differences{"execution.threads_per_rank: 1, 2"}));
}

TEST(DifferingFields, Oneofs) {
  EXPECT_EQ(differences("optimizer { sgd {} }", "optimizer { adam {} }"), (Differences{"optimizer: sgd, adam"}));
  EXPECT_EQ(differences("optimizer {}", "optimizer { adam { beta1: 0 } }"), (Differences{"optimizer: none, adam"}));
  EXPECT_EQ(differences("model { layer { convolution { padding: VALID } } }", "model { layer { convolution {} } }"),
            (Differences{"model.layer[0].convolution: padding, none"}));
  EXPECT_EQ(differences("model { layer { convolution { padding: VALID } } }",
                        "model { layer { convolution { padding: SAME } } }"),
            (Differences{"model.layer[0].convolution.padding: VALID, SAME"}));
}

TEST(DifferingFields, RepeatedFields) {
  EXPECT_EQ(differences("model { layer { relu {} } }", "model { layer { relu {} } layer { flatten {} } }"),
            (Differences{"model.layer: 1 elements, 2 elements"}));
  EXPECT_EQ(differences("model { layer { max_pooling { kernel: [2, 3] } } }",
                        "model { layer { max_pooling { kernel: 2 } } }"),
            (Differences{"model.layer[0].max_pooling.kernel: [2, 3], [2]"}));
}

TEST(DifferingFields, PresenceOfAMessage) {
  EXPECT_EQ(differences("data { augmentation { random_crop {} } }", "data { augmentation {} }"),
            (Differences{"data.augmentation.random_crop: given, not given"}));
}

TEST(DifferingFieldsDeathTest, OtherTypes) {
  EXPECT_DEATH(differing_fields(proto::Job(), proto::Model()), "lockstep.proto.Job and lockstep.proto.Model");
}

}  // namespace
}  // namespace lockstep
