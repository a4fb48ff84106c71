#include "dns/recursor.hpp"

#include <dlfcn.h>
#include <unbound.h>

#include <boost/asio/dispatch.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <deque>
#include <optional>
#include <stdexcept>
#include <utility>

#include "common/log.hpp"
#include "dns/rdata.hpp"
#include "dns/response.hpp"

namespace lab::dns {
namespace {

// libunbound, loaded by the first question that needs it: a server of zones alone has neither its memory nor
// its start-up time to pay, and a lab is up before anybody asks.
struct Unbound {
  decltype(&ub_ctx_create) create;
  decltype(&ub_ctx_delete) destroy;
  decltype(&ub_ctx_set_option) set_option;
  decltype(&ub_ctx_set_stub) set_stub;
  decltype(&ub_ctx_set_fwd) set_forwarder;
  decltype(&ub_ctx_add_ta_file) add_trust_anchors;
  decltype(&ub_ctx_zone_add) add_zone;
  decltype(&ub_ctx_async) async;
  decltype(&ub_fd) fd;
  decltype(&ub_process) process;
  decltype(&ub_resolve_async) resolve_async;
  decltype(&ub_resolve_free) resolve_free;
  decltype(&ub_strerror) strerror;

  Unbound() {
    void* library = ::dlopen("libunbound.so.8", RTLD_NOW | RTLD_LOCAL);
    if (!library)
      throw std::runtime_error(
          fmt::format("recursion needs libunbound: {} (apt-get install libunbound8)", ::dlerror()));
    auto bind = [&](auto& function, const char* name) {
      function = reinterpret_cast<std::remove_reference_t<decltype(function)>>(::dlsym(library, name));
      if (!function) throw std::runtime_error(fmt::format("libunbound lacks {}", name));
    };
    bind(create, "ub_ctx_create");
    bind(destroy, "ub_ctx_delete");
    bind(set_option, "ub_ctx_set_option");
    bind(set_stub, "ub_ctx_set_stub");
    bind(set_forwarder, "ub_ctx_set_fwd");
    bind(add_trust_anchors, "ub_ctx_add_ta_file");
    bind(add_zone, "ub_ctx_zone_add");
    bind(async, "ub_ctx_async");
    bind(fd, "ub_fd");
    bind(process, "ub_process");
    bind(resolve_async, "ub_resolve_async");
    bind(resolve_free, "ub_resolve_free");
    bind(strerror, "ub_strerror");
  }
};

// Option and value. A lab is small, changes while people watch, and its names are often ones that the
// internet reserves.
constexpr std::pair<const char*, const char*> kOptions[] = {
    {"verbosity:", "0"},
    {"use-syslog:", "no"},
    {"logfile:", ""},
    {"msg-cache-size:", "1m"},
    {"rrset-cache-size:", "2m"},
    {"key-cache-size:", "256k"},
    {"neg-cache-size:", "128k"},
    {"infra-cache-numhosts:", "500"},
    {"infra-host-ttl:", "15"},          // a server that was down is asked again soon
    {"cache-max-negative-ttl:", "10"},  // a record added in class is seen at once
    {"do-not-query-localhost:", "no"},  // the lab's root may be this very host
    {"unblock-lan-zones:", "yes"},      // reverse zones of private networks are what a lab serves
    {"insecure-lan-zones:", "yes"},
    {"local-zone:", "test. nodefault"},  // RFC 6761 names, for once served
    {"local-zone:", "home.arpa. nodefault"},
    {"edns-buffer-size:", "1232"},
};

}  // namespace

struct Recursor::Impl : std::enable_shared_from_this<Recursor::Impl> {
  Impl(boost::asio::any_io_executor e, RecursionConfig c)
      : config(std::move(c)), executor(std::move(e)), readable(executor) {}
  ~Impl() {
    if (readable.is_open()) readable.release();
    if (context) unbound->destroy(context);
  }

