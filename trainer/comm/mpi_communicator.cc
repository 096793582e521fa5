#include "trainer/comm/mpi_communicator.h"

#include <algorithm>
#include <array>
#include <bit>
#include <climits>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <filesystem>
#include <string_view>
#include <vector>

#include <mpi.h>
#include <sys/resource.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "storage/base/exit_code.h"

namespace lockstep {
namespace {

constexpr std::size_t kAlignment = 64;

// Calls body(offset, length) for consecutive pieces of at most `largest`.
template <typename Body>
void in_pieces(std::size_t length, std::size_t largest, const Body& body) {
  for (std::size_t offset = 0; offset < length; offset += largest) {
    body(offset, static_cast<int>(std::min(largest, length - offset)));
  }
}

int rank_in(MPI_Comm group) {
  int rank = 0;
  MPI_Comm_rank(group, &rank);
  return rank;
}

int length_of(std::span<const float> values) {
  CHECK(values.size() <= std::size_t{INT_MAX}, "{} values", values.size());
  return static_cast<int>(values.size());
}

int size_of(MPI_Comm group) {
  int size = 0;
  MPI_Comm_size(group, &size);
  return size;
}

// The ranks of this host, or only this rank where the placement does not allow shared sums (see MpiSession).
MPI_Comm make_local_group() {
  MPI_Comm host = MPI_COMM_NULL;
  MPI_Comm_split_type(MPI_COMM_WORLD, MPI_COMM_TYPE_SHARED, rank_in(MPI_COMM_WORLD), MPI_INFO_NULL, &host);
  const int ranks = size_of(host);
  int first = rank_in(MPI_COMM_WORLD);
  MPI_Bcast(&first, 1, MPI_INT, 0, host);
  const bool consecutive = rank_in(MPI_COMM_WORLD) == first + rank_in(host);
  const bool one_host = ranks == size_of(MPI_COMM_WORLD);
  const bool usable = consecutive && (one_host || std::has_single_bit(static_cast<unsigned>(ranks)));
  // The smallest over all ranks of: usable, ranks, -ranks. Equal counts have smallest == largest.
  int smallest[3] = {usable ? 1 : 0, ranks, -ranks};
  MPI_Allreduce(MPI_IN_PLACE, smallest, 3, MPI_INT, MPI_MIN, MPI_COMM_WORLD);
  if (smallest[0] == 1 && smallest[1] == -smallest[2]) return host;
  MPI_Comm_free(&host);
  MPI_Comm alone = MPI_COMM_NULL;
  MPI_Comm_dup(MPI_COMM_SELF, &alone);
  return alone;
}

// The first aligned address of a part of a window, which is kAlignment longer than `bytes`.
std::byte* aligned(void* address, std::size_t bytes) {
  std::size_t space = bytes + kAlignment;
  return static_cast<std::byte*>(std::align(kAlignment, bytes, address, space));
}

// Where mpirun keeps what it tells its ranks, when it is one that uses files for it.
std::string store_of_mpirun() {
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view text = *entry;
    const std::size_t value = text.find("_BASE_PATH=");
    if (text.starts_with("PMIX_DSTORE_") && value != std::string_view::npos) {
      return std::string(text.substr(text.find('=') + 1));
    }
  }
  return "";
}

// mpirun gives up without an end where it finds no room for its files: so ranks end before they ask it for anything.
Status check_room_of_mpirun() {
  constexpr double kNeeded = 12 << 20;  // Open MPI 4 takes 8.4 MB, whatever the number of ranks
  const std::string store = store_of_mpirun();
  struct statvfs facts = {};
  if (store.empty() || statvfs(store.c_str(), &facts) != 0) return OkStatus();
  std::error_code error;
  std::filesystem::recursive_directory_iterator entry(store, error);
  for (; !error && entry != std::filesystem::recursive_directory_iterator(); entry.increment(error)) {
    std::error_code gone;
    if (entry->is_regular_file(gone) && entry->file_size(gone) >= (1 << 20) && !gone)
      return OkStatus();  // it has its room
  }
  const double there = double(facts.f_bavail) * double(facts.f_frsize);
  if (there >= kNeeded) return OkStatus();
  return machine_cannot(fmt::format(
      "mpirun needs room for temporary files: expected {:.0f} MB to be free at {}, got {:.1f}; free some, or "
      "set TMPDIR to another place",
      kNeeded / (1 << 20), store, there / (1 << 20)));
}

// What may be in the way of MPI, and is for the user to raise.
std::string tight_limits() {
  constexpr rlim_t kFiles = 256;
  std::string text;
  rlimit limit{};
  if (getrlimit(RLIMIT_FSIZE, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY) {
    text += "; raise the limit of file sizes (ulimit -f)";
  }
  if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < kFiles) {
    text += fmt::format("; raise the limit of open files (ulimit -n), which is {}", limit.rlim_cur);
  }
  return text;
}

// For errors of MPI, since nothing here can go on after one. (Its own way out ends in its own numbers, which are
// others' exit codes.)
void end_all(int error, const std::string& what, int exit_code) {
  std::array<char, MPI_MAX_ERROR_STRING> text{};
  int length = 0;
  MPI_Error_string(error, text.data(), &length);
  std::fprintf(stderr, "rank %d: %s (%s)\n", rank_in(MPI_COMM_WORLD), what.c_str(), text.data());
  MpiSession::abort_all(exit_code);
}

void end_after_error(MPI_Comm*, int* error, ...) {
  end_all(*error, "MPI failed", kExitFailed);
}

class MpiCommunicator final : public Communicator {
 public:
  explicit MpiCommunicator(std::size_t largest_piece_bytes)
      : largest_bytes_(largest_piece_bytes),
        largest_floats_(largest_piece_bytes / sizeof(float)),
        rank_(rank_in(MPI_COMM_WORLD)),
        size_(size_of(MPI_COMM_WORLD)),
        local_(make_local_group()) {
    for (MPI_Request* const requests : requests_) std::fill_n(requests, 2, MPI_REQUEST_NULL);
  }
  ~MpiCommunicator() override {
    for (MPI_Win& window : windows_) {
      MPI_Win_unlock_all(window);
      MPI_Win_free(&window);
    }
    MPI_Comm_free(&local_);
  }

