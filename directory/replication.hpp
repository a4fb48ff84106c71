/// replication -- what slapd must be told to keep a copy of another server's tree (syncrepl, RFC 4533): where
/// it comes from, and how a write that reaches the copy is carried to the original. The account's password
/// stands in these pieces, so they are handed to slapd in memory and never lie in a file.
#pragma once
#include <string>

#include "common/error.hpp"
#include "directory/config.hpp"

namespace lab::directory {

/// For the server's front: what people and slapd itself want to write is done at the original, in their name.
std::string chain_conf(const Settings& settings, const std::string& password);
/// For the database: copies everything, then whatever changes, over verified TLS.
std::string syncrepl_conf(const Settings& settings, const std::string& password);

/// What the copying account may do on the original, as authzTo values of its entry: speak for the people who
/// change their passwords at the copy.
std::vector<std::string> may_speak_for(const Settings& settings);

/// A file that exists in memory only; its path is good for this process and what it becomes by exec.
Result<std::string> memory_file(const std::string& text);

}  // namespace lab::directory
