// The step allocates nothing of its own after the first: malloc itself is counted, in every thread, except inside
// oneDNN, which keeps small books of its own while it runs a primitive.
#include <atomic>
#include <cerrno>
#include <cstdlib>

#include <gtest/gtest.h>

#include "proto/job.pb.h"
#include "storage/dataset/synthetic.h"
#include "trainer/loop/engine.h"
#include "trainer/loop/training_job.h"
#include "trainer/nn/kernels/inside_onednn.h"

extern "C" {
void* __libc_malloc(std::size_t size);
void* __libc_calloc(std::size_t count, std::size_t size);
void* __libc_realloc(void* old, std::size_t size);
void* __libc_memalign(std::size_t alignment, std::size_t size);
}

namespace {

std::atomic<bool> counting{false};
std::atomic<std::int64_t> ours{0};
std::atomic<std::int64_t> library{0};

void count() {
  if (!counting) return;
  (lockstep::inside_onednn() ? library : ours)++;
}

}  // namespace

// Definitions in the program come before the C library's.
extern "C" {
void* malloc(std::size_t size) {
  count();
  return __libc_malloc(size);
}
void* calloc(std::size_t number, std::size_t size) {
  count();
  return __libc_calloc(number, size);
}
void* realloc(void* old, std::size_t size) {
  count();
  return __libc_realloc(old, size);
}
void* memalign(std::size_t alignment, std::size_t size) {
  count();
  return __libc_memalign(alignment, size);
}
void* aligned_alloc(std::size_t alignment, std::size_t size) {
  return memalign(alignment, size);
}
int posix_memalign(void** out, std::size_t alignment, std::size_t size) {
  *out = memalign(alignment, size);
  return *out == nullptr ? ENOMEM : 0;
}
}

namespace lockstep {
namespace {

constexpr const char* kJob = R"(
data {
  path: "none"
  augmentation {
    random_crop { padding: 1 } horizontal_flip {}
    transform { vertical_flip {} } transform { random_resized_crop {} } transform { affine {} } transform { brightness {} }
    transform { contrast {} } transform { saturation {} } transform { hue {} } transform { random_erasing {} }
  }
}
model {
  layer { convolution { filters: 16 kernel: 3 padding: SAME bias: false } }
  layer { batch_norm { relu: true } }
  layer { residual { body { convolution { filters: 16 kernel: 3 padding: SAME } } body { batch_norm {} } } }
  layer { average_pooling { kernel: 2 } }
  layer { sigmoid {} }
  layer { dropout {} }
  layer { max_pooling { kernel: 2 } }
  layer { flatten {} }
  layer { dense { units: 20 } }
  layer { tanh {} }
  layer { dense { units: 5 } }
}
batch: 32 slices: 8 epochs: 4 clip_global_norm: 1
)";

TEST(Allocation, TheStepMakesNoneAfterTheFirst) {
  const auto communicator = make_solo_communicator();
  auto setup = set_up_on(*communicator, parse_job(kJob, "test"),
                         make_synthetic_dataset({.rows = 128,
                                                 .image = {.channels = 3, .height = 9, .width = 9},
                                                 .pixel_type = PixelType::kUint8,
                                                 .classes = 5}));
  ASSERT_TRUE(setup.ok()) << setup.status();
  Engine engine(*communicator, *setup);
  TrainStep& step = engine.step;
  engine.start(0);
  step.run(0, {});
  counting = true;
  for (std::int64_t i = 1; i < 16; ++i) ASSERT_TRUE(step.run(i, {}).finite);
  counting = false;
  EXPECT_EQ(ours, 0);
  // The count counts: oneDNN's own are seen, and one of ours would be.
  EXPECT_GT(library, 0);
  counting = true;
  std::free(std::malloc(64));
  counting = false;
  EXPECT_EQ(ours, 1);
}

}  // namespace
}  // namespace lockstep