  int rank() const override { return rank_; }
  int size() const override { return size_; }
  void barrier() override { MPI_Barrier(MPI_COMM_WORLD); }
  void broadcast(std::span<std::byte> bytes, int root) override {
    in_pieces(bytes.size(), largest_bytes_, [&](std::size_t offset, int count) {
      MPI_Bcast(bytes.data() + offset, count, MPI_BYTE, root, MPI_COMM_WORLD);
    });
  }
  void all_gather(std::span<const std::byte> mine, std::span<std::byte> all) override {
    const std::size_t ranks = static_cast<std::size_t>(size_);
    CHECK(all.size() == ranks * mine.size(), "{} bytes of {} ranks into {}", mine.size(), ranks, all.size());
    if (mine.size() <= largest_bytes_) {
      const int count = static_cast<int>(mine.size());
      MPI_Allgather(mine.data(), count, MPI_BYTE, all.data(), count, MPI_BYTE, MPI_COMM_WORLD);
      return;
    }
    std::copy(mine.begin(), mine.end(), all.begin() + static_cast<std::ptrdiff_t>(rank_ * mine.size()));
    for (std::size_t root = 0; root < ranks; ++root) {
      broadcast(all.subspan(root * mine.size(), mine.size()), static_cast<int>(root));
    }
  }
  void begin_transfer(int lane, int partner, std::span<const float> send, std::span<float> receive) override {
    MPI_Request* const requests = requests_[static_cast<std::size_t>(lane)];
    CHECK(requests[0] == MPI_REQUEST_NULL && requests[1] == MPI_REQUEST_NULL, "lane {} is taken", lane);
    if (!receive.empty()) {
      MPI_Irecv(receive.data(), length_of(receive), MPI_FLOAT, partner, lane, MPI_COMM_WORLD, &requests[0]);
    }
    if (!send.empty()) {
      MPI_Isend(send.data(), length_of(send), MPI_FLOAT, partner, lane, MPI_COMM_WORLD, &requests[1]);
    }
  }
  bool transfer_ended(int lane) override {
    int ended = 0;
    MPI_Testall(2, requests_[static_cast<std::size_t>(lane)], &ended, MPI_STATUSES_IGNORE);
    return ended != 0;
  }
  void library_all_reduce(std::span<float> values) override {
    in_pieces(values.size(), largest_floats_, [&](std::size_t offset, int count) {
      MPI_Allreduce(MPI_IN_PLACE, values.data() + offset, count, MPI_FLOAT, MPI_SUM, MPI_COMM_WORLD);
    });
  }

  int first_local() const override { return rank_ - rank_in(local_); }
  int local_size() const override { return size_of(local_); }
  std::span<std::byte* const> allocate_shared(std::size_t bytes) override;
  void local_barrier() override {
    // MPI does not promise that a barrier orders plain loads and stores; MPI_Win_sync does.
    for (const MPI_Win window : windows_) MPI_Win_sync(window);
    MPI_Barrier(local_);
    for (const MPI_Win window : windows_) MPI_Win_sync(window);
  }
  std::string library_version() const override;