  // Results wait behind a descriptor; taking them calls `finished` for each.
  void wait() {
    readable.async_wait(boost::asio::posix::stream_descriptor::wait_read,
                        [self = weak_from_this()](const boost::system::error_code& error) {
                          const auto impl = self.lock();
                          if (error || !impl) return;
                          impl->unbound->process(impl->context);
                          impl->wait();
                        });
  }

  struct Query {
    Impl* impl;
    Done done;
  };
  static void finished(void* data, int error, ub_result* result) {
    const std::unique_ptr<Query> query(static_cast<Query*>(data));
    Found found;
    if (error == 0 && result) {
      found.rcode = static_cast<Rcode>(result->rcode);
      found.secure = result->secure != 0;
      if (result->bogus) {
        found.rcode = Rcode::ServFail;
        found.why_bogus = result->why_bogus ? result->why_bogus : "validation failed";
      } else if (result->answer_packet && result->answer_len >= static_cast<int>(kHeaderSize)) {
        const auto* bytes = static_cast<const std::uint8_t*>(result->answer_packet);
        found.message.assign(bytes, bytes + result->answer_len);
      }
      query->impl->unbound->resolve_free(result);
    }
    query->done(std::move(found));
  }

  /// Throws std::runtime_error.
  void start();

  const RecursionConfig config;
  std::optional<Unbound> unbound;
  boost::asio::any_io_executor executor;
  boost::asio::posix::stream_descriptor readable;
  ub_ctx* context = nullptr;
};

void Recursor::Impl::start() {
  unbound.emplace();
  context = unbound->create();
  if (!context) throw std::runtime_error("libunbound cannot start");
  auto check = [&](int error, const std::string& what) {
    if (error != 0)
      throw std::runtime_error(fmt::format("recursion: {}: {}", what, unbound->strerror(error)));
  };
  // A thread, not a process of its own, and said first: names to block settle all that is said after them.
  check(unbound->async(context, 1), "thread");
  for (const auto& [option, value] : kOptions) check(unbound->set_option(context, option, value), option);
  if (config.trust_anchors.empty()) {
    check(unbound->set_option(context, "module-config:", "iterator"), "module-config");
  } else {
    check(unbound->add_trust_anchors(context, config.trust_anchors.c_str()), config.trust_anchors);
  }
  auto address = [](const Endpoint& e) { return fmt::format("{}@{}", e.address.text(), e.port); };
  for (const Endpoint& e : config.root)
    check(unbound->set_stub(context, ".", address(e).c_str(), 0), "root " + e.text());
  for (const auto& [zone, servers] : config.stubs)
    for (const Endpoint& e : servers)
      check(unbound->set_stub(context, zone.c_str(), address(e).c_str(), 0), "stub " + zone);
  for (const Endpoint& e : config.forwarders)
    check(unbound->set_forwarder(context, address(e).c_str()), "forwarder " + e.text());
  for (const std::string& name : config.blocklist)
    check(unbound->add_zone(context, name.c_str(), "always_nxdomain"), "blocklist " + name);
}

Recursor::Recursor(boost::asio::any_io_executor executor, const RecursionConfig& config)
    : impl_(std::make_shared<Impl>(std::move(executor), config)) {}

Recursor::~Recursor() = default;

void Recursor::find(const Name& name, Type type, Done done) {
  boost::asio::dispatch(
      impl_->executor, [impl = impl_, text = name.text(), type, done = std::move(done)]() mutable {
        try {
          if (!impl->context) impl->start();
        } catch (const std::runtime_error& e) {
          log::error("{}", e.what());
          if (impl->context) impl->unbound->destroy(std::exchange(impl->context, nullptr));
          return done({});
        }
        auto query = std::make_unique<Impl::Query>(impl.get(), std::move(done));
        const int error = impl->unbound->resolve_async(impl->context, text.c_str(), type, rrclass::IN,
                                                       query.get(), &Impl::finished, nullptr);
        if (error != 0) {
          log::warning("recursion for {}: {}", text, impl->unbound->strerror(error));
          return query->done({});
        }
        query.release();  // `finished` takes it back
        // The descriptor exists once the first question has started the thread.
        if (!impl->readable.is_open()) {
          impl->readable.assign(impl->unbound->fd(impl->context));
          impl->wait();
        }
      });
}

namespace {

// Copies records of one message into another. What is copied stays here: later names are compressed against
// it.
class RecordCopier {
 public:
  RecordCopier(const Request& request, Response& response) : request_(request), response_(response) {}

