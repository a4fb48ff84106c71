/// welcome -- the message a new mailbox greets its owner with.
#pragma once
#include <cstdint>
#include <ctime>
#include <string>
#include <string_view>

namespace lab::mail {

struct Welcome {
  std::string_view user;          ///< "ali@helper.bac"
  std::string_view display_name;  ///< "Ali Traoré"
  std::string_view hostname;      ///< "mail.helper.bac"
  std::uint64_t random = 0;       ///< for the Message-ID
  std::time_t when = 0;
};

/// A whole message, CR LF lines, in English and in French.
std::string welcome_message(const Welcome& welcome);

}  // namespace lab::mail
