/// effective -- the rules that hold for one person, each with its origin, as people read them and as JSON:
/// `labctl users --effective ali`.
#pragma once
#include <string>

#include "directory/policy.hpp"
#include "directory/user.hpp"

namespace lab::directory {

/// `passwords`: the entry with the password rules that hold; nullptr where they are an external directory's
/// own affair.
std::string effective_text(const User& user, const Entry* passwords);
std::string effective_json(const User& user, const Entry* passwords);

/// "200M" for 209715200; plain bytes where no unit fits.
std::string size_text(std::uint64_t bytes);

}  // namespace lab::directory
