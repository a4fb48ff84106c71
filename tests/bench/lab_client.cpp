// The client of lab.sh: asks DNS for the MX of a domain and its address, sends itself one mail there, reads
// it back by IMAP and compares a random token. What is not up yet is tried again every millisecond. With a CA
// file everything is TLS from the first byte (465 with AUTH PLAIN, 993) and verified; without one it is plain
// (25, 143).
//   lab_client DNS-ADDRESS DOMAIN USER PASSWORD [CA-FILE]      prints epoch milliseconds: "mx accepted read"
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <resolv.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <string>

namespace {

double now_ms() {
  return std::chrono::duration<double, std::milli>(std::chrono::system_clock::now().time_since_epoch())
      .count();
}
const double kLimit = now_ms() + 30'000;

void nap() {
  usleep(1000);
  if (now_ms() < kLimit) return;
  std::fprintf(stderr, "lab_client: nothing verified within 30 s\n");
  std::exit(1);
}

/// The first record of `type` for `name`: an MX's exchange or an A's address.
std::optional<std::string> ask(const char* server, const std::string& name, int type) {
  std::array<unsigned char, 512> query{};
  std::array<unsigned char, 1500> answer{};
  const int size = res_mkquery(0, name.c_str(), 1, type, nullptr, 0, nullptr, query.data(), query.size());
  const int fd = socket(AF_INET, SOCK_DGRAM, 0);
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(53);
  inet_pton(AF_INET, server, &to.sin_addr);
  const timeval patience{0, 200'000};
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  connect(fd, reinterpret_cast<sockaddr*>(&to), sizeof to);
  (void)send(fd, query.data(), static_cast<std::size_t>(size), 0);
  const auto got = recv(fd, answer.data(), answer.size(), 0);
  close(fd);
  ns_msg message;
  ns_rr record;
  if (got < 12 || ns_initparse(answer.data(), static_cast<int>(got), &message) != 0) return std::nullopt;
  for (int i = 0; i < ns_msg_count(message, ns_s_an); ++i) {
    if (ns_parserr(&message, ns_s_an, i, &record) != 0 || ns_rr_type(record) != type) continue;
    char text[NS_MAXDNAME];
    if (type == ns_t_a) return inet_ntop(AF_INET, ns_rr_rdata(record), text, sizeof text);
    if (dn_expand(answer.data(), answer.data() + got, ns_rr_rdata(record) + 2, text, sizeof text) > 0)
      return text;
  }
  return std::nullopt;
}

std::string base64(const std::string& in) {
  std::string out(4 * ((in.size() + 2) / 3) + 1, '\0');
  out.resize(static_cast<std::size_t>(EVP_EncodeBlock(reinterpret_cast<unsigned char*>(out.data()),
                                                      reinterpret_cast<const unsigned char*>(in.data()),
                                                      static_cast<int>(in.size()))));
  return out;
}

/// One connection that speaks lines, in TLS or not.
class Connection {
 public:
  Connection(const std::string& address, int port, SSL_CTX* tls, const std::string& host) {
    fd_ = socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(static_cast<std::uint16_t>(port));
    inet_pton(AF_INET, address.c_str(), &to.sin_addr);
    const timeval patience{10, 0};
    const int one = 1;
    setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    open_ = connect(fd_, reinterpret_cast<sockaddr*>(&to), sizeof to) == 0;
    if (!open_ || tls == nullptr) return;
    ssl_ = SSL_new(tls);
    SSL_set_fd(ssl_, fd_);
    SSL_set_tlsext_host_name(ssl_, host.c_str());
    SSL_set1_host(ssl_, host.c_str());
    open_ = SSL_connect(ssl_) == 1;
  }
  ~Connection() {
    SSL_free(ssl_);
    close(fd_);
  }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;
  explicit operator bool() const { return open_; }
  const std::string& said() const { return said_; }

  /// Sends `line`, reads until a line that begins with `tag` (SMTP: three digits and a space) and tells
  /// whether `good` follows.
  bool talk(const std::string& line, const std::string& tag, const std::string& good) {
    if (!line.empty() && write_all(line + "\r\n") <= 0) return false;
    said_.clear();
    for (;;) {
      char buffer[16384];
      const auto n = ssl_ != nullptr ? SSL_read(ssl_, buffer, sizeof buffer)
                                     : static_cast<int>(recv(fd_, buffer, sizeof buffer, 0));
      if (n <= 0) return false;
      said_.append(buffer, static_cast<std::size_t>(n));
      if (said_.back() != '\n') continue;
      const auto before = said_.rfind('\n', said_.size() - 2);
      const auto last = said_.substr(before == std::string::npos ? 0 : before + 1);
      if (tag.empty() ? last.size() > 3 && last[3] == ' ' : last.starts_with(tag))
        return last.compare(tag.size(), good.size(), good) == 0;
    }
  }

 private:
  int write_all(const std::string& text) {
    return ssl_ != nullptr ? SSL_write(ssl_, text.data(), static_cast<int>(text.size()))
                           : static_cast<int>(send(fd_, text.data(), text.size(), MSG_NOSIGNAL));
  }
  int fd_ = -1;
  SSL* ssl_ = nullptr;
  bool open_ = false;
  std::string said_;
};

}  // namespace

int main(int argc, char** argv) {
  if (argc < 5) return 2;
  const std::string domain = argv[2], user = argv[3], password = argv[4];
  SSL_CTX* tls = nullptr;
  if (argc > 5) {
    tls = SSL_CTX_new(TLS_client_method());
    SSL_CTX_set_verify(tls, SSL_VERIFY_PEER, nullptr);
    if (SSL_CTX_load_verify_file(tls, argv[5]) != 1) return 2;
  }
  std::optional<std::string> mx;
  std::optional<std::string> address;
  while (!(mx = ask(argv[1], domain, ns_t_mx))) nap();
  const auto at_mx = now_ms();
  while (!(address = ask(argv[1], *mx, ns_t_a))) nap();
  const auto token = "token-" + std::to_string(getpid()) + "-" + std::to_string(now_ms());
  const auto mail = user + "@" + domain;
  for (;; nap()) {
    Connection smtp(*address, tls != nullptr ? 465 : 25, tls, *mx);
    if (!smtp || !smtp.talk("", "", "220") || !smtp.talk("EHLO pc1." + domain, "", "250")) continue;
    if (tls != nullptr &&
        !smtp.talk("AUTH PLAIN " + base64(std::string("\0", 1) + user + std::string("\0", 1) + password), "",
                   "235"))
      continue;
    if (!smtp.talk("MAIL FROM:<" + mail + ">", "", "250") ||
        !smtp.talk("RCPT TO:<" + mail + ">", "", "250") || !smtp.talk("DATA", "", "354"))
      continue;
    if (!smtp.talk("From: " + mail + "\r\nTo: " + mail + "\r\nSubject: first\r\n\r\n" + token + "\r\n.", "",
                   "250"))
      continue;
    smtp.talk("QUIT", "", "221");
    break;
  }
  const auto at_accepted = now_ms();
  for (;; nap()) {
    Connection imap(*address, tls != nullptr ? 993 : 143, tls, *mx);
    if (!imap || !imap.talk("", "* ", "OK") || !imap.talk("a LOGIN " + user + " " + password, "a ", "OK"))
      continue;
    if (!imap.talk("b SELECT INBOX", "b ", "OK")) continue;
    for (int tries = 0; tries < 3000; ++tries, nap()) {
      if (imap.talk("c FETCH 1:* BODY.PEEK[TEXT]", "c ", "OK") &&
          imap.said().find(token) != std::string::npos) {
        std::printf("%.1f %.1f %.1f\n", at_mx, at_accepted, now_ms());
        return 0;
      }
      imap.talk("d NOOP", "d ", "OK");
    }
  }
}
