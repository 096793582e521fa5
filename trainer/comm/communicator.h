// A Communicator is one rank's view of the group that trains together. Three implementations: MPI (mpi_communicator.h),
// threads of one process (thread_communicator.h, for tests and small machines), and solo (one rank).
//
// Every call is collective and made in the same order on every rank, except transfers, which take two, and the calls on
// local ranks. A lost rank ends the process (MPI aborts the job): there is no error to
// return.
// Threads: one thread per object, the one that created it.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>

namespace lockstep {

class Communicator {
 public:
  virtual ~Communicator() = default;

  virtual int rank() const = 0;
  virtual int size() const = 0;

  virtual void barrier() = 0;
  // Bytes of rank `root` to all. Any length (sent in pieces).
  virtual void broadcast(std::span<std::byte> bytes, int root) = 0;
  // Equal parts of all ranks, in rank order. Requires: all.size() == size() * mine.size().
  virtual void all_gather(std::span<const std::byte> mine, std::span<std::byte> all) = 0;
  // Begins to send to and to receive from `partner` while this rank computes on; either may be empty. Until
  // transfer_ended() has said so the memory belongs to the transfer, and its lane takes no other. What one rank sends
  // to another on one lane arrives in that order. Each message fits an int.
  static constexpr int kLanes = 32;
  virtual void begin_transfer(int lane, int partner, std::span<const float> send, std::span<float> receive) = 0;
  // Never waits. Messages need not move but in calls like this one.
  virtual bool transfer_ended(int lane) = 0;
  // The library's own sum over ranks, in place: fast or slow, in an order of its choosing.
  virtual void library_all_reduce(std::span<float> values) = 0;

  // The ranks that share this rank's memory: consecutive ranks [first_local, first_local + local_size).
  // Either all ranks are local, or every rank has the same power-of-two local_size(); in any other placement it is 1.
  virtual int first_local() const = 0;
  virtual int local_size() const = 0;
  // Zeroed memory of `bytes` on every local rank, on 64 bytes, each readable and writable by all of them. Returns the
  // local ranks' addresses in rank order; it lives as long as the communicator. Collective over the local ranks. A rank
  // may ask for no bytes: nobody uses its address then.
  virtual std::span<std::byte* const> allocate_shared(std::size_t bytes) = 0;
  // Waits for all local ranks; what they wrote to shared memory before is seen after.
  virtual void local_barrier() = 0;

  // "Open MPI 4.1.4" and the like, for the log and the checkpoint.
  virtual std::string library_version() const = 0;
};

std::unique_ptr<Communicator> make_solo_communicator();

}  // namespace lockstep
