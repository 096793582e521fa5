#include "trainer/loop/memory_need.h"

#include <fstream>

#include <gmock/gmock-matchers.h>
#include <gtest/gtest.h>

#include "tests/storage/base/temporary_directory.h"
#include "trainer/comm/thread_communicator.h"

namespace lockstep {
namespace {

using testing::HasSubstr;

constexpr double kGigabyte = 1e9;

// Five gigabytes a rank, and one for a checkpoint.
MemoryNeed need_of(int ranks) {
  return {.ranks = ranks,
          .network = kGigabyte,
          .parameters = kGigabyte,
          .gradients = kGigabyte,
          .optimizer = kGigabyte,
          .rows = kGigabyte,
          .checkpoint = kGigabyte};
}

void write(const std::filesystem::path& path, const std::string& text) {
  std::filesystem::create_directories(path.parent_path());
  std::ofstream(path) << text;
}

TEST(MemoryNeed, CountsAllRanksOfAHost) {
  const HostMemory host{.bytes = 11 * kGigabyte, .of = "the memory of this machine"};
  EXPECT_EQ(too_much(need_of(1), host), "");
  EXPECT_EQ(too_much(need_of(2), host), "");
  const std::string four = too_much(need_of(4), host);
  EXPECT_THAT(four, HasSubstr("expected at most 11.0 GB, the memory of this machine; got 21.0 GB: 4 ranks of 5.0 GB"));
  EXPECT_THAT(four, HasSubstr("optimizer 1.0, rows 1.0"));
  EXPECT_THAT(four, HasSubstr("fewer ranks"));
}

TEST(MemoryNeed, LooksAtTheLimitOfAProcess) {
  HostMemory host{.bytes = 100 * kGigabyte, .of = "the memory of this machine"};
  host.process_bytes = 5.5 * kGigabyte;
  EXPECT_THAT(too_much(need_of(2), host),
              HasSubstr("expected at most 5.5 GB, what its limit leaves (ulimit -v); got 6.0"));
  host.process_bytes = 6 * kGigabyte;
  EXPECT_EQ(too_much(need_of(2), host), "");
}

TEST(MemoryNeed, LooksAtControlGroupsOfBothKinds) {
  const TemporaryDirectory folder;
  const std::filesystem::path root = folder.path();
  const HostMemory whole = host_memory(root);
  EXPECT_EQ(whole.of, "the memory of this machine");
  EXPECT_GT(whole.bytes, 0);
  write(root / "proc/self/cgroup", "0::/job/step\n");
  write(root / "sys/fs/cgroup/job/step/memory.max", "max\n");
  EXPECT_EQ(host_memory(root).bytes, whole.bytes);
  write(root / "sys/fs/cgroup/job/memory.max", "1000000\n");  // of the group around it
  EXPECT_EQ(host_memory(root).bytes, 1e6);
  EXPECT_THAT(host_memory(root).of, HasSubstr("memory.max"));
  write(root / "proc/self/cgroup", "5:cpu,cpuacct:/other\n4:memory:/old\n");
  write(root / "sys/fs/cgroup/memory/old/memory.limit_in_bytes", "2000000\n");
  EXPECT_EQ(host_memory(root).bytes, 2e6);
}

proto::Job job_of(int slices) {
  proto::Job job;
  job.set_batch(64);
  job.set_slices(slices);
  job.mutable_execution()->set_shared_memory(true);
  job.mutable_execution()->set_reduction(proto::TREE);
  return job;
}

TEST(MemoryNeed, OfATrainingGrowsWithRanksSlicesAndOptimizer) {
  const NetworkSizes sizes{.own_bytes = 1000, .parameter_elements = 1 << 20, .gradient_elements = (1 << 20) + 100};
  const ImageShape image{.channels = 3, .height = 8, .width = 8};
  const MemoryNeed alone = memory_need(*make_solo_communicator(), job_of(8), image, sizes);
  EXPECT_EQ(alone.ranks, 1);
  EXPECT_EQ(alone.parameters, 4 << 20);
  EXPECT_GE(alone.gradients, 3.0 * (4 << 20));  // a stack over eight slices
  EXPECT_GE(alone.checkpoint, 2.0 * (4 << 20));
  run_in_threads(2, [&](Communicator& communicator) {
    const MemoryNeed two = memory_need(communicator, job_of(8), image, sizes);
    EXPECT_EQ(two.ranks, 2);
    EXPECT_LT(two.gradients, alone.gradients);
    EXPECT_GT(two.of_the_host(), alone.of_the_host());
  });
  proto::Job adam = job_of(8);
  adam.mutable_optimizer()->mutable_adam();
  EXPECT_EQ(memory_need(*make_solo_communicator(), adam, image, sizes).optimizer, 2 * alone.optimizer);
  proto::Job centered = job_of(8);
  centered.mutable_optimizer()->mutable_rms_prop()->set_centered(true);
  centered.mutable_optimizer()->mutable_rms_prop()->set_momentum(0.5);
  const MemoryNeed most = memory_need(*make_solo_communicator(), centered, image, sizes);
  EXPECT_EQ(most.optimizer, 3 * alone.optimizer);
  EXPECT_GT(most.checkpoint, alone.checkpoint);
}

// A bucket is never larger than the array, nor are there more messages than buckets.
TEST(MemoryNeed, LargeBucketsOfASmallNetworkTakeLittle) {
  const NetworkSizes sizes{.own_bytes = 1000, .parameter_elements = 1 << 20, .gradient_elements = 1 << 20};
  proto::Job job = job_of(8);
  job.mutable_execution()->set_bucket_bytes(1 << 30);
  const MemoryNeed need = memory_need(*make_solo_communicator(), job, {.channels = 1, .height = 1, .width = 1}, sizes);
  EXPECT_LT(need.gradients, 64 << 20);
}

}  // namespace
}  // namespace lockstep
