/// client_name -- the name a DHCPv6 client gives itself (option 39, RFC 4704), made into a label that DNS can
/// hold, and what the server answers to it.
#pragma once
#include <optional>
#include <string>
#include <string_view>

#include "dhcp/v6/message.hpp"

namespace lab::dhcp::v6 {

/// Empty when the client gives no usable one.
std::string client_host_name(const Message& message);
/// Our option 39 for the one a client sent; `fqdn` may be empty: no name is registered.
std::optional<Bytes> answer_fqdn(const Bytes& asked, std::string_view fqdn);
/// The client's option 39: the name without a domain, and the wish that the server registers it.
Bytes ask_fqdn(std::string_view host_name);

}  // namespace lab::dhcp::v6
