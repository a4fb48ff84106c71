/// control -- the supervisor's one interface: HTTP and JSON over an abstract Unix socket, so that nothing is
/// left on disk whatever happens. Only the user who started the lab is answered. labctl and the dashboard are
/// its clients.
///
///   GET  /status[?memory]        the lab as JSON
///   GET  /plan                   the plan as JSON (with passwords)
///   GET  /spaces/NODE            numbers of the descriptors that hold the node's namespaces
///   POST /down                   end the lab; answered before it ends
///   POST /units/ID/stop|start|restart
///   POST /apply                  the body is a plan: change what differs; answered when done
///   GET  /events                 dialogue events as JSON lines, until the client leaves
#pragma once
#include <sys/types.h>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <functional>
#include <string>

#include "common/error.hpp"
#include "labctl/runtime/fd.hpp"

namespace lab::runtime {

struct ControlRequest {
  std::string method, path, query, body;
};
struct ControlReply {
  unsigned status = 200;
  std::string body;  ///< JSON
};

class ControlServer {
 public:
  using Handler = std::function<boost::asio::awaitable<ControlReply>(ControlRequest)>;
  /// Called for GET /events with a function that writes one line to that client, false once it has left.
  using Subscribe = std::function<void(std::function<bool(const std::string&)>)>;
  ControlServer(boost::asio::io_context& io, Fd bound, Handler handler, Subscribe subscribe);
  /// The request in flight is answered, no new one is taken.
  void close();

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

/// The socket's abstract name for a lab of this user: "labctl/1000/helper-bac".
std::string control_name(const std::string& lab);

/// A bound (not yet listening) control socket; fails when the lab runs already.
Result<Fd> bind_control(const std::string& lab);

/// The labs of this user that run on this machine now.
std::vector<std::string> running_labs();

/// A client's connection to a running lab.
class ControlClient {
 public:
  /// Fails when no such lab runs, or when the socket is not served by this user.
  static Result<ControlClient> connect(const std::string& lab);
  Result<ControlReply> get(const std::string& target) { return exchange("GET", target, {}); }
  Result<ControlReply> post(const std::string& target, const std::string& body = {}) {
    return exchange("POST", target, body);
  }
  /// Streams the lines of `target` to `line` until it returns false or the lab ends.
  Result<void> follow(const std::string& target, const std::function<bool(const std::string&)>& line);
  /// The supervisor's process id as this process sees it.
  pid_t supervisor() const { return supervisor_; }
  const std::string& lab() const { return lab_; }

 private:
  ControlClient(std::string lab, Fd socket, pid_t supervisor)
      : lab_(std::move(lab)), socket_(std::move(socket)), supervisor_(supervisor) {}
  Result<ControlReply> exchange(const std::string& method, const std::string& target,
                                const std::string& body);
  std::string lab_;
  Fd socket_;
  pid_t supervisor_;
};

}  // namespace lab::runtime
