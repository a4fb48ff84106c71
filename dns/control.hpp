/// control -- what lab-dnsctl may ask of the running server and tell it to do, one line a request. An answer
/// begins with `ok` or `error`, its text or JSON stands below.
#pragma once
#include <boost/asio/io_context.hpp>
#include <functional>
#include <string>
#include <vector>

#include "common/control_socket.hpp"
#include "dns/service.hpp"
#include "dns/zone_store.hpp"

namespace lab::dns {

class Control {
 public:
  /// What the rest of the server does when told to.
  struct Actions {
    /// Reads the configuration and its zones again, or one zone alone; the problems, none when all is well.
    std::function<void(std::optional<Name> zone, std::function<void(std::vector<std::string> problems)> done)>
        reload;
    std::function<void(const Name& zone)> notify;      ///< tells the zone's secondaries
    std::function<void(const Name& zone)> retransfer;  ///< asks the zone's primaries
  };

  Control(boost::asio::io_context& io, Service& service, ZoneStore& store, Actions actions);
  Result<void> listen(const std::string& path) { return socket_.listen(path); }
  void stop() { socket_.stop(); }

 private:
  using Reply = ControlSocket::Reply;
  void answer(const std::string& line, Reply reply);
  void zone_command(const std::string& verb, const Name& zone, bool json, Reply reply);
  void describe_zones(std::optional<Name> only, bool json, Reply reply);
  void dump(const Name& zone, Reply reply);
  std::string status() const;
  std::string stats(bool json) const;

  Service& service_;
  ZoneStore& store_;
  Actions actions_;
  std::chrono::system_clock::time_point started_ = std::chrono::system_clock::now();
  ControlSocket socket_;
};

}  // namespace lab::dns
