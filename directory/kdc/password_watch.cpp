#include "directory/kdc/password_watch.hpp"

#include <algorithm>
#include <cstdint>

#include "directory/config.hpp"
#include "directory/flavour.hpp"
#include "directory/ldif.hpp"

namespace lab::directory::kdc {
namespace {

constexpr std::string_view kPasswordModify = "1.3.6.1.4.1.4203.1.11.1";  // RFC 3062 2
constexpr std::string_view kGoOn = "CONTINUE\n";

/// A DN in lower case, without the blanks that may stand around its separators (RFC 4514 appendix A).
std::string normal(std::string_view dn) {
  std::string out;
  for (const char c : dn) {
    const char low = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    if (low == ' ' && (out.empty() || out.back() == ',' || out.back() == '=')) continue;
    if (low == ',' || low == '=')
      while (out.ends_with(' ')) out.pop_back();
    out += low;
  }
  return out;
}

struct Line {
  std::string name, value;
};

/// "name: value", "name:: base64", continued on lines that begin with a blank; "-" has no value.
std::vector<Line> lines_of(std::string_view text) {
  std::vector<Line> out;
  while (!text.empty()) {
    std::string line;
    for (bool first = true; first || text.starts_with(' '); first = false) {
      const auto end = std::min(text.find('\n'), text.size());
      line.append(text.substr(first ? 0 : 1, end - (first ? 0 : 1)));
      text.remove_prefix(std::min(end + 1, text.size()));
    }
    if (line.empty()) break;  // the blank line ends the message
    const auto colon = line.find(':');
    if (colon == std::string::npos) {
      out.push_back({line, {}});
      continue;
    }
    auto value = line.substr(colon + 1);
    const bool encoded = value.starts_with(':');
    if (encoded) value.erase(0, 1);
    value.erase(0, std::min(value.find_first_not_of(' '), value.size()));
    if (encoded) value = from_base64(value).value_or(std::string());
    out.push_back({line.substr(0, colon), std::move(value)});
  }
  return out;
}

std::string value_of(const std::vector<Line>& lines, std::string_view name) {
  const auto found =
      std::find_if(lines.begin(), lines.end(), [&](auto& l) { return same_name(l.name, name); });
  return found == lines.end() ? std::string() : found->value;
}

/// One attribute of a MODIFY.
struct Part {
  std::string how, attribute;
  std::vector<std::string> values;
};

std::vector<Part> parts_of(const std::vector<Line>& lines) {
  std::vector<Part> parts;
  bool inside = false;
  for (auto& line : lines) {
    if (line.name == "-") {
      inside = false;
    } else if (!inside && (line.name == "add" || line.name == "delete" || line.name == "replace")) {
      parts.push_back({line.name, line.value, {}});
      inside = true;
    } else if (inside) {
      parts.back().values.push_back(line.value);
    }
  }
  return parts;
}

PasswordWatch::Answer refuse(std::string_view why) {
  constexpr int kUnwilling = 53;  // RFC 4511 A.2
  return {"RESULT\ncode: " + std::to_string(kUnwilling) + "\ninfo: " + std::string(why) + "\n", {}, {}};
}

/// Reads BER as far as RFC 3062 needs: definite lengths, low tags.
class Ber {
 public:
  explicit Ber(std::string_view bytes) : bytes_(bytes) {}
  /// The contents of the next element; `tag` says which.
  std::optional<std::string_view> next(std::uint8_t& tag) {
    if (bytes_.size() < 2) return std::nullopt;
    tag = static_cast<std::uint8_t>(bytes_[0]);
    std::size_t length = static_cast<std::uint8_t>(bytes_[1]);
    bytes_.remove_prefix(2);
    if (length >= 0x80) {
      const std::size_t count = length & 0x7fU;
      if (count == 0 || count > 4 || count > bytes_.size()) return std::nullopt;
      length = 0;
      for (std::size_t i = 0; i < count; ++i) length = length << 8U | static_cast<std::uint8_t>(bytes_[i]);
      bytes_.remove_prefix(count);
    }
    if (length > bytes_.size()) return std::nullopt;
    const auto contents = bytes_.substr(0, length);
    bytes_.remove_prefix(length);
    return contents;
  }
  bool at_end() const { return bytes_.empty(); }

