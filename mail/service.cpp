#include "mail/service.hpp"

#include <fmt/format.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <filesystem>
#include <map>
#include <set>
#include <vector>

#include "common/log.hpp"
#include "common/spawn.hpp"
#include "mail/imap/session.hpp"
#include "mail/login.hpp"
#include "mail/pop3/session.hpp"
#include "mail/post_office.hpp"
#include "mail/queue/queue.hpp"
#include "mail/route/resolver.hpp"
#include "mail/server_context.hpp"
#include "mail/smtp/relay.hpp"
#include "mail/smtp/session.hpp"
#include "mail/store/store.hpp"

namespace lab::mail {
namespace asio = boost::asio;
using asio::ip::tcp;

namespace {

constexpr auto kTuple = asio::as_tuple(asio::use_awaitable);

/// One of the protocols this server speaks.
struct Protocol {
  std::string name;
  std::vector<Endpoint> ListenConfig::*listen;
  bool implicit_tls;
  std::string busy;  ///< said to whom there is no room for
  std::function<awaitable<void>(Stream& stream, std::uint64_t session)> serve;
};

/// The dialogues under way; outlives the service by as long as they do.
struct Dialogues {
  std::set<Stream*> streams;
  std::map<std::string, std::size_t> by_peer;
};

class Registration {
 public:
  Registration(std::shared_ptr<Dialogues> dialogues, Stream& stream, std::string peer)
      : dialogues_(std::move(dialogues)), stream_(&stream), peer_(std::move(peer)) {
    dialogues_->streams.insert(stream_);
    ++dialogues_->by_peer[peer_];
  }
  ~Registration() {
    dialogues_->streams.erase(stream_);
    if (--dialogues_->by_peer[peer_] == 0) dialogues_->by_peer.erase(peer_);
  }
  Registration(const Registration&) = delete;
  Registration& operator=(const Registration&) = delete;

 private:
  std::shared_ptr<Dialogues> dialogues_;
  Stream* stream_;
  std::string peer_;
};

std::string without_port(const std::string& peer) {
  auto address = peer.substr(0, peer.rfind(':'));
  return address.starts_with('[') ? address.substr(1, address.size() - 2) : address;
}

}  // namespace

struct Service::Impl {
  asio::io_context& io;
  Config config;
  ServiceLimits limits;
  std::unique_ptr<Store> store;
  std::unique_ptr<PostOffices> offices;
  std::unique_ptr<Login> login;
  std::unique_ptr<ServerContext> context;
  std::unique_ptr<route::Resolver> resolver;
  std::unique_ptr<smtp::Relay> relay;
  std::unique_ptr<queue::Queue> queue;
  std::shared_ptr<smtp::Shared> smtp_shared = std::make_shared<smtp::Shared>();
  std::vector<Protocol> protocols;
  std::vector<std::unique_ptr<tcp::acceptor>> acceptors;
  std::shared_ptr<Dialogues> dialogues = std::make_shared<Dialogues>();
  Gate gate;
  asio::steady_timer drain_timer;
  std::uint64_t sessions = 0;

  Impl(asio::io_context& context_io, Config c) : io(context_io), config(std::move(c)), drain_timer(io) {}

  smtp::Settings smtp_settings(const Stream& stream, bool submission) const {
    smtp::Settings settings;
    settings.hostname = config.hostname;
    settings.domain = config.domains.begin()->first;
    settings.max_message = 0;
    for (auto& [name, domain] : config.domains)
      settings.max_message = std::max(settings.max_message, domain.max_message.count);
    settings.submission = submission;
    settings.tls_available = context->tls != nullptr;
    settings.auth_without_tls = !context->tls_required;
    settings.gssapi = context->kerberos_for("smtp");
    if (auto peer = IpAddress::parse(without_port(stream.peer())))
      for (auto& network : config.networks)
        settings.trusted_network = settings.trusted_network || network.contains(*peer);
    return settings;
  }

  awaitable<void> serve_smtp(Stream& stream, std::uint64_t number, bool submission) {
    smtp::Session session(stream, *context, smtp_shared, smtp_settings(stream, submission), number);
    co_await session.run();
  }

