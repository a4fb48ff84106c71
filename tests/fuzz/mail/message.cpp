// Any bytes as a message: its parts lie within it, its packed layout reads back the same, its signature never
// misses a word of it.
#include <cstdint>
#include <string>

#include "mail/message/imap_text.hpp"
#include "mail/message/layout.hpp"
#include "mail/message/signature.hpp"
#include "mail/message/summary.hpp"

namespace {

void check(const lab::message::Part& part, std::size_t size) {
  if (part.header > part.body || part.body > part.end || part.end > size) __builtin_trap();
  for (const auto& child : part.children) check(child, size);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace lab::message;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto part = parse_structure(text);
  check(part, size);
  const auto whole = Layout::unpack(Layout::pack(part)).find({}, SectionText::Body);
  if (!whole || whole->begin != part.header || whole->end != part.end) __builtin_trap();
  const auto structure = body_structure(part, text);
  if (body_of(structure).size() > structure.size()) __builtin_trap();
  const auto summary = summarize(text);
  const auto searchable = searchable_text(text, true);
  const auto word = searchable.substr(searchable.size() / 2, 12);
  const Needle needle(word);
  if (searchable.find(needle.folded()) != std::string::npos && !needle.may_be_in(summary.signature))
    __builtin_trap();
  return 0;
}
