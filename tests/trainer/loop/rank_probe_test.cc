#include "trainer/loop/rank_probe.h"

#include <vector>

#include <gtest/gtest.h>

namespace lockstep {
namespace {

RankProbe probe(const std::string& host) {
  RankProbe it;
  const auto put = [](const std::string& text, auto& to) { std::copy(text.begin(), text.end(), to.begin()); };
  put(host, it.host);
  put("avx512", it.instruction_set);
  put("2.6.3", it.onednn_version);
  put("1111", it.layouts);
  put("2222", it.gradients);
  return it;
}

std::string refusal(const std::vector<RankProbe>& probes) {
  const Status status = compare_probes(probes);
  EXPECT_EQ(exit_code(status), 69) << status;
  return std::string(status.message());
}

TEST(RankProbe, RanksThatAreAlikePass) {
  EXPECT_TRUE(compare_probes(std::vector{probe("a")}).ok());
  EXPECT_TRUE(compare_probes(std::vector{probe("a"), probe("a"), probe("b"), probe("b")}).ok());
}

TEST(RankProbe, EachDifferenceIsRefusedWithTheHostsNames) {
  std::vector<RankProbe> probes = {probe("node1"), probe("node1"), probe("node2"), probe("node2")};
  for (std::size_t rank : {2, 3}) probes[rank].instruction_set = {'a', 'v', 'x', '2'};
  EXPECT_NE(refusal(probes).find("instruction set: rank 0 on node1 has avx512; rank 2 on node2 has avx2\n"),
            std::string::npos)
      << refusal(probes);
  EXPECT_EQ(refusal(probes).find("oneDNN: "), std::string::npos);
  probes[1].onednn_version[0] = '3';
  EXPECT_NE(refusal(probes).find("oneDNN: rank 0 on node1 has 2.6.3; rank 1 on node1 has 3.6.3"), std::string::npos);
  for (auto member : {&RankProbe::layouts, &RankProbe::gradients}) {
    std::vector<RankProbe> odd = {probe("node1"), probe("node2")};
    (odd[1].*member)[3] = '9';
    EXPECT_NE(refusal(odd).find("rank 1 on node2"), std::string::npos) << refusal(odd);
  }
}

}  // namespace
}  // namespace lockstep
