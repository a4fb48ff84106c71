/// transfer -- one libcurl transfer: a mail protocol spoken by other people's code, verified against the lab
/// CA.
#pragma once
#include <chrono>
#include <string>
#include <vector>

namespace lab::probe {

struct Transfer {
  std::string url;  ///< "imaps://mail.helper.bac:993/INBOX"
  std::string user, password;
  std::string command = {};  ///< instead of the protocol's usual one: "UID SEARCH …", "NOOP"
  std::string from = {};     ///< SMTP: envelope sender, with `to` and `message`
  std::vector<std::string> to = {};
  std::string message = {};
  bool starttls = false;  ///< demanded, for smtp:// imap:// pop3://
  bool no_body = false;   ///< the command's answer is all: no list, no message is fetched
};

struct TransferResult {
  bool ok = false;
  bool login_denied = false;
  std::string body, headers;  ///< what came; IMAP and POP3 answers of a custom command are in `headers`
  std::string failure;        ///< why not, in words
};

/// `ca_file`: PEM of the one authority trusted. Safe from any thread.
TransferResult run(const Transfer& transfer, const std::string& ca_file, std::chrono::milliseconds patience);

}  // namespace lab::probe
