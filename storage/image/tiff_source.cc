#include "storage/image/tiff_source.h"

#include <algorithm>
#include <cstdarg>
#include <cstdio>
#include <cstring>

namespace lockstep {
namespace {

TiffSource& source_of(thandle_t handle) {
  return *static_cast<TiffSource*>(handle);
}

tmsize_t on_read(thandle_t handle, void* to, tmsize_t bytes) {
  TiffSource& source = source_of(handle);
  const std::uint64_t left = source.at < source.file.size() ? source.file.size() - source.at : 0;
  const std::uint64_t count = std::min<std::uint64_t>(left, std::uint64_t(std::max<tmsize_t>(bytes, 0)));
  if (count > 0) std::memcpy(to, source.file.data() + source.at, count);
  source.at += count;
  return tmsize_t(count);
}

tmsize_t on_write(thandle_t, void*, tmsize_t) {
  return 0;
}

toff_t on_seek(thandle_t handle, toff_t offset, int whence) {
  TiffSource& source = source_of(handle);
  const std::uint64_t from = whence == SEEK_CUR ? source.at : whence == SEEK_END ? source.file.size() : 0;
  source.at = from + offset;
  return source.at;
}

int on_close(thandle_t) {
  return 0;
}

toff_t on_size(thandle_t handle) {
  return source_of(handle).file.size();
}

int on_error(TIFF*, void* user, const char*, const char* format, va_list arguments) {
  auto& source = *static_cast<TiffSource*>(user);
  if (source.why[0] == '\0') std::vsnprintf(source.why, sizeof source.why, format, arguments);
  return 1;
}

int on_warning(TIFF*, void*, const char*, const char*, va_list) {
  return 1;
}

}  // namespace

StatusOr<Tiff> open_tiff(TiffSource& source) {
  TIFFOpenOptions* const options = TIFFOpenOptionsAlloc();
  CHECK(options != nullptr, "no memory");
  TIFFOpenOptionsSetMaxSingleMemAlloc(options, kMostTiffBytesAtOnce);
  TIFFOpenOptionsSetErrorHandlerExtR(options, on_error, &source);
  TIFFOpenOptionsSetWarningHandlerExtR(options, on_warning, nullptr);
  Tiff tiff(TIFFClientOpenExt("TIFF", "rm", &source, on_read, on_write, on_seek, on_close, on_size, nullptr, nullptr,
                              options));
  TIFFOpenOptionsFree(options);
  if (!tiff) return tiff_fault(source);
  return tiff;
}

Status tiff_fault(const TiffSource& source) {
  return bad_data(fmt::format("is a TIFF that is damaged or cut short: {}",
                              source.why[0] == '\0' ? "its parts do not fit together" : source.why));
}

}  // namespace lockstep