  /// The sections [0, sections) of `message`; false when it is malformed.
  bool copy(std::span<const std::uint8_t> message, std::size_t sections) {
    if (message.size() < kHeaderSize) return false;
    std::size_t at = kHeaderSize;
    for (unsigned i = get16(&message[4]); i > 0; --i) {
      at = skip_name(message, at);
      if (at == 0 || message.size() - at < 4) return false;
      at += 4;
    }
    for (std::size_t s = 0; s < sections; ++s)
      for (unsigned i = get16(&message[6 + 2 * s]); i > 0; --i) {
        const auto r = read_record(message, at);
        if (!r) return false;
        at = r->end;
        const bool dnssec = r->type == type::RRSIG || r->type == type::NSEC || r->type == type::NSEC3;
        if (r->type == type::OPT || (dnssec && !request_.edns.dnssec_ok && r->type != request_.qtype))
          continue;
        std::size_t owner_at = r->owner_at;
        auto owner = Name::from_message(message, owner_at);
        auto rdata = rdata_from_message(r->type, message, r->rdata_at, r->rdata_size);
        if (!owner || !rdata) return false;
        if (!add(static_cast<Section>(s), std::move(*owner), *r, *rdata)) {
          if (s != 2) response_.set_truncated();
          return true;
        }
      }
    return true;
  }

 private:
  bool add(Section section, Name owner, const WireRecord& r, const std::string& rdata) {
    RRsetLayout& layout = layouts_.emplace_back();
    layout.add({r.type, 0, r.ttl, {rdata}});
    const Name& name = owners_.emplace_back(std::move(owner));
    Owner at{{name.data(), name.size()}, 0};
    return response_.add(section, at, layout.views()[0]);
  }

  const Request& request_;
  Response& response_;
  std::deque<Name> owners_;
  std::deque<RRsetLayout> layouts_;
};

}  // namespace

std::vector<std::uint8_t> recursive_reply(const Request& q, std::span<const std::uint8_t> known,
                                          const Recursor::Found& found, std::size_t limit,
                                          std::uint16_t udp_size, const ReplyOptions& extra) {
  std::vector<std::uint8_t> bytes(limit);
  Response response(q, bytes, limit, q.edns.present ? Response::kOptSize + extra.bytes().size() : 0);
  response.set_recursion_available();
  response.set_rcode(found.rcode);
  if (found.secure && known.empty() && q.edns.dnssec_ok) response.set_authentic();  // RFC 6840 5.8
  RecordCopier copier(q, response);
  const bool good = (known.empty() || copier.copy(known, 1)) &&
                    (found.message.empty() || response.truncated() || copier.copy(found.message, 3));
  if (!good) {
    response.clear_records();
    response.set_rcode(Rcode::ServFail);
  }
  bytes.resize(response.finish(q.edns, udp_size, extra));
  return bytes;
}

std::optional<Name> alias_target(std::span<const std::uint8_t> reply) {
  std::size_t at = kHeaderSize;
  if (reply.size() < kHeaderSize || get16(&reply[4]) != 1 || get16(&reply[6]) == 0) return std::nullopt;
  at = skip_name(reply, at) + 4;
  std::optional<WireRecord> r;
  for (unsigned i = get16(&reply[6]); i > 0; --i) {
    r = read_record(reply, at);
    if (!r) return std::nullopt;
    at = r->end;
  }
  if (r->type != type::CNAME) return std::nullopt;
  at = r->rdata_at;
  return Name::from_message(reply, at);
}

}  // namespace lab::dns
