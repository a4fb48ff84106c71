/// rule_options -- rules as a command line gives them, for a person or a group of the running directory:
/// `--quota 200M --max-message 5M --send-outside no --protocols imap,smtp`; `default` takes a rule away.
#pragma once
#include <string>
#include <vector>

#include "common/error.hpp"
#include "directory/wire.hpp"

namespace lab::directory {

struct RuleOptions {
  std::string quota, max_message, send_outside, protocols;
  bool any() const {
    return !(quota.empty() && max_message.empty() && send_outside.empty() && protocols.empty());
  }
};

/// What to change in the entry, each attribute replaced; a value that makes no sense is an Error that says
/// which would.
Result<std::vector<Modification>> modifications_of(const RuleOptions& options);

}  // namespace lab::directory
