/// secrets -- turns the passwords of the settings into what is stored. A password that is still the one
/// applied the last time keeps its stored form, so that nothing seems changed; the others are hashed with
/// fresh salt, on all cores.
#pragma once
#include <functional>
#include <string>
#include <vector>

#include "directory/password.hpp"
#include "directory/tree.hpp"

namespace lab::directory {

/// `accounts`: DN and password of the accounts of programs. `previous`: the entries of the last
/// time. `random_salt` must be safe from several threads.
StoredPasswords store_passwords(const Settings& settings, const std::map<std::string, std::string>& accounts,
                                const std::vector<Entry>& previous, const std::function<Salt()>& random_salt);

/// From the kernel's random source.
Salt random_salt();

}  // namespace lab::directory
