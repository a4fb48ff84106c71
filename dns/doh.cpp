#include "dns/doh.hpp"

#include <fmt/format.h>
#include <nghttp2/nghttp2.h>

#include <algorithm>
#include <array>
#include <deque>
#include <map>

#include "dns/request.hpp"

namespace lab::dns {
namespace {

constexpr std::string_view kMediaType = "application/dns-message";

nghttp2_nv field(std::string_view name, std::string_view value) {
  return {const_cast<std::uint8_t*>(as_bytes(name).data()), const_cast<std::uint8_t*>(as_bytes(value).data()),
          name.size(), value.size(), NGHTTP2_NV_FLAG_NONE};
}

}  // namespace

std::optional<std::vector<std::uint8_t>> decode_base64url(std::string_view text) {
  static constexpr auto kValues = [] {
    std::array<std::int8_t, 256> t{};
    t.fill(-1);
    constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    for (std::size_t i = 0; i < kAlphabet.size(); ++i)
      t[static_cast<unsigned char>(kAlphabet[i])] = static_cast<std::int8_t>(i);
    return t;
  }();
  if (text.size() % 4 == 1) return std::nullopt;
  std::vector<std::uint8_t> out;
  out.reserve(text.size() * 3 / 4);
  std::uint32_t bits = 0;
  unsigned held = 0;
  for (const char c : text) {
    const int value = kValues[static_cast<unsigned char>(c)];
    if (value < 0) return std::nullopt;
    bits = bits << 6 | static_cast<std::uint32_t>(value);
    held += 6;
    if (held >= 8) {
      held -= 8;
      out.push_back(static_cast<std::uint8_t>(bits >> held));
    }
  }
  return out;
}

std::uint32_t freshness(std::span<const std::uint8_t> m) {
  if (m.size() < kHeaderSize) return 0;
  const unsigned rcode = m[3] & 15U;
  if (rcode != 0 && rcode != static_cast<unsigned>(Rcode::NxDomain)) return 0;
  std::size_t at = kHeaderSize;
  for (unsigned i = get16(&m[4]); i > 0; --i) {
    at = skip_name(m, at);
    if (at == 0 || m.size() - at < 4) return 0;
    at += 4;
  }
  std::optional<std::uint32_t> least;
  const unsigned answers = get16(&m[6]), records = answers + get16(&m[8]);
  for (unsigned i = 0; i < records; ++i) {
    const auto r = read_record(m, at);
    if (!r) return 0;
    at = r->end;
    std::uint32_t ttl = r->ttl;
    if (i >= answers) {
      // RFC 2308 5: the SOA's own TTL and its MINIMUM bound a negative answer.
      if (r->type != type::SOA || r->rdata_size < 20) continue;
      ttl = std::min(ttl, get32(&m[r->rdata_at + r->rdata_size - 4]));
    }
    least = std::min(least.value_or(ttl), ttl);
  }
  return least.value_or(0);
}

struct DohSession::Impl {
  struct Stream {
    std::string method, path, content_type;
    std::size_t header_bytes = 0;
    std::vector<std::uint8_t> body;
    std::string reply_type;
    std::vector<std::uint8_t> reply;
    std::size_t sent = 0;
    bool too_long = false, asked = false;
  };

