/// relay -- stands between slapd and this program, a process of its own that does nothing else. slapd takes a
/// connection that ends without an answer for consent given, and tells whoever asked that the password is
/// changed, which it is not. So when this program is killed amid a question, somebody must be there to say
/// no.
#pragma once
#include <functional>
#include <string>
#include <string_view>

#include "common/error.hpp"

namespace lab::directory::kdc {

class Relay {
 public:
  /// Forks the process that listens on the Unix socket `path` (mode 0700). `patience`: milliseconds for one
  /// message.
  static Result<Relay> start(const std::string& path, int patience);
  Relay(Relay&& other) noexcept;
  Relay(const Relay&) = delete;
  Relay& operator=(const Relay&) = delete;
  ~Relay();  ///< the process then answers no to whoever is waiting, and ends

  int descriptor() const { return channel_; }  ///< readable when there is a message
  /// Takes the message that is there and gives back what `answer` makes of it (empty: nothing is waited for).
  /// False when the process is gone.
  bool serve(const std::function<std::string(std::string_view)>& answer);

 private:
  explicit Relay(int channel) : channel_(channel) {}
  int channel_;
};

}  // namespace lab::directory::kdc
