#include "mail/message/structure.hpp"

#include <algorithm>
#include <optional>

#include "mail/address.hpp"
#include "mail/cursor.hpp"
#include "mail/message/header.hpp"

namespace lab::message {
namespace {

using mail::Cursor;
using mail::lower;

void skip(Cursor& at) {
  int depth = 0;  // comments, nested
  while (!at.at_end()) {
    const char c = at.peek();
    if (c == '(')
      ++depth;
    else if (c == ')' && depth > 0)
      --depth;
    else if (c == '\\' && depth > 0)
      at.take_any();
    else if (depth == 0 && c != ' ' && c != '\t')
      return;
    at.take_any();
  }
}

std::string quoted(Cursor& at) {
  std::string text;
  while (!at.at_end()) {
    const char c = at.take_any();
    if (c == '"') break;
    text += c == '\\' && !at.at_end() ? at.take_any() : c;
  }
  return text;
}

std::string token(Cursor& at) {
  return std::string(at.take_while([](char c) {
    return c > ' ' && std::string_view("()<>@,;:\\\"/[]?=").find(c) == std::string_view::npos;
  }));
}

/// A parameter's value. Mailers forget to quote names of files: everything up to the ';' then.
std::string value(Cursor& at) {
  if (at.take('"')) return quoted(at);
  auto text = std::string(at.take_while([](char c) { return c != ';' && c != '('; }));
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.pop_back();
  return text;
}

class Scanner {
 public:
  Scanner(std::string_view text, const StructureLimits& limits) : text_(text), limits_(limits) {}

  Part part(bool in_digest, std::size_t depth) {
    Part part;
    ++parts_;
    if (in_digest) part.type = "message", part.subtype = "rfc822";  // RFC 2046 5.1.5
    part.header = at_;
    read_header();
    part.body = at_;
    describe(part, text_.substr(part.header, header_end_ - part.header), depth);
    const auto lines_before = lines_;
    if (!found_) {
      read_body(part, depth);
    } else if (part.kind != Part::Kind::Leaf) {
      add_empty(part);
    }
    part.end = std::max(part.body, before_boundary());
    const auto seen = lines_ - lines_before;
    part.lines = found_ && part.end < at_ && seen > 0 ? seen - 1 : seen;
    return part;
  }

 private:
  struct Found {
    std::size_t level;  // which of boundaries_
    bool close;
    std::size_t after;  // offset behind the boundary line
  };

  /// Moves to the line after; the end of the text when there is none.
  void next_line() {
    const auto end = text_.find('\n', at_);
    if (end == std::string_view::npos) {
      at_ = text_.size();
    } else {
      at_ = end + 1;
      ++lines_;
    }
  }

  /// RFC 2046 5.1.1: the delimiter, perhaps "--", blanks, the end of the line. Inner ones are asked first.
  bool at_boundary() {
    if (boundaries_.empty() || at_ + 2 > text_.size() || text_[at_] != '-' || text_[at_ + 1] != '-')
      return false;
    const auto end = std::min(text_.find('\n', at_), text_.size());
    auto line = text_.substr(at_ + 2, end - at_ - 2);
    while (!line.empty() && (line.back() == '\r' || line.back() == ' ' || line.back() == '\t'))
      line.remove_suffix(1);
    for (std::size_t i = boundaries_.size(); i-- > 0;) {
      if (!line.starts_with(boundaries_[i])) continue;
      const auto rest = line.substr(boundaries_[i].size());
      if (!rest.empty() && rest != "--") continue;
      found_ = Found{i, !rest.empty(), std::min(end + 1, text_.size())};
      return true;
    }
    return false;
  }

  void read_header() {
    found_.reset();
    while (at_ < text_.size()) {
      if (at_boundary()) {
        header_end_ = at_;
        return;
      }
      const auto line = at_;
      next_line();
      const auto size = at_ - line;
      if (text_[line] == '\n' || (size == 2 && text_[line] == '\r')) break;
    }
    header_end_ = at_;
  }

  /// To the next boundary of any enclosing multipart, or the end.
  void scan() {
    found_.reset();
    if (boundaries_.empty()) {
      lines_ += static_cast<std::size_t>(
          std::count(text_.begin() + static_cast<std::ptrdiff_t>(at_), text_.end(), '\n'));
      at_ = text_.size();
      return;
    }
    while (at_ < text_.size() && !at_boundary()) next_line();
  }

  /// The line end before a delimiter belongs to the delimiter (RFC 2046 5.1.1).
  std::size_t before_boundary() const {
    auto end = at_;
    if (!found_) return end;
    if (end > 0 && text_[end - 1] == '\n') --end;
    if (end > 0 && end < at_ && text_[end - 1] == '\r') --end;
    return end;
  }

  void read_body(Part& part, std::size_t depth) {
    switch (part.kind) {
      case Part::Kind::Leaf: scan(); return;
      case Part::Kind::Message: part.children.push_back(this->part(false, depth + 1)); return;
      case Part::Kind::Multipart: read_multipart(part, depth); return;
    }
  }

