/// domain_list -- domain names in DNS wire form, and the list of them that option 119 carries (RFC 1035 3.1,
/// RFC 3397). The writer compresses: a suffix already in the option is pointed to. The reader follows
/// pointers inside the option only, and only backwards, so that no input can make it loop.
#pragma once
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/error.hpp"
#include "dhcp/options.hpp"

namespace lab::dhcp {

struct NameLimits {
  std::size_t label = 63;  ///< RFC 1035 2.3.4
  std::size_t name = 255;  ///< RFC 1035 2.3.4, in wire form
  std::size_t list = 64;   ///< names in one list; more is no search list but an attack
};
inline constexpr NameLimits kNameLimits;

/// `pc1.helper.bac` (a final dot is accepted) as labels ending with the root; an error for a name that cannot
/// exist.
Result<Bytes> name_to_wire(std::string_view name);

/// Names without final dot; the root is ".". Nullopt when the bytes are not a list of names.
std::optional<std::vector<std::string>> decode_domain_list(std::span<const std::uint8_t> data);
Result<Bytes> encode_domain_list(const std::vector<std::string>& names);

}  // namespace lab::dhcp