  void name_protocols() {
    auto smtp = [this](bool submission) {
      return [this, submission](Stream& stream, std::uint64_t number) {
        return serve_smtp(stream, number, submission);
      };
    };
    const auto imap = [this](Stream& stream, std::uint64_t number) {
      return imap::serve(stream, *context, number);
    };
    const auto pop3 = [this](Stream& stream, std::uint64_t number) {
      return pop3::serve(stream, *context, number);
    };
    const std::string err = "-ERR [SYS/TEMP] " + config.hostname + " is busy; try again in a moment\r\n";
    const std::string bye = "* BYE " + config.hostname + " is busy; try again in a moment\r\n";
    const std::string busy = "421 4.3.2 " + config.hostname + " is busy; try again in a moment\r\n";
    protocols = {
        {"smtp", &ListenConfig::smtp, false, busy, smtp(false)},
        {"submission", &ListenConfig::submission, false, busy, smtp(true)},
        {"smtps", &ListenConfig::smtps, true, busy, smtp(true)},
        {"pop3", &ListenConfig::pop3, false, err, pop3},
        {"pop3s", &ListenConfig::pop3s, true, err, pop3},
        {"imap", &ListenConfig::imap, false, bye, imap},
        {"imaps", &ListenConfig::imaps, true, bye, imap},
    };
  }

  Result<void> start() {
    if (auto checked = PostOffices::check_directories(config.domains); !checked) return checked;
    std::error_code error;
    std::filesystem::create_directories(config.data, error);
    if (error) return fail("cannot make the folder: " + error.message(), config.data);
    try {
      store = std::make_unique<Store>(Store::Options{.path = config.data + "/mail.db"});
    } catch (const std::exception& e) {
      return fail(std::string("cannot open the mailboxes: ") + e.what(), config.data + "/mail.db");
    }
    offices = std::make_unique<PostOffices>(io.get_executor(), config.hostname, config.domains);
    login = std::make_unique<Login>(*offices, *store);
    context = std::make_unique<ServerContext>(
        ServerContext{.hostname = config.hostname, .accounts = *offices, .login = *login, .store = *store});
    context->tls_required = config.tls.required;
    if (auto loaded = load_certificate(); !loaded) return loaded;
    for (auto& [name, domain] : config.domains) {
      if (!domain.kerberos || context->gssapi) continue;
      auto opened = Gssapi::open(domain.kerberos->keytab, config.data + "/kerberos.replay");
      if (!opened) return std::unexpected(opened.error());
      context->gssapi = std::move(*opened);
    }
    if (auto started = start_queue(); !started) return started;
    name_protocols();
    for (auto& protocol : protocols)
      for (auto& endpoint : config.listen.*protocol.listen)
        if (auto bound = listen(protocol, endpoint); !bound) return bound;
    return {};
  }

  Result<void> load_certificate() {
    if (!config.tls.available()) return {};
    auto loaded = tls::server_context({config.tls.certificate, config.tls.key});
    if (!loaded) return std::unexpected(loaded.error());
    context->tls = std::move(*loaded);
    return {};
  }

  Result<void> start_queue() {
    auto client_tls = tls::client_context("");
    if (!client_tls) return std::unexpected(client_tls.error());
    std::vector<Endpoint> servers;
    for (auto& address : config.dns) servers.push_back({address, 53});
    if (servers.empty()) servers = route::Resolver::servers_of("/etc/resolv.conf");
    resolver = std::make_unique<route::Resolver>(io.get_executor(), std::move(servers));
    relay = std::make_unique<smtp::Relay>(
        io.get_executor(), *resolver,
        smtp::RelayOptions{
            .hostname = config.hostname, .tls = std::move(*client_tls), .port = config.queue.port});
    queue = std::make_unique<queue::Queue>(io.get_executor(), *store, *offices, *relay, config.hostname,
                                           queue::Schedule{.retry = config.queue.retry,
                                                           .warn_after = config.queue.warn_after,
                                                           .give_up_after = config.queue.give_up_after});
    smtp_shared->queue_filled = [this] { queue->wake(); };
    return queue->start();
  }

