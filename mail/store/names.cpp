#include "mail/store/names.hpp"

#include "mail/cursor.hpp"
#include "mail/message/charset.hpp"

namespace lab::mail {

std::string canonical_mailbox(std::string_view name) {
  std::string out(name);
  if (equals_ignoring_case(name.substr(0, name.find('/')), "INBOX")) out.replace(0, 5, "INBOX");
  return out;
}

bool valid_mailbox(std::string_view name, std::size_t longest) {
  if (name.empty() || name.size() > longest || name.front() == '/' || name.back() == '/') return false;
  if (name.find("//") != std::string_view::npos || !message::is_utf8(name)) return false;
  for (const char c : name)
    if (static_cast<unsigned char>(c) < ' ' || c == 0x7f || c == '*' || c == '%')
      return false;  // the wildcards of LIST
  return true;
}

}  // namespace lab::mail
