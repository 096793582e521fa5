#include "tests/trainer/nn/random_graph.h"

#include <algorithm>
#include <random>
#include <vector>

#include <fmt/format.h>

namespace lockstep {
namespace {

class Drawing {
 public:
  explicit Drawing(std::uint32_t seed) : generator_(seed) {}

  RandomGraph draw(int classes) {
    RandomGraph graph;
    rows_ = graph.rows = any_of({1, 2, 3, 4});
    graph.image = {.channels = any_of({1, 3, 5, 16, 17}), .height = any_of({4, 5, 6, 8}), .width = any_of({4, 5, 7})};
    values_.push_back({"image", graph.image.channels, graph.image.height, graph.image.width, /*is_read=*/true});
    convolution(0);
    for (int steps = any_of({3, 5, 7, 9}); steps > 0; --steps) step();
    const std::size_t inner = values_.size();
    if (any_of({0, 0, 1}) == 1) graph.auxiliary.push_back(classifier(classes));
    const std::size_t joined = values_.size();
    join(classes);
    graph.layers = text_;
    for (std::size_t i = 1; i < values_.size(); ++i) {
      if (i < inner || i >= joined) graph.names.push_back(values_[i].name);
    }
    return graph;
  }

 private:
  struct Value {
    std::string name;
    int channels, height, width;
    bool is_read = false;
  };

  int any_of(const std::vector<int>& choices) { return choices[generator_() % choices.size()]; }
  bool maybe() { return generator_() % 2 == 0; }

  // Mostly one of the last.
  std::size_t any_value() {
    const std::size_t back = std::min<std::size_t>(generator_() % 4, values_.size() - 1);
    return maybe() ? values_.size() - 1 - back : generator_() % values_.size();
  }

  // Adds a layer that reads `inputs`; its values are those of a new name.
  void layer(const std::vector<std::size_t>& inputs, const std::string& kind, int channels, int height, int width) {
    const std::string name = fmt::format("v{}", values_.size());
    text_ += fmt::format("layer {{ name: '{}'", name);
    for (const std::size_t input : inputs) {
      values_[input].is_read = true;
      text_ += fmt::format(" input: '{}'", values_[input].name);
    }
    text_ += fmt::format(" {} }}\n", kind);
    values_.push_back({name, channels, height, width});
  }

  void convolution(std::size_t input) {
    const int filters = any_of({4, 16, 17, 32});
    const Value& from = values_[input];
    const bool halves = generator_() % 5 == 0;
    layer({input},
          fmt::format("convolution {{ filters: {} kernel: {} stride: {} padding: SAME bias: {} }}", filters,
                      any_of({1, 3}), halves ? 2 : 1, maybe()),
          filters, halves ? (from.height + 1) / 2 : from.height, halves ? (from.width + 1) / 2 : from.width);
  }

  // `input`, or a convolution of it, with so many channels. Of the height and width that it has.
  std::size_t with_channels(std::size_t input, int channels) {
    const Value from = values_[input];
    if (from.channels == channels) return input;
    const std::string kind = from.height > 0 ? fmt::format("convolution {{ filters: {} kernel: 1 }}", channels)
                                             : fmt::format("dense {{ units: {} }}", channels);
    layer({input}, kind, channels, from.height, from.width);
    return values_.size() - 1;
  }

  std::vector<std::size_t> others_of_size(std::size_t input) {
    std::vector<std::size_t> others;
    for (std::size_t i = 0; i < values_.size(); ++i) {
      if (values_[i].height == values_[input].height && values_[i].width == values_[input].width) others.push_back(i);
    }
    return others;
  }

  // Batch norm needs several values a channel.
  std::string activation(const Value& from) {
    const char* const kinds[] = {"relu {}", "tanh {}", "sigmoid {}", "batch_norm {}", "batch_norm { relu: true }"};
    const bool has_several = rows_ * std::max(from.height * from.width, 1) > 1;
    return kinds[generator_() % (has_several ? 5 : 3)];
  }