 private:
  std::string_view bytes_;
};

}  // namespace

std::optional<PasswordRequest> parse_password_request(std::string_view bytes) {
  constexpr std::uint8_t kSequence = 0x30, kWho = 0x80, kOld = 0x81, kNew = 0x82;
  PasswordRequest request;
  if (bytes.empty()) return request;  // everything in it is optional
  std::uint8_t tag = 0;
  Ber outer(bytes);
  const auto inner = outer.next(tag);
  if (!inner || tag != kSequence || !outer.at_end()) return std::nullopt;
  for (Ber fields(*inner); !fields.at_end();) {
    const auto value = fields.next(tag);
    if (!value) return std::nullopt;
    if (tag == kWho) request.who = *value;
    if (tag == kNew) request.fresh = *value;
    if (tag != kWho && tag != kNew && tag != kOld) return std::nullopt;
  }
  return request;
}

PasswordWatch::PasswordWatch(std::string suffix) : people_(normal(",ou=people," + suffix)) {}

std::optional<std::string> PasswordWatch::uid_of(std::string_view dn) const {
  const auto plain = normal(dn);
  if (!plain.starts_with("uid=") || !plain.ends_with(people_)) return std::nullopt;
  auto uid = leaf_of_dn(plain.substr(0, plain.size() - people_.size()));
  // What is no login name would be another principal's: "ali/next", "ali@OTHER".
  if (!wrong_name(uid).empty() || normal("uid=" + uid) + people_ != plain)
    return std::nullopt;  // escapes: no login name
  return uid;
}

PasswordWatch::Request& PasswordWatch::request(const std::string& key) {
  const auto found = std::find_if(requests_.begin(), requests_.end(), [&](auto& r) { return r.key == key; });
  if (found != requests_.end()) return *found;
  if (requests_.size() >= WatchLimits::kPending) requests_.pop_front();
  return requests_.emplace_back(Request{key, {}, {}});
}

PasswordWatch::Answer PasswordWatch::on_message(std::string_view message) {
  const auto end = std::min(message.find('\n'), message.size());
  const auto verb = message.substr(0, end);
  const auto lines = lines_of(message.substr(std::min(end + 1, message.size())));
  const auto key = value_of(lines, "connid") + "/" + value_of(lines, "msgid");
  if (verb == "RESULT") {
    const auto found =
        std::find_if(requests_.begin(), requests_.end(), [&](auto& r) { return r.key == key; });
    return {.text = {}, .uid = found == requests_.end() ? std::string() : found->uid, .password = {}};
  }
  Answer answer{.text = std::string(kGoOn), .uid = {}, .password = {}};
  if (verb == "EXTENDED") {
    if (value_of(lines, "oid") != kPasswordModify) return answer;
    const auto bytes = from_base64(value_of(lines, "value"));  // always base64 there, whatever its colons say
    const auto wanted = bytes ? parse_password_request(*bytes) : std::nullopt;
    if (!wanted) return refuse("this is not a password change as RFC 3062 has it");
    const auto uid = uid_of(wanted->who.empty() ? value_of(lines, "binddn") : wanted->who);
    if (!uid) return answer;
    if (wanted->fresh.empty())
      return refuse("give the new password: Kerberos has to learn it too (ldappasswd -s, -S)");
    // slapd asks for leave to change the entry next, if whoever is bound may do that at all.
    request(key) = {key, *uid, wanted->fresh};
    return answer;
  }
  const auto uid = uid_of(value_of(lines, "dn"));
  if (!uid) return answer;
  bool concerns = verb == "ADD" || verb == "DELETE";
  std::string stored;
  if (verb == "ADD") stored = value_of(lines, "userPassword");
  if (verb == "MODIFY")
    for (auto& part : parts_of(lines)) {
      const bool password = same_name(part.attribute, "userPassword");
      concerns = concerns || password || same_name(part.attribute, "pwdAccountLockedTime");
      if (password && part.how != "delete" && !part.values.empty()) stored = part.values.front();
    }
  if (!concerns) return answer;
  auto& known = request(key);
  // What RFC 3062 asked for comes by hashed: the clear one has been told before.
  if (known.uid != *uid) known = {key, *uid, {}};
  if (!stored.empty() && !stored.starts_with('{')) known.password = stored;
  answer.uid = *uid;
  if (!stored.empty()) answer.password = known.password;
  return answer;
}

}  // namespace lab::directory::kdc
