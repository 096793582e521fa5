// Writes IDX files for tests, plain or gzipped.
#pragma once

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include <zlib.h>

#include "storage/base/status.h"

namespace lockstep {

// Header and elements of an IDX file of unsigned bytes.
inline std::string idx_bytes(const std::vector<std::uint32_t>& dims, const std::string& elements,
                             char element_type = 8) {
  std::string bytes = {0, 0, element_type, char(dims.size())};
  for (const std::uint32_t dim : dims) {
    for (const int shift : {24, 16, 8, 0}) bytes += char((dim >> shift) & 255);
  }
  return bytes + elements;
}

inline void write_plain(const std::filesystem::path& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary).write(bytes.data(), std::streamsize(bytes.size()));
}

inline void write_gzipped(const std::filesystem::path& path, const std::string& bytes) {
  const gzFile file = gzopen(path.c_str(), "wb");
  CHECK(file != nullptr && gzwrite(file, bytes.data(), unsigned(bytes.size())) == int(bytes.size()));
  CHECK(gzclose(file) == Z_OK);
}

}  // namespace lockstep
