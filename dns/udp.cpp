#include "dns/udp.hpp"

#include <sched.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <ctime>
#include <system_error>

#include "common/events.hpp"
#include "common/log.hpp"
#include "dns/describe.hpp"
#include "dns/socket_address.hpp"

namespace lab::dns {
namespace {

struct UdpLimits {
  static constexpr unsigned kBatch = 64;            // datagrams a system call; more gains nothing measurable
  static constexpr std::size_t kReceive = 4096;     // the longest message taken; longer ones are for TCP
  static constexpr std::size_t kSend = 4096;        // udp_size can be set no higher
  static constexpr std::uint32_t kComplaints = 10;  // seconds between log lines about one who asks too fast
  static constexpr int kReceiveBuffer = 1 << 20;    // of the kernel: a burst of some thousand questions
};

// A socket that threads share; closed when the last answer that waits for the disk has left.
class Socket {
 public:
  explicit Socket(const Endpoint& at)
      : fd_(::socket(at.address.is_v4() ? AF_INET : AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
    auto check = [&](bool good) {
      if (good) return;
      const int error = errno;
      if (fd_ >= 0) ::close(fd_);
      throw std::system_error(error, std::generic_category(), "cannot listen on " + at.text() + " (UDP)");
    };
    check(fd_ >= 0);
    const int on = 1, buffer = UdpLimits::kReceiveBuffer;
    check(::setsockopt(fd_, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on) == 0);
    if (!at.address.is_v4()) check(::setsockopt(fd_, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on) == 0);
    ::setsockopt(fd_, SOL_SOCKET, SO_RCVBUF, &buffer, sizeof buffer);
    if (at.address.is_v4()) {
      // No path MTU discovery: a forged "fragmentation needed" must not make answers vanish (RFC 9715 3.1).
      const int omit = IP_PMTUDISC_OMIT;
      ::setsockopt(fd_, IPPROTO_IP, IP_MTU_DISCOVER, &omit, sizeof omit);
    }
    wildcard_ = std::all_of(at.address.bytes().begin(), at.address.bytes().end(),
                            [](std::uint8_t b) { return b == 0; });
    // On a wildcard address the answer must leave from the address that was asked.
    if (wildcard_)
      check(::setsockopt(fd_, at.address.is_v4() ? IPPROTO_IP : IPPROTO_IPV6,
                         at.address.is_v4() ? IP_PKTINFO : IPV6_RECVPKTINFO, &on, sizeof on) == 0);
    sockaddr_storage address;
    const socklen_t size = to_sockaddr(at, address);
    check(::bind(fd_, reinterpret_cast<const sockaddr*>(&address), size) == 0);
  }
  ~Socket() { ::close(fd_); }
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;
  int fd() const { return fd_; }
  bool wildcard() const { return wildcard_; }

 private:
  int fd_;
  bool wildcard_ = false;
};

}  // namespace

class UdpServer::Worker {
 public:
  Worker(Service& service, const Endpoint& at, bool several)
      : service_(service),
        several_(several),
        socket_(std::make_shared<Socket>(at)),
        view_(service.view_at(at)),
        reader_(service.zones(view_)),
        settings_(service.settings()),
        counters_(service.metrics().counters()) {
    for (unsigned i = 0; i < UdpLimits::kBatch; ++i) prepare(i);
  }

  void run() {
    while (!stopping_.load(std::memory_order_relaxed)) {
      const int n = ::recvmmsg(socket_->fd(), in_, UdpLimits::kBatch, MSG_WAITFORONE, nullptr);
      if (stopping_) return;
      if (n <= 0) {
        if (n < 0 && errno != EINTR && errno != EAGAIN && errno != ECONNREFUSED)
          log::error("receiving over UDP: {}", std::strerror(errno));
        continue;
      }
      answer(static_cast<unsigned>(n));
      // Several threads take their shares in small groups, and a wake-up for each costs more than the
      // answers. Whoever asks gets the processor first, then: the next call takes more at once.
      if (several_ && n > 1 && n < static_cast<int>(UdpLimits::kBatch) / 2) ::sched_yield();
    }
  }

