/// reply -- one SMTP reply: code, enhanced status code and text (RFC 5321 4.2, RFC 3463), written by the
/// server and read by the client.
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace lab::mail::smtp {

struct Reply {
  int code = 0;
  std::string enhanced;  ///< "2.1.5"; empty where none is sent (greeting, EHLO)
  std::string text;      ///< lines separated by '\n'

  bool positive() const { return code >= 200 && code < 400; }
  bool temporary() const { return code >= 400 && code < 500; }
  bool permanent() const { return code >= 500; }
  /// As on the wire, every line ended by CR LF.
  std::string wire() const;
  /// In one line, as logs and bounces show it: "550 5.1.1 no such user".
  std::string line() const;
};

/// Puts a reply together line by line (the client's side).
class ReplyReader {
 public:
  enum class Outcome { More, Complete, Malformed };
  Outcome feed(std::string_view line);
  /// The reply read; the reader is ready for the next one.
  Reply take();

 private:
  Reply reply_;
  int lines_ = 0;
};

}  // namespace lab::mail::smtp
