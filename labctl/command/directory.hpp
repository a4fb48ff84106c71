/// directory -- how commands speak to a running directory: by lab-directory inside its node, which knows its
/// own words and finds its server in its configuration.
#pragma once
#include <string>
#include <vector>

#include "common/error.hpp"
#include "labctl/plan/plan.hpp"
#include "labctl/runtime/control.hpp"

namespace lab::command {

/// The directory meant: the one of `domain`, or the only one.
Result<const plan::Service*> find_directory(const plan::Plan& plan, const std::string& domain);

/// Who can tell which rules hold for the people of `domain`, or of the only one: its directory; where that is
/// not the lab's own, the mail server that asks it.
Result<const plan::Service*> find_rules(const plan::Plan& plan, const std::string& domain);

/// Runs `lab-directory WORDS` there, in the terminal; its exit status. So does the mail server's program.
int run_directory(runtime::ControlClient& lab, const plan::Plan& plan, const plan::Service& service,
                  const std::vector<std::string>& words);
/// The same, for what it prints; what it complains of becomes the Error.
Result<std::string> ask_directory(runtime::ControlClient& lab, const plan::Plan& plan,
                                  const plan::Service& service, const std::vector<std::string>& words);

/// Where the users' S/MIME keys are kept.
std::string user_keys(const plan::Plan& plan);
/// The words that make lab-directory issue and publish certificates.
std::vector<std::string> certify_words(const plan::Plan& plan, const std::vector<std::string>& people);

}  // namespace lab::command
