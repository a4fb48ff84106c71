#include "mail/message/imap_text.hpp"

#include <fmt/format.h>

#include <array>
#include <iterator>
#include <optional>

#include "mail/cursor.hpp"
#include "mail/message/charset.hpp"
#include "mail/message/header.hpp"
#include "mail/message/mailboxes.hpp"
#include "mail/message/words.hpp"

namespace lab::message {
namespace {

// A longer string is cut: it is a header line no reader shows, and each FETCH of the mailbox would carry it.
constexpr std::size_t kLongestText = 16384;

std::string wire(std::string_view text) {
  text = text.substr(0, kLongestText);
  return is_ascii(text) ? quote(text) : quote(encode_words(to_utf8({}, text)));
}

std::string or_nil(std::string_view text) { return text.empty() ? "NIL" : wire(text); }

std::string addresses(std::string_view unfolded) {
  const auto list = parse_mailboxes(unfolded);
  if (list.empty()) return "NIL";
  std::string out = "(";
  for (const auto& box : list) {
    switch (box.kind) {
      // RFC 3501 7.4.2: a NIL host opens a group, and a NIL mailbox closes it, so an address must have both.
      case Mailbox::Kind::GroupStart: out += "(NIL NIL " + wire(box.mailbox) + " NIL)"; break;
      case Mailbox::Kind::GroupEnd: out += "(NIL NIL NIL NIL)"; break;
      case Mailbox::Kind::Address:
        out += "(" + or_nil(box.name) + " " + or_nil(box.route) + " " + wire(box.mailbox) + " " +
               wire(box.host) + ")";
        break;
    }
  }
  return out + ")";
}

std::string parameters(const std::vector<Parameter>& list) {
  if (list.empty()) return "NIL";
  std::string out;
  for (const auto& p : list) out += (out.empty() ? "(" : " ") + wire(p.name) + " " + wire(p.value);
  return out + ")";
}

std::string extension(const Part& part) {
  std::string out = " ";
  out += part.disposition.empty()
             ? "NIL"
             : "(" + wire(part.disposition) + " " + parameters(part.disposition_parameters) + ")";
  out += " ";
  if (part.languages.empty()) {
    out += "NIL";
  } else {
    std::string tags;
    for (const auto& tag : part.languages) tags += (tags.empty() ? "(" : " ") + wire(tag);
    out += tags + ")";
  }
  return out + " " + or_nil(part.location);
}

void render(std::string& out, const Part& part, std::string_view message) {
  out += '(';
  if (part.kind == Part::Kind::Multipart) {
    for (const auto& child : part.children) render(out, child, message);
    out += " " + wire(part.subtype) + " " + parameters(part.parameters) + extension(part) + ")";
    return;
  }
  fmt::format_to(std::back_inserter(out), "{} {} {} {} {} {} {}", wire(part.type), wire(part.subtype),
                 parameters(part.parameters), or_nil(part.id), or_nil(part.description), wire(part.encoding),
                 part.end - part.body);
  if (part.kind == Part::Kind::Message) {
    const auto& inner = part.children.front();
    out += " " + envelope(message.substr(inner.header, inner.body - inner.header)) + " ";
    render(out, inner, message);
  }
  if (part.kind == Part::Kind::Message || part.type == "text")
    fmt::format_to(std::back_inserter(out), " {}", part.lines);
  out += " " + or_nil(part.md5) + extension(part) + ")";
}

/// Copies one value of our own text: an atom, a quoted string, or a list; `structure` lists lose their
/// extension fields.
class Shortener {
 public:
  explicit Shortener(std::string_view text) : at_(text) {}

  void structure(std::string& out) {
    at_.take('(');
    out += '(';
    if (at_.peek() == '(') {
      while (at_.peek() == '(') structure(out);
      at_.take(' ');
      out += ' ';
      value(&out);
    } else {
      leaf(out);
    }
    while (at_.take(' ')) value(nullptr);
    at_.take(')');
    out += ')';
  }

 private:
  void leaf(std::string& out) {
    const auto type = at_.rest().substr(0, 24);
    const bool text = type.starts_with("\"text\""), message = type.starts_with(R"("message" "rfc822")") ||
                                                              type.starts_with(R"("message" "global")");
    for (int i = 0; i < 7; ++i) {
      if (i > 0 && at_.take(' ')) out += ' ';
      value(&out);
    }
    if (message) {
      at_.take(' ');
      out += ' ';
      value(&out);
      at_.take(' ');
      out += ' ';
      structure(out);
    }
    if (message || text) {
      at_.take(' ');
      out += ' ';
      value(&out);
    }
  }

  void value(std::string* out) {
    const auto whole = at_.rest();
    int depth = 0;
    do {
      const char c = at_.take_any();
      if (c == '"') {
        while (!at_.at_end()) {
          const char q = at_.take_any();
          if (q == '"') break;
          if (q == '\\') at_.take_any();
        }
      } else if (c == '(') {
        ++depth;
      } else if (c == ')') {
        --depth;
      } else {
        at_.take_while([](char x) { return x != ' ' && x != '(' && x != ')'; });
      }
      if (depth > 0) at_.take(' ');
    } while (depth > 0 && !at_.at_end());
    if (out != nullptr) *out += whole.substr(0, whole.size() - at_.rest().size());
  }

  mail::Cursor at_;
};

}  // namespace

std::string quote(std::string_view text) {
  std::string out;
  out.reserve(text.size() + 2);
  out += '"';
  for (const char c : text) {
    if (static_cast<unsigned char>(c) < ' ' && c != '\t') continue;
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out += '"';
}

std::string envelope(std::string_view header) {
  enum { Date, Subject, From, Sender, ReplyTo, To, Cc, Bcc, InReplyTo, MessageId, kFields };
  static constexpr std::array<std::string_view, kFields> kNames = {
      "Date", "Subject", "From", "Sender", "Reply-To", "To", "Cc", "Bcc", "In-Reply-To", "Message-ID"};
  std::array<std::optional<std::string>, kFields> values;
  FieldReader fields(header);
  while (auto field = fields.next())
    for (std::size_t i = 0; i < kFields; ++i)
      if (equals_ignoring_case(field->name, kNames[i])) {
        const bool list = i == To || i == Cc || i == Bcc;
        if (!values[i])
          values[i] = unfold(field->value);
        else if (list)
          *values[i] += ", " + unfold(field->value);  // RFC 5322 4.5.3: several are one longer list
        break;
      }
  const auto text = [&](std::size_t i) { return values[i] ? wire(*values[i]) : std::string("NIL"); };
  const auto list = [&](std::size_t i) { return values[i] ? addresses(*values[i]) : std::string("NIL"); };
  const auto from = list(From);
  // RFC 3501 7.4.2: Sender and Reply-To, when absent or empty, are From.
  auto sender = list(Sender), reply_to = list(ReplyTo);
  if (sender == "NIL") sender = from;
  if (reply_to == "NIL") reply_to = from;
  return fmt::format("({} {} {} {} {} {} {} {} {} {})", text(Date), text(Subject), from, sender, reply_to,
                     list(To), list(Cc), list(Bcc), text(InReplyTo), text(MessageId));
}

std::string body_structure(const Part& part, std::string_view message) {
  std::string out;
  render(out, part, message);
  return out;
}

std::string body_of(std::string_view body_structure) {
  std::string out;
  Shortener(body_structure).structure(out);
  return out;
}

}  // namespace lab::message
