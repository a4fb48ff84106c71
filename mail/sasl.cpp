#include "mail/sasl.hpp"

#include <array>
#include <cstdint>

#include "mail/cursor.hpp"

namespace lab::mail {
namespace {

constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

constexpr std::array<std::int8_t, 256> kValues = [] {
  std::array<std::int8_t, 256> values{};
  values.fill(-1);
  for (std::size_t i = 0; i < kAlphabet.size(); ++i)
    values[static_cast<unsigned char>(kAlphabet[i])] = static_cast<std::int8_t>(i);
  return values;
}();

}  // namespace

std::optional<std::string> base64_decode(std::string_view text) {
  if (text.size() % 4 != 0) return std::nullopt;
  std::string bytes;
  bytes.reserve(text.size() / 4 * 3);
  for (std::size_t i = 0; i < text.size(); i += 4) {
    std::size_t padding = 0;
    if (i + 4 == text.size() && text[i + 3] == '=') padding = text[i + 2] == '=' ? 2 : 1;
    std::uint32_t group = 0;
    for (std::size_t n = 0; n < 4; ++n) {
      auto value = n < 4 - padding ? kValues[static_cast<unsigned char>(text[i + n])] : std::int8_t{0};
      if (value < 0) return std::nullopt;
      group = group << 6 | static_cast<std::uint32_t>(value);
    }
    // RFC 4648 3.5: the bits that padding leaves over must be zero.
    if ((padding == 2 && (group & 0xffff) != 0) || (padding == 1 && (group & 0xff) != 0)) return std::nullopt;
    for (std::size_t n = 0; n < 3 - padding; ++n)
      bytes += static_cast<char>(static_cast<unsigned char>(group >> (16 - 8 * n)));
  }
  return bytes;
}

std::string base64_encode(std::string_view bytes) {
  std::string text;
  text.reserve((bytes.size() + 2) / 3 * 4);
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    auto left = std::min<std::size_t>(3, bytes.size() - i);
    std::uint32_t group = 0;
    for (std::size_t n = 0; n < 3; ++n)
      group = group << 8 | (n < left ? static_cast<unsigned char>(bytes[i + n]) : 0U);
    for (std::size_t n = 0; n < 4; ++n) text += n <= left ? kAlphabet[group >> (18 - 6 * n) & 63] : '=';
  }
  return text;
}

std::optional<SaslExchange> SaslExchange::start(std::string_view mechanism, const TokenMechanism& gssapi) {
  if (equals_ignoring_case(mechanism, "PLAIN")) return SaslExchange(Mechanism::Plain);
  if (equals_ignoring_case(mechanism, "LOGIN")) return SaslExchange(Mechanism::Login);
  if (!gssapi || !equals_ignoring_case(mechanism, "GSSAPI")) return std::nullopt;
  SaslExchange exchange(Mechanism::Gssapi);
  exchange.tokens_ = gssapi();
  return exchange;
}

SaslExchange::Outcome SaslExchange::begin(std::optional<std::string_view> initial_response) {
  if (initial_response) return *initial_response == "=" ? take("") : feed(*initial_response);
  // New Outlook minds these very words, down to the colon.
  challenge_ = mechanism_ == Mechanism::Login ? base64_encode("Username:") : "";
  return Outcome::Challenge;
}

SaslExchange::Outcome SaslExchange::take_token(std::string_view token) {
  switch (tokens_->feed(token)) {
    case TokenExchange::State::Continue: challenge_ = base64_encode(tokens_->reply()); return Outcome::Challenge;
    case TokenExchange::State::Done: return Outcome::Done;
    case TokenExchange::State::Refused: break;
  }
  return Outcome::Refused;
}

SaslExchange::Outcome SaslExchange::feed(std::string_view line) {
  if (line == "*") return Outcome::Cancelled;
  auto decoded = base64_decode(line);
  return decoded ? take(*decoded) : Outcome::Malformed;
}

SaslExchange::Outcome SaslExchange::take(std::string_view decoded) {
  if (tokens_) return take_token(decoded);
  if (mechanism_ == Mechanism::Login) {
    if (decoded.find('\0') != std::string_view::npos) return Outcome::Malformed;
    if (name_known_) {
      credentials_.password = decoded;
      return Outcome::Done;
    }
    credentials_.name = decoded;
    name_known_ = true;
    challenge_ = base64_encode("Password:");
    return Outcome::Challenge;
  }
  // RFC 4616 2: [authzid] NUL authcid NUL passwd, and no further NUL.
  auto first = decoded.find('\0');
  auto second = first == std::string_view::npos ? first : decoded.find('\0', first + 1);
  if (second == std::string_view::npos || decoded.find('\0', second + 1) != std::string_view::npos)
    return Outcome::Malformed;
  credentials_.act_as = decoded.substr(0, first);
  credentials_.name = decoded.substr(first + 1, second - first - 1);
  credentials_.password = decoded.substr(second + 1);
  return credentials_.name.empty() ? Outcome::Malformed : Outcome::Done;
}

}  // namespace lab::mail
