/// sasl -- the server's side of a password log-in inside another protocol (RFC 4422): PLAIN (RFC 4616) and
/// LOGIN, the older one that Outlook still asks for; by tokens: GSSAPI (RFC 4752), where there is a realm. Used by SMTP AUTH (RFC 4954), IMAP AUTHENTICATE and POP3
/// AUTH (RFC 5034), which differ only in how they wrap a challenge. No I/O: lines in, challenges out.
#pragma once
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace lab::mail {

/// RFC 4648 4, without line breaks. Strict: other characters, wrong padding or left-over bits give nullopt.
std::optional<std::string> base64_decode(std::string_view text);
std::string base64_encode(std::string_view bytes);

/// What a client claims to be.
struct Credentials {
  std::string name;  ///< who logs in ("ali", "ali@helper.bac")
  std::string password;
  std::string act_as;  ///< whom to act for (PLAIN's authorization identity); empty for oneself
  std::string principal;  ///< "ali@HELPER.BAC": Kerberos has vouched for it, and there is no password
};

/// A log-in by tokens that a library makes and reads (gssapi.hpp).
class TokenExchange {
 public:
  virtual ~TokenExchange() = default;
  enum class State { Continue, Done, Refused };
  /// The client's token; `reply` is then what to send, unless it is Done or Refused.
  virtual State feed(std::string_view token) = 0;
  virtual const std::string& reply() const = 0;
  virtual const Credentials& credentials() const = 0;
  virtual const std::string& why() const = 0;  ///< for the log, when Refused
};
/// Begins one; empty where the mechanism is not offered.
using TokenMechanism = std::function<std::unique_ptr<TokenExchange>()>;

class SaslExchange {
 public:
  /// Case is ignored; nullopt for a mechanism not spoken here.
  static std::optional<SaslExchange> start(std::string_view mechanism, const TokenMechanism& gssapi = {});

  enum class Outcome {
    Challenge,  ///< send `challenge()`, then feed the next line
    Done,       ///< `credentials()` is complete
    Cancelled,  ///< the client sent `*`
    Malformed,  ///< not base64, or not what the mechanism says
    Refused,    ///< the tokens prove nothing; `why()` says it
  };
  /// To be called first with the initial response if there is one: base64, or "=" for an empty one (RFC 4954
  /// 4).
  Outcome begin(std::optional<std::string_view> initial_response);
  Outcome feed(std::string_view line);

  /// In base64, ready to be sent; empty for PLAIN.
  const std::string& challenge() const { return challenge_; }
  const Credentials& credentials() const { return tokens_ ? tokens_->credentials() : credentials_; }
  std::string why() const { return tokens_ ? tokens_->why() : std::string(); }

 private:
  enum class Mechanism { Plain, Login, Gssapi };
  explicit SaslExchange(Mechanism mechanism) : mechanism_(mechanism) {}
  Outcome take(std::string_view decoded);
  Outcome take_token(std::string_view token);

  Mechanism mechanism_;
  std::unique_ptr<TokenExchange> tokens_;
  bool name_known_ = false;
  std::string challenge_;
  Credentials credentials_;
};

}  // namespace lab::mail