  void stop() {
    stopping_ = true;
    ::shutdown(socket_->fd(), SHUT_RD);  // wakes recvmmsg, although the socket is not connected
  }

 private:
  void prepare(unsigned i) {
    in_data_[i] = {received_[i].bytes, UdpLimits::kReceive};
    std::memset(&in_[i], 0, sizeof in_[i]);
    in_[i].msg_hdr.msg_name = &peers_[i];
    in_[i].msg_hdr.msg_namelen = sizeof peers_[i];
    in_[i].msg_hdr.msg_iov = &in_data_[i];
    in_[i].msg_hdr.msg_iovlen = 1;
    if (socket_->wildcard()) {
      in_[i].msg_hdr.msg_control = control_[i];
      in_[i].msg_hdr.msg_controllen = sizeof control_[i];
    }
  }

  Asker asker(unsigned i) const {
    Asker who{.transport = Transport::Udp, .address = address_of(peers_[i]), .now = now_};
    if (!service_.treats_all_alike(view_)) {
      const IpAddress peer = from_sockaddr(peers_[i]).address;
      const Asker allowed = service_.asker(Transport::Udp, peer, view_);
      who.may_recurse = allowed.may_recurse;
      who.recursion_offered = allowed.recursion_offered;
    }
    return who;
  }

  // Whether an answer may leave as it is. What is asked too often is cut down to TC, or not answered at all.
  bool within_limits(RateLimiter& limiter, Outcome& outcome, unsigned i) {
    if (outcome.cookie_good || outcome.rcode == Rcode::BadCookie)
      return true;  // no forged address, or a short reply
    const auto kind = outcome.rcode == Rcode::NoError || outcome.rcode == Rcode::YxDomain
                          ? RateLimiter::Kind::Answer
                      : outcome.rcode == Rcode::NxDomain ? RateLimiter::Kind::NxDomain
                                                         : RateLimiter::Kind::Error;
    const std::uint8_t* const reply = sent_[i].bytes;
    const auto verdict =
        limiter.judge(address_of(peers_[i]), kind, subject(kind, {reply, outcome.size}), microseconds());
    if (verdict == RateLimiter::Verdict::Send || limiter.exempts(from_sockaddr(peers_[i]).address))
      return true;
    complain(limiter, kind, i);
    if (verdict == RateLimiter::Verdict::Drop) {
      counters_.event(Event::RateDropped);
      return false;
    }
    counters_.event(Event::RateSlipped);
    outcome.size = truncated_reply(current_->options, asker(i), request_, sent_[i].bytes);
    return true;
  }

  // What is counted together: the same question; all names that do not exist in a zone, which its SOA names;
  // all errors.
  std::uint64_t subject(RateLimiter::Kind kind, std::span<const std::uint8_t> reply) const {
    if (kind == RateLimiter::Kind::Error) return 0;
    if (kind == RateLimiter::Kind::Answer) {
      name_.assign(request_.qname.data(), request_.qname.size());
      return name_.hash() ^ request_.qtype;
    }
    std::size_t at = request_.question_end;
    const auto soa = get16(&reply[8]) > 0 ? Name::from_message(reply, at) : std::nullopt;
    if (!soa) return 1;
    name_.assign(soa->data(), soa->size());
    return name_.hash();
  }

  void complain(RateLimiter& limiter, RateLimiter::Kind kind, unsigned i) {
    if (now_ - complained_ < UdpLimits::kComplaints) return;
    complained_ = now_;
    constexpr const char* kKinds[] = {"the same answer", "names that do not exist", "errors"};
    log::warning("{} asks too fast for {}; its answers are limited ('rate_limit')",
                 limiter.network_text(from_sockaddr(peers_[i]).address),
                 kKinds[static_cast<std::size_t>(kind)]);
  }

