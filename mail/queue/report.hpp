/// report -- the message that tells a sender what became of his (RFC 3464): a text for people, a part for
/// programs, and the header of what he sent. It is sent from nobody (`<>`), so that it is never answered by
/// another.
#pragma once
#include <ctime>
#include <string>
#include <string_view>
#include <vector>

namespace lab::mail::queue {

struct RecipientReport {
  std::string address;
  std::string status;      ///< "5.1.1" (RFC 3463)
  std::string diagnostic;  ///< what was said, in one line: "550 5.1.1 no such user"
  std::string remote;      ///< who said it, a host's name; empty: this server itself
};

struct Report {
  enum class Action { Failed, Delayed };
  Action action = Action::Failed;
  std::string hostname;
  std::string to;             ///< the return path of the original
  std::string_view original;  ///< the whole message; only its header is quoted
  std::time_t accepted = 0, now = 0, give_up = 0;
  std::string id;      ///< of the original in the queue
  std::string unique;  ///< for Message-ID and boundary: letters and digits
  std::vector<RecipientReport> recipients;
};

/// A whole message, CR LF lines.
std::string write_report(const Report& report);

}  // namespace lab::mail::queue
