#include "mail/queue/report.hpp"

#include <fmt/core.h>

#include <algorithm>

#include "mail/message/header.hpp"
#include "mail/message/trace.hpp"

namespace lab::mail::queue {
namespace {

constexpr std::size_t kQuoted = std::size_t{64} * 1024;  // of the original's header

bool is_ascii(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

// What another server said becomes part of a header line here: one line, no controls, not endless.
std::string tame(std::string_view text) {
  constexpr std::size_t kMost = 500;
  std::string line;
  for (char c : text.substr(0, kMost)) line += static_cast<unsigned char>(c) < 0x20 || c == 0x7f ? ' ' : c;
  return line;
}

std::string people_part(const Report& report) {
  bool failed = report.action == Report::Action::Failed;
  auto text = failed ? fmt::format(
                           "Your message could not be delivered; it is not tried any more.\r\n"
                           "Votre message n'a pas pu être remis ; il ne sera plus essayé.\r\n\r\n")
                     : fmt::format(
                           "Your message is not delivered yet; it is tried again until {}.\r\n"
                           "Votre message n'est pas encore remis ; les essais continuent.\r\n\r\n",
                           message::date_text(report.give_up));
  for (auto& r : report.recipients)
    text += fmt::format("  <{}>\r\n    {}{}{}\r\n\r\n", r.address, r.remote.empty() ? "" : r.remote,
                        r.remote.empty() ? "" : " says: ", tame(r.diagnostic));
  return text;
}

std::string status_part(const Report& report) {
  auto text = fmt::format("Reporting-MTA: dns; {}\r\nX-Queue-ID: {}\r\nArrival-Date: {}\r\n", report.hostname,
                          report.id, message::date_text(report.accepted));
  for (auto& r : report.recipients) {
    // RFC 6533 3: an address beyond ASCII has a type of its own.
    text += fmt::format("\r\nFinal-Recipient: {}; {}\r\nAction: {}\r\nStatus: {}\r\n",
                        is_ascii(r.address) ? "rfc822" : "utf-8", r.address,
                        report.action == Report::Action::Failed ? "failed" : "delayed", r.status);
    if (!r.remote.empty())
      text +=
          fmt::format("Remote-MTA: dns; {}\r\nDiagnostic-Code: smtp; {}\r\n", r.remote, tame(r.diagnostic));
    if (report.action == Report::Action::Delayed)
      text += fmt::format("Will-Retry-Until: {}\r\n", message::date_text(report.give_up));
  }
  return text;
}

}  // namespace

std::string write_report(const Report& report) {
  auto header = report.original.substr(0, std::min(message::header_size(report.original), kQuoted));
  auto status = status_part(report);
  bool global = !is_ascii(status) || !is_ascii(header);
  auto boundary = "report-" + report.unique;
  std::string out = fmt::format(
      "From: \"Mail Delivery System\" <MAILER-DAEMON@{host}>\r\nTo: <{to}>\r\nSubject: {subject}\r\nDate: "
      "{date}\r\n"
      "Message-ID: {id}\r\nAuto-Submitted: auto-replied\r\nMIME-Version: 1.0\r\n"
      "Content-Type: multipart/report; report-type=delivery-status; boundary=\"{boundary}\"\r\n\r\n"
      "--{boundary}\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n",
      fmt::arg("host", report.hostname), fmt::arg("to", report.to),
      fmt::arg("subject", report.action == Report::Action::Failed ? "Undelivered: your message was returned"
                                                                  : "Delayed: your message is still waiting"),
      fmt::arg("date", message::date_text(report.now)),
      fmt::arg("id", message::make_message_id(report.now, report.unique, report.hostname)),
      fmt::arg("boundary", boundary));
  out += people_part(report);
  out += fmt::format("--{}\r\nContent-Type: message/{}delivery-status\r\n{}\r\n", boundary,
                     global ? "global-" : "", global ? "Content-Transfer-Encoding: 8bit\r\n" : "");
  out += status;
  out += fmt::format("\r\n--{}\r\nContent-Type: {}\r\n{}\r\n", boundary,
                     global ? "message/global-headers" : "text/rfc822-headers",
                     global ? "Content-Transfer-Encoding: 8bit\r\n" : "");
  out += header;
  if (!header.ends_with("\r\n")) out += "\r\n";
  return out + fmt::format("\r\n--{}--\r\n", boundary);
}

}  // namespace lab::mail::queue
