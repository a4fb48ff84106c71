/// describe -- messages in words, for dialogue events: what was asked, what was answered, in one line each.
#pragma once
#include <span>
#include <string>

#include "dns/request.hpp"

namespace lab::dns {

/// `helper.bac. MX (EDNS 1232, DO)`; `update of helper.bac.: 2 changes, 1 condition`.
std::string describe_request(const Request& request);
/// `NOERROR, authoritative: helper.bac. 3600 IN MX 10 mail.helper.bac. | additional: …`. Never fails: what
/// cannot be read is said.
std::string describe_response(std::span<const std::uint8_t> message);

}  // namespace lab::dns