  Result<void> listen(const Protocol& protocol, const Endpoint& endpoint) {
    const tcp::endpoint address(asio::ip::make_address(endpoint.address.text()), endpoint.port);
    auto acceptor = std::make_unique<tcp::acceptor>(io);
    try {
      acceptor->open(address.protocol());
      acceptor->set_option(tcp::acceptor::reuse_address(true));
      if (address.address().is_v6()) acceptor->set_option(asio::ip::v6_only(true));
      acceptor->bind(address);
      acceptor->listen();
    } catch (const boost::system::system_error& e) {
      return fail("cannot listen: " + e.code().message(), protocol.name + " " + endpoint.text(),
                  e.code() == asio::error::access_denied    ? "ports below 1024 need root or a namespace"
                  : e.code() == asio::error::address_in_use ? "is another mail server running?"
                                                            : "");
    }
    spawn(io.get_executor(), "listener " + protocol.name, accept(*acceptor, protocol));
    acceptors.push_back(std::move(acceptor));
    return {};
  }

  awaitable<void> accept(tcp::acceptor& acceptor, const Protocol& protocol) {
    for (;;) {
      auto [error, socket] = co_await acceptor.async_accept(kTuple);
      if (error == asio::error::operation_aborted) co_return;
      if (error) {
        log::warning("{}: accept: {}", protocol.name, error.message());
        asio::steady_timer pause(io, limits.accept_pause);
        co_await pause.async_wait(kTuple);
        continue;
      }
      spawn(io.get_executor(), protocol.name, dialogue(std::move(socket), protocol));
    }
  }

  awaitable<void> dialogue(tcp::socket socket, const Protocol& protocol) {
    auto pass = gate.enter();
    if (!pass) co_return;
    Stream stream(std::move(socket));
    auto peer = without_port(stream.peer());
    Registration registration(dialogues, stream, peer);
    stream.expires_after(limits.handshake);
    if (dialogues->streams.size() > limits.dialogues ||
        dialogues->by_peer[peer] > limits.dialogues_per_peer) {
      log::warning("{}: {} dialogues at once, {} of them with {}; one more is sent away", protocol.name,
                   dialogues->streams.size(), dialogues->by_peer[peer], peer);
      if (!protocol.implicit_tls) stream.send(protocol.busy);
      co_await stream.close();
      co_return;
    }
    if (protocol.implicit_tls) {
      auto done = co_await stream.accept_tls(context->tls);
      if (!done) {
        log::info("{}: {}: no TLS: {}", protocol.name, stream.peer(),
                  done.error() == StreamError::Broken ? stream.failure() : describe(done.error()));
        co_return;
      }
    }
    co_await protocol.serve(stream, ++sessions);
  }

  void stop(std::function<void()> done) {
    for (auto& acceptor : acceptors) acceptor->close();
    queue->stop();
    auto once = std::make_shared<std::function<void()>>(std::move(done));
    auto finish = [once] {
      if (auto call = std::exchange(*once, nullptr)) call();
    };
    // Copied: a dialogue woken up here may end, and leave the set, before the loop does.
    for (auto* stream : std::vector(dialogues->streams.begin(), dialogues->streams.end()))
      stream->interrupt();
    drain_timer.expires_after(limits.drain);
    drain_timer.async_wait([this, finish](const boost::system::error_code& error) {
      if (error) return;
      log::info("{} dialogues were cut off", dialogues->streams.size());
      finish();
    });
    gate.close(finish);
  }
};

Service::Service(asio::io_context& io, Config config)
    : impl_(std::make_unique<Impl>(io, std::move(config))) {}
Service::~Service() = default;

Result<void> Service::start() { return impl_->start(); }

void Service::reload() {
  if (auto loaded = impl_->load_certificate(); !loaded)
    log::error("the certificate stays as it was: {}", loaded.error().text());
  else
    log::info("certificate read again");
}

void Service::stop(std::function<void()> done) { impl_->stop(std::move(done)); }

}  // namespace lab::mail
