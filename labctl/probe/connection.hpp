/// connection -- a TCP connection with deadlines for checks that speak a few lines themselves.
#pragma once
#include <chrono>
#include <string>

#include "common/error.hpp"

namespace lab::probe {

class Connection {
 public:
  /// Resolves as any program in the node would (getaddrinfo) and connects; the error says which of both
  /// failed.
  static Result<Connection> open(const std::string& host, std::uint16_t port,
                                 std::chrono::milliseconds patience);
  Connection(Connection&& other) noexcept;
  Connection& operator=(Connection&&) = delete;
  ~Connection();

  /// Whatever arrives next, at most 4 KiB; empty at the end of the stream or of patience.
  std::string read_some();
  /// Reads until a line begins with `start`; false at the end.
  bool read_until_line(std::string_view start);
  bool write(std::string_view bytes);
  int fd() const { return fd_; }

 private:
  explicit Connection(int fd) : fd_(fd) {}
  int fd_;
};

}  // namespace lab::probe
