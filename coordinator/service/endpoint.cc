#include "coordinator/service/endpoint.h"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <iterator>
#include <set>
#include <span>
#include <string_view>
#include <vector>

#include <absl/strings/escaping.h>
#include <absl/strings/str_join.h>
#include <google/protobuf/text_format.h>
#include <openssl/sha.h>
#include <sys/stat.h>
#include <unistd.h>

#include "coordinator/service/socket_address.h"
#include "storage/base/file.h"
#include "storage/base/log.h"
#include "storage/base/text_proto.h"

namespace lockstep {
namespace {

namespace fs = std::filesystem;

constexpr const char* kEndpoint = "endpoint";
constexpr const char* kSocket = ".socket";
constexpr std::size_t kNameBytes = 8;

// What the files of a state directory are called in a runtime directory.
std::string name_of(const fs::path& state) {
  const std::string path = state.lexically_normal();
  std::string digest(SHA256_DIGEST_LENGTH, '\0');
  SHA256(reinterpret_cast<const unsigned char*>(path.data()), path.size(),
         reinterpret_cast<unsigned char*>(digest.data()));
  return absl::BytesToHexString(digest.substr(0, kNameBytes));
}

// OK: a directory of this user, closed to all others.
Status check_private(const fs::path& directory) {
  struct stat about{};
  if (lstat(directory.c_str(), &about) != 0) {
    return bad_configuration(fmt::format("{}: {}", directory.native(), std::strerror(errno)));
  }
  if (S_ISDIR(about.st_mode) && about.st_uid == geteuid() && (about.st_mode & 077) == 0) return OkStatus();
  return bad_configuration(fmt::format(
      "{}: expected a directory of user {} with mode 700, got {} of user {} with mode {:o}", directory.native(),
      geteuid(), S_ISDIR(about.st_mode) ? "one" : "something else", about.st_uid, about.st_mode & 0777));
}

bool socket_fits(const fs::path& directory) {
  return (directory / name_of("")).native().size() + std::strlen(kSocket) <= kMostSocketPathBytes;
}

// Where temporary files go: TMPDIR, or /tmp where that is of no use.
fs::path temporary_place() {
  const std::string name = fmt::format("lockstep-{}", geteuid());
  std::error_code error;
  const fs::path chosen = fs::temp_directory_path(error) / name;
  return !error && chosen.is_absolute() && socket_fits(chosen) ? chosen : fs::path("/tmp") / name;
}

// Runtime directories, there or not, the preferred one first. One may go while a coordinator runs (that of a session at
// its end), and a client may have another environment, so both are looked at.
std::vector<fs::path> runtime_directories() {
  std::vector<fs::path> found;
  const char* const given = std::getenv("XDG_RUNTIME_DIR");
  const fs::path session = given == nullptr ? "" : given;
  if (session.is_absolute() && socket_fits(session / "lockstep") && check_private(session).ok()) {
    found.push_back(session / "lockstep");
  }
  found.push_back(temporary_place());
  return found;
}

StatusOr<fs::path> make_runtime_directory() {
  Status status;
  for (const fs::path& directory : runtime_directories()) {
    const bool made = mkdir(directory.c_str(), 0700) == 0 || errno == EEXIST;
    status = made ? check_private(directory)
                  : bad_configuration(fmt::format("{}: {}", directory.native(), std::strerror(errno)));
    if (status.ok()) return directory;
  }
  return status;
}

Status link_to(const fs::path& file, const fs::path& link) {
  const fs::path temporary = fmt::format("{}.{}", link.native(), getpid());
  unlink(temporary.c_str());
  if (symlink(file.c_str(), temporary.c_str()) == 0 && rename(temporary.c_str(), link.c_str()) == 0) return OkStatus();
  const int error = errno;
  unlink(temporary.c_str());
  return io_error(fmt::format("cannot link \"{}\": {}", link.native(), std::strerror(error)));
}

// The state directories that links in this directory lead to; a link that leads nowhere is removed with its socket when
// `clean`.
std::set<fs::path> linked_states(const fs::path& directory, bool clean) {
  std::set<fs::path> found;
  if (!check_private(directory).ok()) return found;
  std::error_code error;
  for (const fs::directory_entry& entry : fs::directory_iterator(directory, error)) {
    const fs::path file = fs::read_symlink(entry.path(), error);
    if (error || file.filename() != kEndpoint) continue;
    if (fs::exists(file, error)) {
      found.insert(fs::canonical(file.parent_path(), error));
    } else if (clean && !error) {
      unlink(entry.path().c_str());
      unlink((entry.path().native() + kSocket).c_str());
    }
  }
  return found;
}

bool is_reached(const fs::path& state) {
  const StatusOr<proto::EndpointFile> endpoint = read_endpoint(state);
  return endpoint.ok() && can_connect(endpoint->address());
}

}  // namespace

StatusOr<std::string> local_address(const fs::path& state) {
  const StatusOr<fs::path> directory = make_runtime_directory();
  if (directory.ok()) return fmt::format("unix:{}{}", (*directory / name_of(state)).native(), kSocket);
  return bad_configuration(
      fmt::format("no place for a socket: {}; set XDG_RUNTIME_DIR to a directory of your own with "
                  "mode 700, or give --listen 127.0.0.1:PORT",
                  std::string(directory.status().message())));
}

Status publish_endpoint(const fs::path& state, const proto::EndpointFile& endpoint) {
  std::string text;
  google::protobuf::TextFormat::PrintToString(endpoint, &text);
  const std::string_view part = text;
  RETURN_IF_ERROR(replace_file(state / kEndpoint, {&part, 1}));  // not durable: it is written anew at each start
  const StatusOr<fs::path> directory = make_runtime_directory();
  Status linked = directory.status();
  if (linked.ok()) {
    linked_states(*directory, /*clean=*/true);
    linked = link_to(state / kEndpoint, *directory / name_of(state));
  }
  if (!linked.ok()) log_warning("clients need --state {}: {}", state.native(), std::string(linked.message()));
  return OkStatus();
}

bool is_published(const fs::path& state) {
  const StatusOr<fs::path> directory = make_runtime_directory();
  std::error_code error;
  return !directory.ok() || fs::read_symlink(*directory / name_of(state), error) == state / kEndpoint;
}

void withdraw_endpoint(const fs::path& state) {
  for (const fs::path& directory : runtime_directories()) {
    if (check_private(directory).ok()) unlink((directory / name_of(state)).c_str());
  }
}

StatusOr<proto::EndpointFile> read_endpoint(const fs::path& state) {
  const fs::path file = state / kEndpoint;
  std::error_code error;
  if (!fs::exists(file, error)) {
    return absl::NotFoundError(fmt::format("{}: there is no such file: no `lockstep serve --state {}` has run",
                                           file.native(), state.native()));
  }
  proto::EndpointFile endpoint;
  Faults faults;
  RETURN_IF_ERROR(read_text_proto(file, endpoint, faults));
  if (!endpoint.has_address()) faults.add("address", "is missing: where the coordinator listens");
  RETURN_IF_ERROR(faults.status(file.native()));
  return endpoint;
}

StatusOr<fs::path> find_state() {
  std::set<fs::path> found;
  for (const fs::path& directory : runtime_directories()) found.merge(linked_states(directory, /*clean=*/false));
  if (found.size() > 1) {
    std::set<fs::path> reached;
    std::copy_if(found.begin(), found.end(), std::inserter(reached, reached.end()), is_reached);
    found.swap(reached);
  }
  std::error_code error;
  if (found.empty() && fs::exists(fs::path("state") / kEndpoint, error)) found.insert("state");
  if (found.size() == 1) return *found.begin();
  if (found.empty()) {
    return absl::NotFoundError(
        "no coordinator is known: start one with `lockstep serve --state DIR`, or say where it is with --state DIR, or "
        "with --server and --token-file");
  }
  std::vector<std::string> names(found.begin(), found.end());
  return bad_configuration(
      fmt::format("there are several coordinators: say which with --state DIR, one of {}", absl::StrJoin(names, ", ")));
}

}  // namespace lockstep