  void step() {
    const std::size_t input = any_value();
    const Value from = values_[input];
    const auto same = [&](const std::string& kind, const std::vector<std::size_t>& inputs) {
      layer(inputs, kind, from.channels, from.height, from.width);
    };
    // The first five take values that are no image, too.
    switch (generator_() % (from.height > 0 ? 10 : 5)) {
      case 0:
        return same(activation(from), {input});
      case 1:
      case 2: {
        const std::vector<std::size_t> others = others_of_size(input);
        return same("multiply {}", {input, with_channels(others[generator_() % others.size()], from.channels)});
      }
      case 3: {
        std::vector<std::size_t> terms = {input};
        for (int more = any_of({1, 1, 2, 3}); more > 0; --more) {
          const std::vector<std::size_t> others = others_of_size(input);
          terms.push_back(with_channels(others[generator_() % others.size()], from.channels));
        }
        return same("add {}", terms);
      }
      case 4: {
        std::vector<std::size_t> parts = {input};
        const std::vector<std::size_t> others = others_of_size(input);
        for (int more = any_of({1, 2, 3}); more > 0; --more) parts.push_back(others[generator_() % others.size()]);
        int channels = 0;
        for (const std::size_t part : parts) channels += values_[part].channels;
        return layer(parts, "concatenate {}", channels, from.height, from.width);
      }
      case 5:
        if (maybe()) return same("max_pooling { kernel: 3 stride: 1 padding: SAME }", {input});
        return layer({input}, "average_pooling { kernel: 2 stride: 2 padding: SAME }", from.channels,
                     (from.height + 1) / 2, (from.width + 1) / 2);
      case 6:
        return gate(input);
      case 7:
        return residual(input);
      case 8:
        return upsampling(input);
      default:
        return convolution(input);
    }
  }

  void gate(std::size_t input) {
    const Value from = values_[input];
    layer({input}, "global_pooling {}", from.channels, 0, 0);
    layer({values_.size() - 1}, fmt::format("dense {{ units: {} }}", from.channels), from.channels, 0, 0);
    if (maybe()) layer({values_.size() - 1}, "sigmoid {}", from.channels, 0, 0);
    layer({input, values_.size() - 1}, "multiply {}", from.channels, from.height, from.width);
  }

  // Often to the size of an earlier value, as in a decoder; never larger than the largest image.
  void upsampling(std::size_t input) {
    const Value from = values_[input];
    const int scale = any_of({2, 2, 3});
    if (from.height * from.width * scale * scale > 64) return convolution(input);
    layer({input}, fmt::format("upsampling {{ scale: {} mode: {} }}", scale, maybe() ? "NEAREST" : "BILINEAR"),
          from.channels, from.height * scale, from.width * scale);
  }

  void residual(std::size_t input) {
    const Value from = values_[input];
    std::string body =
        fmt::format("body {{ name: 'a' convolution {{ filters: {} kernel: 3 padding: SAME }} }} body {{ {} }}",
                    from.channels, activation(from));
    if (maybe()) body += " body { name: 'b' tanh {} } body { input: 'a' input: 'b' multiply {} }";
    if (maybe())
      body += fmt::format(" body {{ name: 'c' relu {{}} }} body {{ input: ['c', '{}'] add {{}} }}", from.name);
    const std::string shortcut = maybe() ? fmt::format(" shortcut {{ {} }}", activation(from)) : "";
    layer({input}, fmt::format("residual {{ relu: {} {}{} }}", maybe(), body, shortcut), from.channels, from.height,
          from.width);
  }

  // On some value that others read, too.
  std::string classifier(int classes) {
    const std::size_t input = any_value();
    const Value from = values_[input];
    if (from.height > 0) layer({input}, "global_pooling {}", from.channels, 0, 0);
    layer({from.height > 0 ? values_.size() - 1 : input}, fmt::format("dense {{ units: {} }}", classes), classes, 0, 0);
    values_[input].is_read = from.is_read;
    values_.back().is_read = true;
    return values_.back().name;
  }

  // Whatever nobody read yet is pooled and goes to the last layer.
  void join(int classes) {
    std::vector<std::size_t> ends;
    for (std::size_t i = 0; i < values_.size(); ++i) {
      if (!values_[i].is_read) ends.push_back(i);
    }
    int channels = 0;
    for (std::size_t& end : ends) {
      const Value value = values_[end];
      channels += value.channels;
      if (value.height == 0) continue;
      layer({end}, "global_pooling {}", value.channels, 0, 0);
      end = values_.size() - 1;
    }
    if (ends.size() > 1) layer(ends, "concatenate {}", channels, 0, 0);
    layer({ends.size() > 1 ? values_.size() - 1 : ends[0]}, fmt::format("dense {{ units: {} }}", classes), classes, 0,
          0);
  }

  std::mt19937 generator_;
  int rows_ = 0;
  std::vector<Value> values_;  // height 0: no image
  std::string text_;
};

}  // namespace

RandomGraph random_graph(std::uint32_t seed, int classes) {
  return Drawing(seed).draw(classes);
}

}  // namespace lockstep
