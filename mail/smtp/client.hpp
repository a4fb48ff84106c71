/// client -- one SMTP dialogue as a client (RFC 5321): greets, encrypts where the other side offers it (RFC
/// 7435: better than nothing, and nothing is checked), and hands over any number of messages, pipelined where
/// it may (RFC 2920).
#pragma once
#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include "mail/queue/transport.hpp"
#include "mail/smtp/reply.hpp"
#include "mail/stream.hpp"

namespace lab::mail::smtp {

/// RFC 5321 4.5.3.2: how long a client waits.
struct ClientLimits {
  std::chrono::seconds connect{30};
  std::chrono::seconds greeting{300};
  std::chrono::seconds command{300};
  std::chrono::seconds data_start{120};
  std::chrono::seconds data_block{180};
  std::chrono::seconds data_end{600};
  std::chrono::seconds quit{5};   ///< nobody waits for this one
  std::size_t reply_line = 2048;  ///< RFC 5321 4.5.3.1.5 asks for 512
};

class Client {
 public:
  /// `remote`: the host's name, for SNI, logs and reports.
  Client(Stream& stream, std::string hostname, std::string remote, ClientLimits limits = {});

  /// Greeting, EHLO (or HELO), STARTTLS with `tls` unless that is empty. The verdict is Delivered when all
  /// went well: mail may be sent. `tls_failed()` tells whether to come back without TLS.
  boost::asio::awaitable<queue::Verdict> hello(tls::Context tls);
  bool tls_failed() const { return tls_failed_; }
  /// Whether the last exchange left the dialogue usable.
  bool alive() const { return alive_; }
  boost::asio::awaitable<std::vector<queue::Verdict>> send(const queue::Parcel& parcel,
                                                           std::string_view message);
  boost::asio::awaitable<void> quit();

 private:
  using Answer = std::expected<Reply, StreamError>;
  boost::asio::awaitable<Answer> read_reply(std::chrono::seconds time);
  boost::asio::awaitable<Answer> command(std::string line, std::chrono::seconds time);
  boost::asio::awaitable<Answer> greet();
  boost::asio::awaitable<Answer> send_text(std::string_view message);
  /// MAIL with the parameters this message needs and this server knows, or why it cannot take it.
  std::expected<std::string, queue::Verdict> mail_command(const queue::Parcel& parcel,
                                                          std::string_view message) const;
  /// MAIL, RCPT, DATA; the answer to DATA, and a verdict for each recipient asked about.
  boost::asio::awaitable<Answer> envelope(const queue::Parcel& parcel, std::string mail,
                                          std::vector<queue::Verdict>& verdicts);
  void say(std::string_view line);
  queue::Verdict verdict_of(const Answer& answer) const;
  bool offers(std::string_view keyword) const;

  Stream& stream_;
  std::string hostname_, remote_;
  ClientLimits limits_;
  std::vector<std::string> extensions_;  // upper case, with their arguments
  std::uint64_t session_;
  bool tls_failed_ = false, alive_ = true, used_ = false;
};

}  // namespace lab::mail::smtp