  static std::uint64_t microseconds() {
    return static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::microseconds>(
                                          std::chrono::steady_clock::now().time_since_epoch())
                                          .count());
  }

  void answer(unsigned n) {
    unsigned replies = 0;
    const bool tell = events::listening();
    const auto begin = std::chrono::steady_clock::now();
    now_ = static_cast<std::uint32_t>(std::time(nullptr));
    current_ = &settings_.now();  // for this batch: the next look may bring others
    RateLimiter* const limiter = current_->limiter.get();
    {
      const auto zones = reader_.hold();
      if (zones->has_big() && n > 1) look_ahead(*zones, n);
      for (unsigned i = 0; i < n; ++i) {
        auto& h = in_[i].msg_hdr;
        const std::span<const std::uint8_t> message(received_[i].bytes, in_[i].msg_len);
        Outcome outcome = respond(*zones, current_->options, asker(i), message, sent_[i].bytes, request_);
        count_outcome(counters_, Transport::Udp, request_, outcome,
                      std::span(sent_[i].bytes).first(outcome.size));
        if (outcome.action == Action::Reply) {
          if (tell)
            service_.tell(request_, describe_response(std::span(sent_[i].bytes).first(outcome.size)),
                          from_sockaddr(peers_[i]), Transport::Udp);
          if (!limiter || within_limits(*limiter, outcome, i)) {
            out_data_[replies] = {sent_[i].bytes, outcome.size};
            out_[replies].msg_hdr = h;
            out_[replies].msg_hdr.msg_iov = &out_data_[replies];
            out_[replies].msg_hdr.msg_flags = 0;
            ++replies;
          }
        } else if (outcome.action != Action::Drop) {
          hand_over(outcome, i);
        }
        h.msg_namelen = sizeof peers_[i];
      }
    }
    for (unsigned sent = 0; sent < replies;) {
      const int r = ::sendmmsg(socket_->fd(), out_ + sent, replies - sent, 0);
      // One that cannot be sent (its network is gone, say) must not take the others with it.
      sent += r > 0 ? static_cast<unsigned>(r) : errno == EINTR ? 0U : 1U;
    }
    if (replies > 0) counters_.latency(std::chrono::steady_clock::now() - begin, replies);
    if (socket_->wildcard())
      for (unsigned i = 0; i < n; ++i) in_[i].msg_hdr.msg_controllen = sizeof control_[i];
  }

  // The names of a whole batch are looked up in memory side by side, so that answering them one after the
  // other finds all of it in the processor's cache.
  void look_ahead(const ZoneSet& zones, unsigned n) {
    struct Ahead {
      const Zone* zone;
      std::uint64_t hash;
    };
    constexpr unsigned kNames = 2;  // the name itself, and what stands above it: a delegation, an encloser
    Ahead ahead[kNames * UdpLimits::kBatch];
    unsigned count = 0;
    for (unsigned i = 0; i < n; ++i) {
      const std::span<const std::uint8_t> message(received_[i].bytes, in_[i].msg_len);
      const std::size_t size = message.size() > kHeaderSize ? name_size(message.subspan(kHeaderSize)) : 0;
      if (size == 0) continue;
      name_.assign(&message[kHeaderSize], size);
      const Zone* const zone = zones.find(name_);
      if (!zone || !zone->is_big()) continue;
      for (unsigned k = 0; k < kNames && name_.labels() - k > zone->apex_labels(); ++k) {
        ahead[count] = {zone, name_.hash(name_.labels() - k)};
        zone->prefetch(ahead[count++].hash);
      }
    }
    for (unsigned i = 0; i < count; ++i) ahead[i].zone->prefetch_node(ahead[i].hash);
  }

