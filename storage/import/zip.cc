#include "storage/import/zip.h"

#include <algorithm>
#include <limits>

#include <zlib.h>

namespace lockstep {
namespace {

constexpr std::string_view kEnd("PK\x05\x06", 4), kEnd64("PK\x06\x06", 4), kLocator64("PK\x06\x07", 4),
    kEntry("PK\x01\x02", 4), kLocal("PK\x03\x04", 4);
constexpr std::size_t kEndBytes = 22, kLocatorBytes = 20, kEnd64Bytes = 56, kEntryBytes = 46, kLocalBytes = 30;
constexpr std::size_t kMostComment = 0xffff;
constexpr std::uint64_t kMostMembers = 1 << 20, kDeflateRatio = 1032;  // a match of 258 bytes in 2 bits

// A little-endian number; 0 beyond the end.
std::uint64_t number(std::string_view bytes, std::uint64_t at, std::size_t width) {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < width; ++i) {
    if (at + i < bytes.size()) value |= std::uint64_t(std::uint8_t(bytes[std::size_t(at + i)])) << (8 * i);
  }
  return value;
}

std::string_view part(std::string_view bytes, std::uint64_t at, std::uint64_t length) {
  return at > bytes.size() ? std::string_view() : bytes.substr(std::size_t(at), std::size_t(length));
}

struct Directory {
  std::uint64_t at = 0, members = 0;
};

StatusOr<Directory> find_directory(std::string_view archive) {
  const std::size_t back = std::min(archive.size(), kEndBytes + kMostComment);
  const std::size_t end = archive.rfind(kEnd);
  if (end == std::string_view::npos || end + back < archive.size() || archive.size() - end < kEndBytes) {
    return bad_data("is no ZIP archive, or is cut short: it has no directory at its end");
  }
  Directory directory{number(archive, end + 16, 4), number(archive, end + 10, 2)};
  if (end >= kLocatorBytes && part(archive, end - kLocatorBytes, 4) == kLocator64) {
    const std::uint64_t at = number(archive, end - kLocatorBytes + 8, 8);
    if (part(archive, at, 4) == kEnd64 && at + kEnd64Bytes <= archive.size()) {
      directory = {number(archive, at + 48, 8), number(archive, at + 32, 8)};
    }
  }
  if (directory.members > kMostMembers)
    return bad_data(fmt::format("is a ZIP archive of {} members", directory.members));
  return directory;
}

// Sizes and place that do not fit 32 bits are in the extra field 1, in this order, those that do not.
void take_wide(std::string_view extra, ZipMember& member) {
  constexpr std::uint64_t kWide = 0xffffffff;
  for (std::uint64_t at = 0; at + 4 <= extra.size();) {
    const std::uint64_t length = number(extra, at + 2, 2);
    if (number(extra, at, 2) == 1) {
      std::uint64_t next = at + 4;
      for (std::uint64_t* value : {&member.bytes, &member.stored_bytes, &member.header_at}) {
        if (*value != kWide) continue;
        *value = number(extra, next, 8);
        next += 8;
      }
    }
    at += 4 + length;
  }
}

}  // namespace

StatusOr<std::vector<ZipMember>> list_zip(std::string_view archive) {
  ASSIGN_OR_RETURN(const Directory directory, find_directory(archive));
  std::vector<ZipMember> members;
  std::uint64_t at = directory.at;
  for (std::uint64_t i = 0; i < directory.members; ++i) {
    if (part(archive, at, 4) != kEntry || at + kEntryBytes > archive.size()) {
      return bad_data("is a damaged ZIP archive: its directory is cut short");
    }
    const std::uint64_t name = number(archive, at + 28, 2), extra = number(archive, at + 30, 2);
    ZipMember member{.name = std::string(part(archive, at + kEntryBytes, name)),
                     .header_at = number(archive, at + 42, 4),
                     .stored_bytes = number(archive, at + 20, 4),
                     .bytes = number(archive, at + 24, 4),
                     .crc = std::uint32_t(number(archive, at + 16, 4)),
                     .method = int(number(archive, at + 10, 2))};
    take_wide(part(archive, at + kEntryBytes + name, extra), member);
    members.push_back(std::move(member));
    at += kEntryBytes + name + extra + number(archive, at + 32, 2);
  }
  return members;
}

StatusOr<std::string> read_zip(std::string_view archive, const ZipMember& member) {
  const std::uint64_t at = member.header_at;
  const std::uint64_t begin = at + kLocalBytes + number(archive, at + 26, 2) + number(archive, at + 28, 2);
  const std::string_view stored = part(archive, begin, member.stored_bytes);
  if (part(archive, at, 4) != kLocal || stored.size() != member.stored_bytes) {
    return bad_data(fmt::format("is a damaged ZIP archive, or cut short, at its member {}", member.name));
  }
  const bool deflated = member.method == 8;
  if (!deflated && member.method != 0) {
    return bad_data(
        fmt::format("has the member {} in the method {}: expected stored or deflated", member.name, member.method));
  }
  std::string content;
  if (!deflated) {
    content = stored;
  } else if (member.bytes / kDeflateRatio <= stored.size()) {
    content.resize(std::size_t(member.bytes));
    z_stream stream = {};
    CHECK(inflateInit2(&stream, -MAX_WBITS) == Z_OK, "zlib");
    std::size_t taken = 0, given = 0;  // zlib counts in 32 bits
    int code = Z_OK;
    while (code == Z_OK) {
      constexpr std::size_t kMost = std::numeric_limits<uInt>::max() / 2;
      stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(stored.data() + taken));
      stream.avail_in = uInt(std::min(kMost, stored.size() - taken));
      stream.next_out = reinterpret_cast<Bytef*>(content.data() + given);
      stream.avail_out = uInt(std::min(kMost, content.size() - given));
      const std::size_t in = stream.avail_in, out = stream.avail_out;
      code = inflate(&stream, Z_NO_FLUSH);
      taken += in - stream.avail_in;
      given += out - stream.avail_out;
      if (code == Z_BUF_ERROR) break;
    }
    inflateEnd(&stream);
    if (code != Z_STREAM_END || given != content.size()) content.clear();
  }
  const auto* bytes = reinterpret_cast<const Bytef*>(content.data());
  if (content.size() != member.bytes || crc32_z(crc32_z(0, nullptr, 0), bytes, content.size()) != member.crc) {
    return bad_data(
        fmt::format("is a damaged ZIP archive: its member {} does not have the size and the checksum that the "
                    "directory says",
                    member.name));
  }
  return content;
}

}  // namespace lockstep
