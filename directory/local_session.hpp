/// local_session -- one conversation with the slapd of this machine over its Unix socket, as its
/// administrator (SASL EXTERNAL, RFC 4513 5.2.3), each question bounded by a deadline. For
/// start-up and for commands; daemons use Client.
#pragma once
#include <chrono>
#include <map>
#include <string>
#include <vector>

#include "common/error.hpp"
#include "directory/wire.hpp"

namespace lab::directory {

class LocalSession {
 public:
  /// Connects and binds. `patience` bounds this, and later each question.
  static Result<LocalSession> open(const std::string& socket_path, std::chrono::milliseconds patience);
  /// The two halves of it.
  static Result<LocalSession> connect(const std::string& socket_path, std::chrono::milliseconds patience);
  Result<void> bind();
  LocalSession(LocalSession&& other) noexcept;
  LocalSession& operator=(LocalSession&&) = delete;
  ~LocalSession();  ///< says good-bye

  Result<Reply> search(const Search& search);
  Result<Reply> add(const Entry& entry);
  /// Adds them all; the answers are in the order of the entries. The server works on several at a time, so a
  /// class is in long before each would have been asked for by itself.
  std::vector<Result<Reply>> add_all(const std::vector<Entry>& entries);
  Result<Reply> modify(const std::string& dn, const std::vector<Modification>& changes);
  Result<Reply> remove(const std::string& dn);
  Result<Reply> change_password(const std::string& dn, std::string_view fresh);

 private:
  LocalSession(int fd, std::chrono::milliseconds patience) : fd_(fd), patience_(patience) {}
  using Clock = std::chrono::steady_clock;
  Result<Reply> ask(Result<int> id);
  Result<void> send(Clock::time_point deadline);
  Result<Reply> receive(int id, Clock::time_point deadline);

  int fd_;
  std::chrono::milliseconds patience_;
  Wire wire_;
  std::map<int, Reply> early_;  // answers that came before their turn
};

}  // namespace lab::directory