  explicit Impl(std::string p) : path(std::move(p)) {
    nghttp2_session_callbacks* callbacks = nullptr;
    nghttp2_session_callbacks_new(&callbacks);
    nghttp2_session_callbacks_set_on_begin_headers_callback(
        callbacks, [](nghttp2_session*, const nghttp2_frame* frame, void* self) {
          if (frame->headers.cat == NGHTTP2_HCAT_REQUEST)
            static_cast<Impl*>(self)->streams[frame->hd.stream_id];
          return 0;
        });
    nghttp2_session_callbacks_set_on_header_callback(
        callbacks,
        [](nghttp2_session*, const nghttp2_frame* frame, const std::uint8_t* name, std::size_t name_size,
           const std::uint8_t* value, std::size_t value_size, std::uint8_t, void* self) {
          static_cast<Impl*>(self)->header(frame->hd.stream_id, as_text({name, name_size}),
                                           as_text({value, value_size}));
          return 0;
        });
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(
        callbacks, [](nghttp2_session*, std::uint8_t, std::int32_t id, const std::uint8_t* data,
                      std::size_t size, void* self) {
          static_cast<Impl*>(self)->data(id, {data, size});
          return 0;
        });
    nghttp2_session_callbacks_set_on_frame_recv_callback(
        callbacks, [](nghttp2_session*, const nghttp2_frame* frame, void* self) {
          if ((frame->hd.type == NGHTTP2_DATA || frame->hd.type == NGHTTP2_HEADERS) &&
              (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0)
            static_cast<Impl*>(self)->complete(frame->hd.stream_id);
          return 0;
        });
    nghttp2_session_callbacks_set_on_stream_close_callback(
        callbacks, [](nghttp2_session*, std::int32_t id, std::uint32_t, void* self) {
          static_cast<Impl*>(self)->streams.erase(id);
          return 0;
        });
    nghttp2_option* options = nullptr;
    nghttp2_option_new(&options);
    nghttp2_option_set_max_send_header_block_length(options, DohLimits::kHeaders);
    // A client that opens and resets streams without end is thrown out (CVE-2023-44487).
    nghttp2_option_set_max_outbound_ack(options, 100);
    nghttp2_session_server_new2(&session, callbacks, this, options);
    nghttp2_option_del(options);
    nghttp2_session_callbacks_del(callbacks);
    const nghttp2_settings_entry settings[] = {{NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, DohLimits::kStreams},
                                               {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, DohLimits::kHeaders},
                                               {NGHTTP2_SETTINGS_ENABLE_PUSH, 0}};
    nghttp2_submit_settings(session, NGHTTP2_FLAG_NONE, settings, std::size(settings));
  }
  ~Impl() { nghttp2_session_del(session); }

  Stream* find(std::int32_t id) {
    const auto at = streams.find(id);
    return at == streams.end() ? nullptr : &at->second;
  }

  void header(std::int32_t id, std::string_view name, std::string_view value) {
    Stream* s = find(id);
    if (!s) return;
    s->header_bytes += name.size() + value.size();
    if (s->header_bytes > DohLimits::kHeaders) {
      s->too_long = true;
      return;
    }
    if (name == ":method") s->method = value;
    if (name == ":path") s->path = value;
    if (name == "content-type") s->content_type = value;
  }

  void data(std::int32_t id, std::span<const std::uint8_t> bytes) {
    Stream* s = find(id);
    if (!s || s->asked) return;
    if (s->body.size() + bytes.size() > DohLimits::kQuestion) {
      s->asked = true;
      return error(id, *s, 413, "a DNS message has at most 65535 bytes (RFC 8484 6)");
    }
    s->body.insert(s->body.end(), bytes.begin(), bytes.end());
  }

  // The request is whole: the question in it, or an error that says what would be right.
  void complete(std::int32_t id) {
    Stream* s = find(id);
    if (!s || s->asked) return;
    s->asked = true;
    const auto mark = s->path.find('?');
    const std::string_view query =
        mark == std::string::npos ? std::string_view() : std::string_view(s->path).substr(mark + 1);
    if (s->too_long) return error(id, *s, 431, "the request's header fields are too long");
    if (s->path.substr(0, mark) != path) return error(id, *s, 404, "DNS is at " + path);
    if (s->method == "POST") {
      if (media_type(s->content_type) != kMediaType)
        return error(id, *s, 415, fmt::format("a POST holds a DNS message: 'content-type: {}'", kMediaType));
      return questions.push_back({id, std::move(s->body)});
    }
    if (s->method != "GET" && s->method != "HEAD")
      return error(id, *s, 405, "GET with ?dns=… or POST, nothing else");
    const auto encoded = parameter(query, "dns");
    if (!encoded) return error(id, *s, 400, "the question is missing: ?dns=… (RFC 8484 4.1)");
    auto message = decode_base64url(*encoded);
    if (!message) return error(id, *s, 400, "?dns= is not base64url without padding (RFC 4648 5)");
    questions.push_back({id, std::move(*message)});
  }

  static std::string media_type(std::string_view text) {
    text = text.substr(0, text.find(';'));
    while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
    std::string lower(text);
    std::transform(lower.begin(), lower.end(), lower.begin(),
                   [](char c) { return static_cast<char>(kLower[static_cast<unsigned char>(c)]); });
    return lower;
  }

  static std::optional<std::string_view> parameter(std::string_view query, std::string_view name) {
    while (!query.empty()) {
      const auto part = query.substr(0, query.find('&'));
      if (part.size() > name.size() && part.starts_with(name) && part[name.size()] == '=')
        return part.substr(name.size() + 1);
      query.remove_prefix(std::min(query.size(), part.size() + 1));
    }
    return std::nullopt;
  }

  void error(std::int32_t id, Stream& s, unsigned status, std::string text) {
    ++errors;
    text += '\n';
    s.reply.assign(text.begin(), text.end());
    s.reply_type = "text/plain; charset=utf-8";
    submit(id, s, status, status == 405 ? "GET, HEAD, POST" : "", "no-store");
  }

  void submit(std::int32_t id, Stream& s, unsigned status, std::string_view allow, std::string_view cache) {
    const std::string code = std::to_string(status), length = std::to_string(s.reply.size());
    std::vector<nghttp2_nv> fields = {field(":status", code), field("content-type", s.reply_type),
                                      field("content-length", length), field("cache-control", cache)};
    if (!allow.empty()) fields.push_back(field("allow", allow));
    nghttp2_data_provider body{};
    body.source.ptr = this;
    body.read_callback = [](nghttp2_session*, std::int32_t stream, std::uint8_t* out, std::size_t room,
                            std::uint32_t* flags, nghttp2_data_source* source, void*) -> ssize_t {
      Stream* from = static_cast<Impl*>(source->ptr)->find(stream);
      if (!from) return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
      const std::size_t n = std::min(room, from->reply.size() - from->sent);
      std::copy_n(from->reply.begin() + static_cast<std::ptrdiff_t>(from->sent), n, out);
      from->sent += n;
      if (from->sent == from->reply.size()) *flags |= NGHTTP2_DATA_FLAG_EOF;
      return static_cast<ssize_t>(n);
    };
    nghttp2_submit_response(session, id, fields.data(), fields.size(), s.method == "HEAD" ? nullptr : &body);
  }

  const std::string path;
  nghttp2_session* session = nullptr;
  std::map<std::int32_t, Stream> streams;
  std::deque<Question> questions;
  std::string last_words;  // to a client that speaks no HTTP/2
  std::uint64_t errors = 0;
  bool broken = false;
};

DohSession::DohSession(std::string path) : impl_(std::make_unique<Impl>(std::move(path))) {}
DohSession::~DohSession() = default;

bool DohSession::receive(std::span<const std::uint8_t> bytes) {
  if (impl_->broken) return false;
  const auto taken = nghttp2_session_mem_recv(impl_->session, bytes.data(), bytes.size());
  if (taken == NGHTTP2_ERR_BAD_CLIENT_MAGIC) {
    constexpr std::string_view kText =
        "DNS over HTTPS is served over HTTP/2 here (RFC 8484 5.2): curl --http2, kdig +https.\n";
    impl_->last_words = fmt::format(
        "HTTP/1.1 400 Bad Request\r\ncontent-type: text/plain\r\ncontent-length: {}\r\nconnection: "
        "close\r\n\r\n{}",
        kText.size(), kText);
    ++impl_->errors;
  }
  impl_->broken = taken < 0;
  return !impl_->broken;
}

std::optional<DohSession::Question> DohSession::next() {
  if (impl_->questions.empty()) return std::nullopt;
  Question question = std::move(impl_->questions.front());
  impl_->questions.pop_front();
  return question;
}

void DohSession::answer(std::int32_t id, std::vector<std::uint8_t> message) {
  Impl::Stream* s = impl_->find(id);
  if (!s) return;
  const std::string cache = fmt::format("max-age={}", freshness(message));
  s->reply = std::move(message);
  s->reply_type = kMediaType;
  impl_->submit(id, *s, 200, "", cache);
}

void DohSession::refuse(std::int32_t id) {
  if (Impl::Stream* s = impl_->find(id)) impl_->error(id, *s, 400, "this is no DNS question");
}

void DohSession::send(std::vector<std::uint8_t>& out) {
  if (!impl_->last_words.empty()) {
    const auto words = as_bytes(impl_->last_words);
    out.insert(out.end(), words.begin(), words.end());
    impl_->last_words.clear();
    return;
  }
  while (out.size() < DohLimits::kUnsent) {
    const std::uint8_t* data = nullptr;
    const auto n = nghttp2_session_mem_send(impl_->session, &data);
    if (n <= 0) return;
    out.insert(out.end(), data, data + n);
  }
}

void DohSession::close() {
  nghttp2_submit_goaway(impl_->session, NGHTTP2_FLAG_NONE,
                        nghttp2_session_get_last_proc_stream_id(impl_->session), NGHTTP2_NO_ERROR, nullptr,
                        0);
}

bool DohSession::finished() const {
  return impl_->broken ||
         (nghttp2_session_want_read(impl_->session) == 0 && nghttp2_session_want_write(impl_->session) == 0);
}

std::uint64_t DohSession::errors() const { return impl_->errors; }

}  // namespace lab::dns
