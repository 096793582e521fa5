// Our own loops over arrays, cut over the threads of the process.
#pragma once

#include <algorithm>
#include <cstddef>

namespace lockstep {

// Calls body(begin, end) for consecutive parts of [0, size), one a thread. Parts begin at multiples of `unit`.
// Ensures: with one thread nothing is allocated and no thread is woken. The body must not care how the parts are cut.
template <typename Body>
void in_parts(std::size_t size, int threads, std::size_t unit, const Body& body) {
  if (threads <= 1) {
    body(std::size_t{0}, size);
    return;
  }
  const std::size_t part = ((size + std::size_t(threads) - 1) / std::size_t(threads) + unit - 1) / unit * unit;
#pragma omp parallel for num_threads(threads) schedule(static)
  for (int i = 0; i < threads; ++i) {
    const std::size_t begin = std::min(size, std::size_t(i) * part);
    const std::size_t end = std::min(size, begin + part);
    if (begin < end) body(begin, end);
  }
}

}  // namespace lockstep
