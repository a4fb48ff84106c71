#include "mail/message/summary.hpp"

#include <algorithm>
#include <cstring>

#include "mail/message/charset.hpp"
#include "mail/message/header.hpp"
#include "mail/message/imap_text.hpp"
#include "mail/message/layout.hpp"
#include "mail/message/mailboxes.hpp"
#include "mail/message/signature.hpp"
#include "mail/message/structure.hpp"
#include "mail/message/subject.hpp"
#include "mail/message/transfer.hpp"
#include "mail/message/words.hpp"

namespace lab::message {
namespace {

// What SORT and THREAD read of every message of a mailbox stays short.
constexpr std::size_t kLongestSubject = 1000, kLongestKey = 100, kMostReferences = 100,
                      kLongestAddresses = 20000;

/// Folded text cut between two characters.
std::string cut(std::string text, std::size_t most) {
  if (text.size() <= most) return text;
  while (most > 0 && (static_cast<unsigned char>(text[most]) & 0xc0) == 0x80) --most;
  text.resize(most);
  return text;
}

/// FNV-1a. Who forges a collision joins two threads in the view of the one who receives both: nothing is
/// gained by it.
std::uint64_t hash(std::string_view text) {
  std::uint64_t h = 0xcbf29ce484222325U;
  for (const char c : text) h = (h ^ static_cast<unsigned char>(c)) * 0x100000001b3U;
  return h == 0 ? 1 : h;
}

/// The ids between angle brackets (RFC 5322 3.6.4), what stands around them passed over.
template <class Each>
void each_id(std::string_view text, Each each) {
  for (auto begin = text.find('<'); begin != std::string_view::npos; begin = text.find('<', begin + 1)) {
    const auto end = text.find('>', begin);
    if (end == std::string_view::npos) return;
    if (end > begin + 1) each(text.substr(begin + 1, end - begin - 1));
    begin = end;
  }
}

std::string thread_ids(std::string_view message_id, std::string_view references,
                       std::string_view in_reply_to) {
  std::vector<std::uint64_t> ids{0};
  each_id(message_id, [&](std::string_view id) {
    if (ids.front() == 0) ids.front() = hash(id);
  });
  each_id(references, [&](std::string_view id) { ids.push_back(hash(id)); });
  if (ids.size() == 1)  // RFC 5256 3: the first id of In-Reply-To where there are no references
    each_id(in_reply_to, [&](std::string_view id) {
      if (ids.size() == 1) ids.push_back(hash(id));
    });
  // Of an endless list the first and the newest matter: the root of the thread and the parent.
  if (ids.size() > kMostReferences)
    ids.erase(ids.begin() + 2, ids.end() - static_cast<std::ptrdiff_t>(kMostReferences) + 2);
  std::string out(ids.size() * 8, '\0');
  std::memcpy(out.data(), ids.data(), out.size());
  return out;
}

struct Addresses {
  std::string key, text;
};

Addresses addresses(const std::string& unfolded) {
  Addresses out;
  bool keyed = false;
  for (const auto& box : parse_mailboxes(unfolded)) {
    if (box.kind == Mailbox::Kind::GroupEnd) continue;
    if (!keyed) out.key = cut(fold(decode_words(box.mailbox)), kLongestKey);  // a group sorts by its name
    keyed = true;
    if (!out.text.empty()) out.text += ", ";
    if (!box.name.empty()) fold_onto(out.text, decode_words(box.name)), out.text += ' ';
    out.text += '<';
    fold_onto(out.text, box.mailbox);
    if (box.kind == Mailbox::Kind::Address) out.text += '@', fold_onto(out.text, box.host);
    out.text += '>';
    if (out.text.size() > kLongestAddresses) break;
  }
  return out;
}

void append_text(std::string& out, const Part& part, std::string_view message) {
  for (const auto& child : part.children) {
    if (part.kind == Part::Kind::Message) {  // the inner message's own header is text of the outer one
      FieldReader fields(message.substr(child.header, child.body - child.header));
      while (auto field = fields.next()) fold_onto(out, decode_words(unfold(field->value))), out += '\n';
    }
    append_text(out, child, message);
  }
  if (part.kind != Part::Kind::Leaf || part.type != "text") return;
  const auto body = message.substr(part.body, part.end - part.body);
  const auto charset = part.parameter("charset");
  // Most mail is UTF-8 as it stands: no copy then.
  const bool plain = part.encoding != "base64" && part.encoding != "quoted-printable";
  if (plain && (equals_ignoring_case(charset, "utf-8") || is_ascii(body))) {
    fold_onto(out, body);
  } else {
    fold_onto(out, to_utf8(charset, plain ? std::string(body) : decode_transfer(part.encoding, body)));
  }
  out += '\n';
}

std::string text_of(const Part& root, std::string_view message, bool with_header) {
  std::string out;
  out.reserve(message.size() + message.size() / 8);
  if (with_header) {
    FieldReader fields(message.substr(0, root.body));
    while (auto field = fields.next()) {
      fold_onto(out, field->name);
      out += ": ";
      fold_onto(out, decode_words(unfold(field->value)));
      out += '\n';
    }
  }
  append_text(out, root, message);
  return out;
}

}  // namespace

Summary summarize(std::string_view message) {
  Summary s;
  const auto root = parse_structure(message);
  const auto header = message.substr(0, root.body);
  s.header_size = root.body;
  s.envelope = envelope(header);
  s.structure = body_structure(root, message);
  s.layout = Layout::pack(root);

  std::string from, to, cc, bcc, message_id, references, in_reply_to;
  bool titled = false;
  const auto join = [](std::string& list, const Field& field) {
    list += (list.empty() ? "" : ", ") + unfold(field.value);
  };
  const auto once = [](std::string& text, const Field& field) {
    if (text.empty()) text = unfold(field.value);
  };
  FieldReader fields(header);
  while (auto field = fields.next()) {
    const auto is = [&](std::string_view name) { return equals_ignoring_case(field->name, name); };
    if (is("From"))
      join(from, *field);
    else if (is("To"))
      join(to, *field);
    else if (is("Cc"))
      join(cc, *field);
    else if (is("Bcc"))
      join(bcc, *field);
    else if (is("Message-ID"))
      once(message_id, *field);
    else if (is("References"))
      once(references, *field);
    else if (is("In-Reply-To"))
      once(in_reply_to, *field);
    else if (is("Subject") && !titled) {
      titled = true;
      s.subject = cut(fold(decode_words(unfold(field->value))), kLongestSubject);
    } else if (is("Date") && !s.dated) {
      if (const auto date = parse_header_date(unfold(field->value))) s.dated = true, s.sent = *date;
    }
  }
  const auto base = base_subject(s.subject);
  s.base_begin = static_cast<std::size_t>(base.text.data() - s.subject.data());
  s.base_size = base.text.size();
  s.reply = base.reply;

  auto parsed = addresses(from);
  s.from = std::move(parsed.key), s.from_text = std::move(parsed.text);
  parsed = addresses(to);
  s.to = std::move(parsed.key), s.to_text = std::move(parsed.text);
  parsed = addresses(cc);
  s.cc = std::move(parsed.key), s.cc_text = std::move(parsed.text);
  s.bcc_text = addresses(bcc).text;
  s.thread_ids = thread_ids(message_id, references, in_reply_to);
  s.signature = signature_of(text_of(root, message, true));
  return s;
}

std::string searchable_text(std::string_view message, bool with_header) {
  return text_of(parse_structure(message), message, with_header);
}

bool normalize_line_ends(std::string_view message, std::string& out) {
  bool wrong = message.find('\0') != std::string_view::npos;
  for (auto at = message.find_first_of("\r\n"); at != std::string_view::npos && !wrong;
       at = message.find_first_of("\r\n", at)) {
    if (message.substr(at, 2) == "\r\n")
      at += 2;
    else
      wrong = true;
  }
  if (!wrong) return false;
  out.clear();
  out.reserve(message.size() + message.size() / 32);
  for (std::size_t i = 0; i < message.size(); ++i) {
    const char c = message[i];
    if (c == '\0') continue;
    if (c == '\r' && i + 1 < message.size() && message[i + 1] == '\n') continue;
    if (c == '\r' || c == '\n')
      out += "\r\n";
    else
      out += c;
  }
  return true;
}

}  // namespace lab::message
