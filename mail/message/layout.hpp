/// layout -- where the parts of a stored message lie, small enough for a database column: how
/// `BODY[1.2.MIME]<0.100>` finds its bytes without reading the message (RFC 3501 6.4.5).
#pragma once
#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "mail/message/structure.hpp"

namespace lab::message {

struct Range {
  std::size_t begin = 0, end = 0;
  std::size_t size() const { return end - begin; }
  friend bool operator==(const Range&, const Range&) = default;
};

enum class SectionText { Body, Header, Text, Mime };  ///< BODY[1], BODY[1.HEADER], BODY[1.TEXT], BODY[1.MIME]

class Layout {
 public:
  static std::string pack(const Part& part);
  /// Of a text made by `pack`; anything else gives an empty layout, which finds nothing.
  static Layout unpack(std::string_view packed);

  /// The bytes of a section; nothing where the message has no such part. `path` empty means the message
  /// itself.
  std::optional<Range> find(std::span<const std::uint32_t> path, SectionText what) const;

 private:
  struct Node {
    Part::Kind kind = Part::Kind::Leaf;
    std::size_t header = 0, body = 0, end = 0;
    std::vector<Node> children;
  };
  static void write(std::string& out, const Part& part, std::size_t& last);
  static bool read(std::string_view& in, Node& node, std::size_t& last, std::size_t depth);
  static const Node* child(const Node& node, std::uint32_t number);
  static const Node* first(const Node& message, std::uint32_t number);

  Node root_;
  bool valid_ = false;
};

}  // namespace lab::message
