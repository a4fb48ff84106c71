#include "mail/message/layout.hpp"

namespace lab::message {
namespace {

/// Seven bits a byte, the low ones first.
void put(std::string& out, std::size_t value) {
  for (; value >= 0x80; value >>= 7) out.push_back(static_cast<char>(value | 0x80));
  out.push_back(static_cast<char>(value));
}

bool get(std::string_view& in, std::size_t& value) {
  value = 0;
  for (unsigned shift = 0; shift < 63 && !in.empty(); shift += 7) {
    const auto byte = static_cast<unsigned char>(in.front());
    in.remove_prefix(1);
    value |= static_cast<std::size_t>(byte & 0x7f) << shift;
    if (byte < 0x80) return true;
  }
  return false;
}

constexpr std::size_t kDeepest =
    200;  // twice what parse_structure makes: multipart and message may alternate

}  // namespace

// Pre-order: kind and number of children, then header, body and end as distances, which stay short.
void Layout::write(std::string& out, const Part& part, std::size_t& last) {
  put(out, part.children.size() << 2 | static_cast<std::size_t>(part.kind));
  put(out, part.header - last);
  put(out, part.body - part.header);
  put(out, part.end - part.body);
  last = part.header;
  for (const auto& each : part.children) write(out, each, last);
}

std::string Layout::pack(const Part& part) {
  std::string out;
  std::size_t last = 0;
  write(out, part, last);
  return out;
}

bool Layout::read(std::string_view& in, Node& node, std::size_t& last, std::size_t depth) {
  std::size_t head = 0, header = 0, body = 0, end = 0;
  if (depth > kDeepest || !get(in, head) || !get(in, header) || !get(in, body) || !get(in, end)) return false;
  node.kind = static_cast<Part::Kind>(head & 3);
  node.header = last + header;
  node.body = node.header + body;
  node.end = node.body + end;
  last = node.header;
  if (head >> 2 > in.size()) return false;  // each child takes a byte at least
  node.children.resize(head >> 2);
  for (auto& each : node.children)
    if (!read(in, each, last, depth + 1)) return false;
  return true;
}

Layout Layout::unpack(std::string_view packed) {
  Layout layout;
  std::size_t last = 0;
  layout.valid_ = read(packed, layout.root_, last, 0) && packed.empty();
  return layout;
}

const Layout::Node* Layout::child(const Node& node, std::uint32_t number) {
  return number >= 1 && number <= node.children.size() ? &node.children[number - 1] : nullptr;
}

/// RFC 3501 6.4.5: a message that is not multipart has one part, number 1, its body.
const Layout::Node* Layout::first(const Node& message, std::uint32_t number) {
  if (message.kind == Part::Kind::Multipart) return child(message, number);
  return number == 1 ? &message : nullptr;
}

std::optional<Range> Layout::find(std::span<const std::uint32_t> path, SectionText what) const {
  if (!valid_) return std::nullopt;
  const Node* node = &root_;
  for (std::size_t i = 0; i < path.size(); ++i) {
    if (i == 0) {
      node = first(*node, path[i]);
    } else if (node->kind == Part::Kind::Multipart) {
      node = child(*node, path[i]);
    } else if (node->kind == Part::Kind::Message && !node->children.empty()) {
      node = first(node->children.front(), path[i]);
    } else {
      node = nullptr;
    }
    if (node == nullptr) return std::nullopt;
  }
  switch (what) {
    case SectionText::Body:
      return path.empty() ? Range{node->header, node->end} : Range{node->body, node->end};
    case SectionText::Mime:
      return path.empty() ? std::nullopt : std::optional(Range{node->header, node->body});
    case SectionText::Header:
    case SectionText::Text: break;
  }
  if (!path.empty()) {  // HEADER and TEXT of a part are those of the message in it
    if (node->kind != Part::Kind::Message || node->children.empty()) return std::nullopt;
    node = &node->children.front();
  }
  return what == SectionText::Header ? Range{node->header, node->body} : Range{node->body, node->end};
}

}  // namespace lab::message