 private:
  const std::size_t largest_bytes_;
  const std::size_t largest_floats_;
  const int rank_;
  const int size_;
  MPI_Comm local_;
  MPI_Request requests_[kLanes][2];  // to receive and to send
  std::vector<MPI_Win> windows_;
  std::deque<std::vector<std::byte*>> addresses_;
};

std::span<std::byte* const> MpiCommunicator::allocate_shared(std::size_t bytes) {
  MPI_Info info = MPI_INFO_NULL;
  MPI_Info_create(&info);
  MPI_Info_set(info, "alloc_shared_noncontig", "true");  // each rank's part on pages of its own
  void* mine = nullptr;
  MPI_Win window = MPI_WIN_NULL;
  MPI_Errhandler before = MPI_ERRHANDLER_NULL;
  MPI_Comm_get_errhandler(local_, &before);
  MPI_Comm_set_errhandler(local_, MPI_ERRORS_RETURN);
  const int made = MPI_Win_allocate_shared(static_cast<MPI_Aint>(bytes + kAlignment), 1, info, local_, &mine, &window);
  if (made != MPI_SUCCESS) {
    end_all(made,
            fmt::format(
                "no {} bytes of memory that ranks share; make /dev/shm larger (mount -o remount,size=...), or raise "
                "the limit of file sizes (ulimit -f)",
                bytes),
            kExitMachineCannot);
  }
  MPI_Comm_set_errhandler(local_, before);
  MPI_Info_free(&info);
  MPI_Win_lock_all(MPI_MODE_NOCHECK, window);  // an epoch without end: MPI_Win_sync needs one
  windows_.push_back(window);
  std::vector<std::byte*>& addresses = addresses_.emplace_back();
  for (int rank = 0; rank < local_size(); ++rank) {
    MPI_Aint size = 0;
    int unit = 0;
    void* base = nullptr;
    MPI_Win_shared_query(window, rank, &size, &unit, &base);
    addresses.push_back(aligned(base, bytes));
  }
  std::memset(aligned(mine, bytes), 0, bytes);
  local_barrier();
  return addresses;
}

std::string MpiCommunicator::library_version() const {
  std::string text(MPI_MAX_LIBRARY_VERSION_STRING, '\0');
  int length = 0;
  MPI_Get_library_version(text.data(), &length);
  text.resize(std::min(text.find(','), static_cast<std::size_t>(length)));  // "Open MPI v4.1.4, package: ..."
  if (const std::size_t v = text.find(" v"); v != std::string::npos) text.erase(v + 1, 1);
  return text;
}

}  // namespace

bool started_as_rank() {
  return std::getenv("OMPI_COMM_WORLD_SIZE") != nullptr || std::getenv("PMIX_RANK") != nullptr ||
         std::getenv("PMI_RANK") != nullptr;
}

StatusOr<std::unique_ptr<MpiSession>> MpiSession::create(std::size_t largest_piece_bytes) {
  RETURN_IF_ERROR(check_room_of_mpirun());
  // Open MPI 5 would end the job where it cannot begin, with a number of its own; version 4 takes no notice.
  setenv("OMPI_MCA_mpi_initial_errhandler", "mpi_errors_return", 1);
  int provided = MPI_THREAD_SINGLE;
  if (MPI_Init_thread(nullptr, nullptr, MPI_THREAD_FUNNELED, &provided) != MPI_SUCCESS) {
    return machine_cannot("MPI cannot begin, for what it says above" + tight_limits());
  }
  if (provided < MPI_THREAD_FUNNELED) {
    MPI_Finalize();
    return machine_cannot("this MPI library has no MPI_THREAD_FUNNELED: use one built with thread support");
  }
  MPI_Errhandler handler = MPI_ERRHANDLER_NULL;
  MPI_Comm_create_errhandler(end_after_error, &handler);
  MPI_Comm_set_errhandler(MPI_COMM_WORLD, handler);
  MPI_Comm_set_errhandler(MPI_COMM_SELF, handler);
  std::unique_ptr<MpiSession> session(new MpiSession);
  session->communicator_ = std::make_unique<MpiCommunicator>(largest_piece_bytes);
  return session;
}

MpiSession::~MpiSession() {
  communicator_.reset();
  MPI_Finalize();
}

void MpiSession::abort_all(int exit_code) {
  int begun = 0;
  int ended = 0;
  MPI_Initialized(&begun);
  MPI_Finalized(&ended);
  if (begun != 0 && ended == 0) MPI_Abort(MPI_COMM_WORLD, exit_code);
  _exit(exit_code);  // MPI_Abort does not return, but is not declared so
}

}  // namespace lockstep
