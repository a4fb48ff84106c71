/// host_name -- the name a client gives itself, in option 12 or option 81 (RFC 4702), made into a label that
/// DNS can hold. Clients send all sorts of things here; what cannot be a name is no name, and never costs the
/// client its lease.
#pragma once
#include <optional>
#include <string>
#include <string_view>

#include "dhcp/message.hpp"

namespace lab::dhcp {

/// Lower case, letters, digits and hyphens, at most 63 (RFC 1123 2.1); the first label only. Empty when
/// nothing is left.
std::string host_label(std::string_view name);
/// The label from option 81, else from option 12; empty when the client gives no usable one.
std::string client_host_name(const Message& message);
/// Our option 81 for a client that sent one; nullopt where it sent none. `fqdn` may be empty: no name is
/// registered.
std::optional<Bytes> answer_fqdn(const Message& request, std::string_view fqdn);

}  // namespace lab::dhcp
