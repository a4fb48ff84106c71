/// structure -- the parts of a message (RFC 2045, RFC 2046): what each is, and where its bytes lie. One pass,
/// no copy of the text, time linear in its size however it is nested; a message that breaks the rules gets
/// the reading most clients give it.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lab::message {

struct StructureLimits {
  std::size_t depth = 50;    ///< parts within parts; what is deeper is one opaque part. Clients stop earlier
  std::size_t parts = 1000;  ///< the most real mail has is some dozens (digests)
  std::size_t parameters = 100;  ///< of one field
  std::size_t field = 16384;     ///< bytes of a field that are looked at
};

struct Parameter {
  std::string name;
  std::string value;
};

struct Part {
  enum class Kind : std::uint8_t {
    Leaf,
    Multipart,
    Message
  };  ///< Message: message/rfc822, its one child is the message
  Kind kind = Kind::Leaf;
  std::string type = "text", subtype = "plain";  ///< lower case
  std::vector<Parameter> parameters;
  std::string id, description, encoding = "7bit", md5, location;
  std::string disposition;  ///< lower case; empty: no such field
  std::vector<Parameter> disposition_parameters;
  std::vector<std::string> languages;
  std::size_t header = 0, body = 0, end = 0;  ///< offsets: [header, body) and [body, end)
  std::size_t lines = 0;                      ///< line ends within the body
  std::vector<Part> children;

  std::string_view parameter(std::string_view name) const;
};

/// Never fails; an empty message is an empty text/plain.
Part parse_structure(std::string_view message, const StructureLimits& limits = {});

/// A field's value before the first ';' and the parameters after it (RFC 2045 5.1, comments allowed).
struct ParameterField {
  std::string value;
  std::vector<Parameter> parameters;
};
ParameterField parse_parameters(std::string_view unfolded, std::size_t limit);

}  // namespace lab::message
