#include "coordinator/service/token.h"

#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <openssl/crypto.h>
#include <sys/stat.h>
#include <unistd.h>

#include "coordinator/loop/secret.h"
#include "storage/base/descriptor.h"
#include "storage/base/file.h"

namespace lockstep {
namespace {

constexpr std::size_t kTokenBytes = 32;

Status write_token(const std::filesystem::path& file) {
  std::string text = new_secret(kTokenBytes);
  text += '\n';
  Descriptor to(::open(file.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (!to.valid()) return io_error(fmt::format("{}: {}", file.string(), std::strerror(errno)));
  const bool good = write(to.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size()) &&
                    fsync(to.get()) == 0 && to.close();
  if (good) return OkStatus();
  unlink(file.c_str());
  return io_error(fmt::format("{}: cannot be written", file.string()));
}

}  // namespace

StatusOr<std::string> read_token(const std::filesystem::path& file) {
  struct stat about{};
  if (stat(file.c_str(), &about) != 0) {
    return bad_configuration(
        fmt::format("{}: {}; `lockstep serve` makes it in its state directory, and --token-file or "
                    "LOCKSTEP_TOKEN_FILE says where it is",
                    file.string(), std::strerror(errno)));
  }
  if ((about.st_mode & 077) != 0) {
    return bad_configuration(
        fmt::format("{}: others may read it (mode {:o}): chmod 600", file.string(), about.st_mode & 0777));
  }
  ASSIGN_OR_RETURN(std::string text, read_file(file, 4096));
  while (!text.empty() && text.back() == '\n') text.pop_back();
  if (text.size() < 2 * kTokenBytes || text.find_first_not_of("0123456789abcdef") != std::string::npos) {
    return bad_configuration(
        fmt::format("{}: holds no token; remove it, and `lockstep serve` makes a new one", file.string()));
  }
  return text;
}

StatusOr<std::string> make_token(const std::filesystem::path& file) {
  std::error_code error;
  if (!std::filesystem::exists(file, error)) RETURN_IF_ERROR(write_token(file));
  return read_token(file);
}

bool same_secret(std::string_view a, std::string_view b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

}  // namespace lockstep
