// How the coordinator of a state directory is found.
//
// Its file `endpoint` (proto/attempt.proto, EndpointFile) says where it listens and which of all coordinators it is:
// trainers read it, and clients that know the directory. For those that do not, a runtime directory of the user has a
// link to that file: "lockstep" in XDG_RUNTIME_DIR, or, where that is not set or not to be trusted, "lockstep-UID" in
// TMPDIR or /tmp.
// A directory counts only if it is this user's and closed to all others, for whoever may write there could have tokens
// sent to himself. The same directory holds the sockets of coordinators that listen on this machine only.
// Threads: functions are independent.
#pragma once

#include <filesystem>
#include <string>

#include "proto/attempt.pb.h"
#include "storage/base/status.h"

namespace lockstep {

// "unix:PATH" of a socket for the coordinator of this directory: the same each time in the same runtime directory,
// which is made when it is not there. Requires: `state` is absolute. Errors: bad_configuration when there is no place
// for it.
StatusOr<std::string> local_address(const std::filesystem::path& state);

// Replaces the file, then the link; links that lead nowhere are removed. When no link can be made, that is logged:
// clients must be told the directory then. Errors: io_error.
Status publish_endpoint(const std::filesystem::path& state, const proto::EndpointFile& endpoint);
// Whether the link is there, or there is no place for one.
bool is_published(const std::filesystem::path& state);
// Removes the link: clients are not to look for this coordinator any more.
void withdraw_endpoint(const std::filesystem::path& state);

// Errors: kNotFound when no coordinator has ever run there; bad_configuration.
StatusOr<proto::EndpointFile> read_endpoint(const std::filesystem::path& state);

// The state directory of this user's coordinator: the one that there is a link to, or, of several (killed ones leave
// theirs), the one that takes connections; without any, "state" in the current directory, if a coordinator has run
// there. Errors: kNotFound; bad_configuration, with their names, when there are several.
StatusOr<std::filesystem::path> find_state();

}  // namespace lockstep
