/// trace -- what a server writes on top of a message it takes: the Received line that tells the hop (RFC
/// 5321 4.4), and for a submitted message the Date and Message-ID its author's program left out (RFC 6409 8).
#pragma once
#include <cstdint>
#include <ctime>
#include <string>
#include <string_view>

namespace lab::message {

struct Hop {
  std::string_view helo;      ///< what the client called itself
  std::string_view peer;      ///< its address, "192.168.56.100:41234" or without the port
  std::string_view by;        ///< our name
  std::string_view protocol;  ///< "ESMTPSA" (RFC 3848)
  std::string_view id;
  std::string_view tls;  ///< "TLSv1.3 TLS_AES_256_GCM_SHA384"; empty without
  std::string_view
      only_recipient;  ///< RFC 5321 7.6: shown only where there is one, for a Bcc must stay hidden
  std::time_t when = 0;
};

/// Folded, ended by CR LF.
std::string received_line(const Hop& hop);
/// RFC 5322 3.3, in this machine's time zone: "Mon, 23 Nov 2026 20:57:43 +0100".
std::string date_text(std::time_t when);
/// "<1764000000.k3v9x@mail.helper.bac>" (RFC 5322 3.6.4).
std::string make_message_id(std::time_t when, std::string_view unique, std::string_view host);
/// Names what has no other name: 13 characters of letters and digits that carry `random`.
std::string short_id(std::uint64_t random);

}  // namespace lab::message
