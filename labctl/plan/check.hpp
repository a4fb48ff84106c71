/// check -- one promise of the topology, in words a prober inside a node can verify: what to ask, and what
/// must come. The derived promises and the file's own `checks:` are the same kind of value.
#pragma once
#include <chrono>
#include <cstdint>
#include <string>
#include <variant>
#include <vector>

namespace lab::plan {

/// The lease an interface holds.
struct LeaseCheck {
  std::string interface, lease_file;
  std::vector<std::string> ranges;  ///< the address is in one of these: "192.168.56.100-192.168.56.200"
  std::string network;              ///< "192.168.56.0/24"
  std::vector<std::string> routers;  ///< one of these, the one of the address's subnet
  std::vector<std::string> dns, search;
  std::string domain;
  /// The IPv6 address is in one of these, leased or of the client's own making; empty: none is promised.
  std::vector<std::string> ranges6;
  std::vector<std::string> dns6;
  bool router6 = false;  ///< a default router is known
  friend bool operator==(const LeaseCheck&, const LeaseCheck&) = default;
};

/// A DNS question asked of the resolver the node uses.
struct DnsCheck {
  std::string name, type;
  std::vector<std::string> expect;  ///< record data in presentation form; each must be among the answers
  bool exact = false;               ///< and no other may come
  std::vector<std::string> then;    ///< addresses the answer's target must have (MX and SRV lead somewhere)
  /// The address in this lease (JSON) is expected too, for AAAA and ip6.arpa the IPv6 one; empty = none.
  std::string lease_file;
  friend bool operator==(const DnsCheck&, const DnsCheck&) = default;
};

/// A TCP port that answers.
struct PortCheck {
  std::string host;
  std::uint16_t port = 0;
  std::string banner;  ///< how the first line starts; empty = only connect
  friend bool operator==(const PortCheck&, const PortCheck&) = default;
};

/// A certificate: issued by the lab CA, for this name, valid now.
struct TlsCheck {
  std::string host;
  std::uint16_t port = 0;
  std::string starttls;  ///< smtp, imap, pop3, ldap; empty = TLS from the first byte
  friend bool operator==(const TlsCheck&, const TlsCheck&) = default;
};

/// A user signs in; where `refused` is true, must not.
struct LoginCheck {
  std::string protocol;  ///< ldaps, ldap (StartTLS), imaps, pop3s, smtps, submission
  std::string host;
  std::uint16_t port = 0;
  std::string user;  ///< what the protocol asks for: a DN, an address
  std::string password;
  bool refused = false;
  friend bool operator==(const LoginCheck&, const LoginCheck&) = default;
};

/// A message sent by one user and read by another.
struct MailCheck {
  struct Server {
    std::string url;  ///< "smtps://mail.helper.bac:465"
    std::string user, password;
    friend bool operator==(const Server&, const Server&) = default;
  };
  std::string from, to;  ///< addresses
  Server send;
  std::vector<Server> read;  ///< read over each of these
  std::chrono::milliseconds within{5000};
  friend bool operator==(const MailCheck&, const MailCheck&) = default;
};

/// A shell command inside the node: status 0, and each of `expect` in its output.
struct CommandCheck {
  std::string command;
  std::vector<std::string> expect;
  friend bool operator==(const CommandCheck&, const CommandCheck&) = default;
};

struct Check {
  std::string id;      ///< unique in the lab; the file's own: their `name`
  std::string node;    ///< where it runs
  std::string group;   ///< column of `labctl check`: lease, dns, port, tls, login, mail, run
  std::string title;   ///< what is promised: "helper.bac MX → 10 mail.helper.bac."
  std::string remedy;  ///< what to do when broken; may be empty
  double points = 0;   ///< weight for grading; the file's own checks have 1 unless it says otherwise
  std::variant<LeaseCheck, DnsCheck, PortCheck, TlsCheck, LoginCheck, MailCheck, CommandCheck> what;
  friend bool operator==(const Check&, const Check&) = default;
};

}  // namespace lab::plan
