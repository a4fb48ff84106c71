/// recursor -- finds answers in other people's zones for the lab's own clients: libunbound, walking down from
/// the lab's root (RFC 1034 5.3.3), or by way of forwarders. It never answers anybody outside the networks it
/// was made for.
#pragma once
#include <boost/asio/any_io_executor.hpp>
#include <functional>
#include <memory>
#include <vector>

#include "dns/config.hpp"
#include "dns/request.hpp"

namespace lab::dns {

class Recursor {
 public:
  /// The first question starts libunbound, with a thread of its own.
  Recursor(boost::asio::any_io_executor executor, const RecursionConfig& config);
  ~Recursor();
  Recursor(const Recursor&) = delete;
  Recursor& operator=(const Recursor&) = delete;

  /// What was found: a whole message as libunbound gives it, empty on failure.
  struct Found {
    std::vector<std::uint8_t> message;
    Rcode rcode = Rcode::ServFail;
    bool secure = false;    ///< validated from a trust anchor
    std::string why_bogus;  ///< why validation failed; empty when it did not
  };
  using Done = std::function<void(Found)>;
  /// Looks up a name. `done` is called on the executor. Safe from any thread.
  void find(const Name& name, Type type, Done done);

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

/// Where an answer of ours ends in an alias, the name it leads to.
std::optional<Name> alias_target(std::span<const std::uint8_t> reply);

/// Makes the reply to `request` out of a resolver's message: records of DNSSEC only for those who want them,
/// truncated where the asker takes no more than `limit`. `known`: a reply of ours whose answer section goes
/// before; may be empty.
std::vector<std::uint8_t> recursive_reply(const Request& request, std::span<const std::uint8_t> known,
                                          const Recursor::Found& found, std::size_t limit,
                                          std::uint16_t udp_size, const ReplyOptions& extra);

}  // namespace lab::dns