  // What is answered later: an update when it is on disk, a question when others have answered it.
  void hand_over(const Outcome& outcome, unsigned i) {
    struct Address {
      sockaddr_storage peer;
      socklen_t peer_size;
      alignas(cmsghdr) std::uint8_t control[kControl];
      std::size_t control_size;
    };
    const msghdr& h = in_[i].msg_hdr;
    auto address = std::make_shared<Address>();
    address->peer = peers_[i];
    address->peer_size = h.msg_namelen;
    address->control_size = h.msg_controllen;
    if (h.msg_controllen > 0) std::memcpy(address->control, control_[i], h.msg_controllen);
    const Endpoint peer = from_sockaddr(peers_[i]);
    std::vector<std::uint8_t> message(request_.message.begin(), request_.message.end());
    service_.handle(outcome.action, request_, std::span(sent_[i].bytes).first(outcome.size),
                    {peer, Transport::Udp, {}, view_},
                    [this_service = &service_, socket = socket_, address, peer, message = std::move(message),
                     begin = std::chrono::steady_clock::now()](const std::vector<std::uint8_t>& reply) {
                      iovec data{const_cast<std::uint8_t*>(reply.data()), reply.size()};
                      msghdr out{};
                      out.msg_name = &address->peer;
                      out.msg_namelen = address->peer_size;
                      out.msg_iov = &data;
                      out.msg_iovlen = 1;
                      out.msg_control = address->control_size > 0 ? address->control : nullptr;
                      out.msg_controllen = address->control_size;
                      if (events::listening()) {
                        Request request;
                        parse_request(message, request);
                        this_service->tell(request, describe_response(reply), peer, Transport::Udp);
                      }
                      if (::sendmsg(socket->fd(), &out, 0) < 0)
                        log::warning("{}: cannot answer: {}", peer.text(), std::strerror(errno));
                      this_service->metrics().late_answer(reply, std::chrono::steady_clock::now() - begin);
                    });
  }

  static constexpr std::size_t kControl = CMSG_SPACE(sizeof(in6_pktinfo));

  Service& service_;
  const bool several_;  // threads share the address
  std::shared_ptr<Socket> socket_;
  const ViewId view_;
  Snapshot<ZoneSet>::Reader reader_;
  Snapshot<Settings>::Follower settings_;
  const Settings* current_ = nullptr;
  std::atomic<bool> stopping_{false};
  Request request_;
  Counters& counters_;
  mutable LookupName name_;
  std::uint32_t complained_ = 0;
  std::uint32_t now_ = 0;  // seconds since 1970, of this batch
  mmsghdr in_[UdpLimits::kBatch], out_[UdpLimits::kBatch];
  iovec in_data_[UdpLimits::kBatch], out_data_[UdpLimits::kBatch];
  sockaddr_storage peers_[UdpLimits::kBatch];
  alignas(cmsghdr) std::uint8_t control_[UdpLimits::kBatch][kControl];
  // A cache line more than a page each: what all messages begin with must not fall into the same few sets of
  // the processor's cache.
  struct Buffer {
    alignas(64) std::uint8_t bytes[UdpLimits::kReceive];
    std::uint8_t apart[64];
  };
  static_assert(UdpLimits::kReceive == UdpLimits::kSend);
  Buffer received_[UdpLimits::kBatch];
  Buffer sent_[UdpLimits::kBatch];
};

UdpServer::UdpServer(Service& service, const std::vector<Endpoint>& listen, unsigned threads) {
  for (const Endpoint& at : listen)
    for (unsigned i = 0; i < threads; ++i) workers_.emplace_back(new Worker(service, at, threads > 1));
}

UdpServer::~UdpServer() { stop(); }

void UdpServer::start() {
  for (const auto& worker : workers_) threads_.emplace_back([w = worker.get()] { w->run(); });
}

void UdpServer::stop() {
  for (const auto& worker : workers_) worker->stop();
  for (auto& thread : threads_)
    if (thread.joinable()) thread.join();
}

}  // namespace lab::dns