  void read_multipart(Part& part, std::size_t depth) {
    const auto level = boundaries_.size();
    boundaries_.emplace_back(part.parameter("boundary"));
    const bool digest = part.subtype == "digest";
    scan();  // the preamble
    while (found_ && found_->level == level && !found_->close) {
      at_ = found_->after;
      ++lines_;
      if (parts_ < limits_.parts) {
        part.children.push_back(this->part(digest, depth + 1));
      } else {
        scan();
      }
    }
    boundaries_.pop_back();
    if (found_ && found_->level == level) {
      at_ = found_->after;
      ++lines_;
      scan();  // the epilogue
    }
    if (part.children.empty()) add_empty(part);
  }

  /// IMAP's grammar has no multipart without a part, and no message/rfc822 without a message.
  static void add_empty(Part& part) {
    Part empty;
    empty.header = empty.body = empty.end = part.body;
    part.children.push_back(std::move(empty));
  }

  void describe(Part& part, std::string_view header, std::size_t depth) {
    FieldReader fields(header);
    bool typed = false;
    while (auto field = fields.next()) {
      const auto& name = field->name;
      if (name.size() < 8 || (name[0] | 0x20) != 'c') continue;
      const auto text = unfold(field->value.substr(0, limits_.field));
      if (equals_ignoring_case(name, "Content-Type") && !typed) {
        typed = true;
        content_type(part, text);
      } else if (equals_ignoring_case(name, "Content-Transfer-Encoding")) {
        Cursor at(text);
        skip(at);
        if (auto encoding = token(at); !encoding.empty()) part.encoding = lower(encoding);
      } else if (equals_ignoring_case(name, "Content-ID")) {
        part.id = text;
      } else if (equals_ignoring_case(name, "Content-Description")) {
        part.description = text;
      } else if (equals_ignoring_case(name, "Content-MD5")) {
        part.md5 = text;
      } else if (equals_ignoring_case(name, "Content-Location")) {
        part.location = text;
      } else if (equals_ignoring_case(name, "Content-Disposition")) {
        auto parsed = parse_parameters(text, limits_.parameters);
        part.disposition = lower(parsed.value);
        part.disposition_parameters = std::move(parsed.parameters);
      } else if (equals_ignoring_case(name, "Content-Language")) {
        Cursor at(text);
        while (skip(at), !at.at_end() && part.languages.size() < limits_.parameters) {
          if (auto tag = token(at); !tag.empty())
            part.languages.push_back(std::move(tag));
          else
            at.take_any();
        }
      }
    }
    if (part.type == "multipart") {
      part.kind = Part::Kind::Multipart;
    } else if (part.type == "message" && (part.subtype == "rfc822" || part.subtype == "global")) {
      part.kind = Part::Kind::Message;
    }
    const bool endless = depth >= limits_.depth || parts_ >= limits_.parts;
    const bool unbounded = part.kind == Part::Kind::Multipart && part.parameter("boundary").empty();
    if (part.kind != Part::Kind::Leaf && (endless || unbounded)) {
      part.kind = Part::Kind::Leaf;  // RFC 2046 4.5.1: what cannot be taken apart is octets
      part.type = "application", part.subtype = "octet-stream";
    }
  }

  void content_type(Part& part, const std::string& text) {
    Cursor at(text);
    skip(at);
    auto type = lower(token(at));
    skip(at);
    if (!at.take('/')) return;  // RFC 2045 5.2: not understood means text/plain
    skip(at);
    auto subtype = lower(token(at));
    if (type.empty() || subtype.empty()) return;
    part.type = std::move(type), part.subtype = std::move(subtype);
    skip(at);
    part.parameters = parse_parameters(at.rest(), limits_.parameters).parameters;
  }

  std::string_view text_;
  const StructureLimits& limits_;
  std::size_t at_ = 0, lines_ = 0, header_end_ = 0, parts_ = 0;
  std::vector<std::string> boundaries_;
  std::optional<Found> found_;
};

}  // namespace

std::string_view Part::parameter(std::string_view name) const {
  for (const auto& p : parameters)
    if (equals_ignoring_case(p.name, name)) return p.value;
  return {};
}

ParameterField parse_parameters(std::string_view unfolded, std::size_t limit) {
  ParameterField field;
  Cursor at(unfolded);
  skip(at);
  field.value = token(at);
  while (!at.at_end() && field.parameters.size() < limit) {
    at.take_while([](char c) { return c != ';'; });
    if (!at.take(';')) break;
    skip(at);
    auto name = token(at);
    skip(at);
    if (name.empty() || !at.take('=')) continue;
    skip(at);
    field.parameters.push_back({std::move(name), value(at)});
  }
  return field;
}

Part parse_structure(std::string_view message, const StructureLimits& limits) {
  return Scanner(message, limits).part(false, 0);
}

}  // namespace lab::message
