/// partner_link -- the connection to the other server of a hot standby: keeps it, says what we lend before the client
/// hears of it, takes what the partner lends. The primary connects, the standby listens (TCP, port 647). What each may
/// do by it is Partnership's to say.
#pragma once
#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "dhcp/config.hpp"
#include "dhcp/partner_memory.hpp"
#include "dhcp/partner_message.hpp"
#include "dhcp/partnership.hpp"

namespace lab::dhcp {

class PartnerLink {
 public:
  struct Hooks {
    std::function<PartnerHello()> hello;                    ///< all but role and nonce
    std::function<void(const PartnerHello&)> greeted;       ///< the partner has proved that it has the secret
    std::function<std::vector<StoreChange>()> everything;   ///< in pieces of PartnerLimits::kRows
    /// The partner's rows, `of_before` this connection or new; `stored` to be called on the io thread once
    /// they are on our disk, in order.
    std::function<void(StoreChange, bool of_before, std::function<void(bool)> stored)> take;
    std::function<void()> changed;  ///< the partnership is in another state
  };

  /// `longest`: the longest lease any scope gives.
  PartnerLink(boost::asio::io_context& io, FailoverConfig config, std::chrono::seconds longest,
              PartnerMemory memory, Hooks hooks);
  ~PartnerLink();

  /// Opens the standby's port: needs CAP_NET_BIND_SERVICE, now only.
  Result<void> listen();
  void start();
  /// Tells the partner that we stop serving, where it hears us; then closes.
  void stop();

  const FailoverConfig& config() const { return config_; }
  const Partnership& partnership() const { return partnership_; }
  bool declare_partner_down();

  /// Whether a change must be on the partner's disk too before it is promised.
  bool connected() const { return session_ != nullptr; }
  /// `done` is called on the io thread: true when it is on the partner's disk, false when the partner was lost.
  void replicate(const StoreChange& change, std::function<void(bool)> done);

 private:
  struct Session;
  boost::asio::awaitable<void> connect();
  boost::asio::awaitable<void> accept();
  boost::asio::awaitable<void> converse(boost::asio::ip::tcp::socket socket);
  boost::asio::awaitable<bool> greet(Session& session);
  boost::asio::awaitable<void> read(std::shared_ptr<Session> session);
  boost::asio::awaitable<Result<PartnerFrame>> read_frame(Session& session);
  boost::asio::awaitable<void> write(std::shared_ptr<Session> session);
  boost::asio::awaitable<void> keep_time();
  void on_frame(const std::shared_ptr<Session>& session, PartnerFrame frame);
  void queue(const std::shared_ptr<Session>& session, PartnerKind kind, std::uint32_t number, Bytes body = {});
  void finish(const std::shared_ptr<Session>& session);
  bool note_change(bool changed);
  bool remember();
  void complain(const std::string& text);

  boost::asio::io_context& io_;
  FailoverConfig config_;
  PartnerMemory memory_;
  Hooks hooks_;
  Partnership partnership_;
  boost::asio::ip::tcp::acceptor acceptor_;
  boost::asio::steady_timer pause_, clock_;
  std::shared_ptr<Session> session_;  ///< greeted, and not lost
  std::string complaint_;             ///< said last, so that it is said once
  SteadyTime remembered_{0};
  bool stopping_ = false;
};

/// Milliseconds since the machine started, sleep included.
SteadyTime steady_now();

}  // namespace lab::dhcp
