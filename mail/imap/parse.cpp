#include "mail/imap/parse.hpp"

#include <array>

namespace lab::mail::imap {
namespace {

Authenticate authenticate(Lexer& in) {
  Authenticate out;
  in.space();
  out.mechanism = in.atom("a mechanism");
  if (in.take(' ')) out.initial = in.atom("an initial response");  // RFC 4959; "=" is an empty one
  return out;
}

LogIn log_in(Lexer& in) {
  LogIn out;
  in.space();
  out.user = in.astring();
  in.space();
  out.password = in.astring();
  return out;
}

Enable enable(Lexer& in) {
  Enable out;
  do {
    in.space();
    out.capabilities.push_back(in.atom("a capability"));
  } while (in.ok() && !in.at_end());
  return out;
}

std::string one_mailbox(Lexer& in) {
  in.space();
  return in.mailbox();
}

Resync resync(Lexer& in) {  // RFC 7162 3.2.5
  Resync out;
  in.space();
  in.expect('(', "expected '('");
  out.uidvalidity = in.nz_number();
  in.space();
  out.modseq = in.number64();
  if (in.take(' ') && in.peek() != '(') {
    out.known = in.sequence_set();
    in.take(' ');
  }
  if (in.take('(')) {  // message numbers matching UIDs: a hint that lets a server send less; ours remembers
                       // enough without
    in.sequence_set();
    in.space();
    in.sequence_set();
    in.expect(')', "expected ')'");
  }
  in.expect(')', "expected ')'");
  return out;
}

Select select(Lexer& in, bool read_only) {
  Select out{.mailbox = one_mailbox(in), .read_only = read_only, .condstore = false, .resync = {}};
  if (!in.take(' ')) return out;
  in.expect('(', "expected '('");
  do {
    if (in.take_word("CONDSTORE"))
      out.condstore = true;
    else if (in.take_word("QRESYNC"))
      out.resync = resync(in);
    else
      in.fail("unknown parameter of SELECT");
  } while (in.ok() && in.take(' '));
  in.expect(')', "expected ')'");
  return out;
}

Create create(Lexer& in) {
  Create out{.mailbox = one_mailbox(in), .special = {}};
  if (!in.take(' ')) return out;
  in.expect('(', "expected '('");
  if (!in.take_word("USE")) in.fail("unknown parameter of CREATE");
  in.space();
  in.expect('(', "expected '('");
  if (in.take('\\')) out.special = "\\" + in.atom("a special use");
  in.expect(')', "one special use at a time");
  in.expect(')', "expected ')'");
  return out;
}

Rename rename(Lexer& in) {
  Rename out;
  out.from = one_mailbox(in);
  out.to = one_mailbox(in);
  return out;
}

Append append(Lexer& in) {
  Append out;
  out.mailbox = one_mailbox(in);
  in.space();
  if (in.peek() == '(') {
    out.flags = in.flags(true);
    in.space();
  }
  if (in.peek() == '"') {
    out.date = in.date_time();
    in.space();
  }
  out.message = in.literal();
  return out;
}

SetFlags set_flags(Lexer& in) {
  SetFlags out;
  in.space();
  out.set = in.sequence_set();
  in.space();
  if (in.take('(')) {  // RFC 7162 3.1.3
    if (!in.take_word("UNCHANGEDSINCE")) in.fail("unknown modifier of STORE");
    in.space();
    out.unchanged_since = in.number64();
    in.expect(')', "expected ')'");
    in.space();
  }
  if (in.take('+'))
    out.change = FlagChange::Add;
  else if (in.take('-'))
    out.change = FlagChange::Remove;
  if (!in.take("FLAGS")) in.fail("expected FLAGS");
  out.silent = in.take(".SILENT");
  in.space();
  out.flags = in.flags(false);
  return out;
}

Copy copy(Lexer& in, bool move) {
  Copy out;
  in.space();
  out.set = in.sequence_set();
  out.mailbox = one_mailbox(in);
  out.move = move;
  return out;
}

Status status(Lexer& in) {
  Status out;
  out.mailbox = one_mailbox(in);
  in.space();
  out.items = parse_status_items(in);
  return out;
}

SearchReturn search_return(Lexer& in) {  // RFC 4731 3.1
  SearchReturn out;
  in.space();
  in.expect('(', "expected '('");
  while (in.ok() && !in.take(')')) {
    if (in.take_word("MIN"))
      out.min = true;
    else if (in.take_word("MAX"))
      out.max = true;
    else if (in.take_word("ALL"))
      out.all = true;
    else if (in.take_word("COUNT"))
      out.count = true;
    else
      in.fail("unknown option of RETURN");
    in.take(' ');
  }
  if (!out.any()) out.all = true;
  return out;
}

Search search(Lexer& in) {
  Search out;
  in.space();
  if (in.take_word("RETURN")) {
    out.extended = true;
    out.report = search_return(in);
    in.space();
  }
  out.key = parse_search_program(in, false);
  return out;
}

Sort sort(Lexer& in) {  // RFC 5256
  struct Named {
    const char* name;
    SortField field;
  };
  static constexpr std::array<Named, 7> kFields = {{{"ARRIVAL", SortField::Arrival},
                                                    {"CC", SortField::Cc},
                                                    {"DATE", SortField::Date},
                                                    {"FROM", SortField::From},
                                                    {"SIZE", SortField::Size},
                                                    {"SUBJECT", SortField::Subject},
                                                    {"TO", SortField::To}}};
  Sort out;
  in.space();
  in.expect('(', "expected '('");
  do {
    SortKey key;
    key.reverse = in.take_word("REVERSE");
    if (key.reverse) in.space();
    const auto word = in.atom("a sort key");
    const Named* found = nullptr;
    for (const auto& each : kFields)
      if (equals_ignoring_case(word, each.name)) found = &each;
    if (found == nullptr || out.order.size() >= 20)
      in.fail("unknown sort key " + word);
    else
      key.field = found->field;
    out.order.push_back(key);
  } while (in.ok() && in.take(' '));
  in.expect(')', "expected ')'");
  in.space();
  out.key = parse_search_program(in, true);
  return out;
}

Thread thread(Lexer& in) {
  Thread out;
  in.space();
  if (in.take_word("ORDEREDSUBJECT"))
    out.references = false;
  else if (!in.take_word("REFERENCES"))
    in.fail("unknown threading algorithm");
  in.space();
  out.key = parse_search_program(in, true);
  return out;
}

Expunge uid_expunge(Lexer& in) {
  in.space();
  return {in.sequence_set()};
}

Id id(Lexer& in) {  // RFC 2971: whatever it says, we do not look
  in.space();
  if (in.take_word("NIL")) return {};
  in.expect('(', "expected '(' or NIL");
  while (in.ok() && !in.take(')')) {
    in.string();
    in.space();
    if (!in.take_word("NIL")) in.string();
    in.take(' ');
  }
  return {};
}

template <class T>
Request plain(Lexer&) {
  return T{};
}

struct Row {
  std::string_view verb;
  Request (*parse)(Lexer&);
};

// In the order of RFC 3501 6, then the extensions.
constexpr std::array kCommands = {
    Row{"CAPABILITY", plain<Capability>},
    Row{"NOOP", plain<Noop>},
    Row{"LOGOUT", plain<Logout>},
    Row{"STARTTLS", plain<StartTls>},
    Row{"AUTHENTICATE", [](Lexer& in) -> Request { return authenticate(in); }},
    Row{"LOGIN", [](Lexer& in) -> Request { return log_in(in); }},
    Row{"SELECT", [](Lexer& in) -> Request { return select(in, false); }},
    Row{"EXAMINE", [](Lexer& in) -> Request { return select(in, true); }},
    Row{"CREATE", [](Lexer& in) -> Request { return create(in); }},
    Row{"DELETE", [](Lexer& in) -> Request { return Delete{one_mailbox(in)}; }},
    Row{"RENAME", [](Lexer& in) -> Request { return rename(in); }},
    Row{"SUBSCRIBE",
        [](Lexer& in) -> Request {
          return Subscribe{one_mailbox(in), true};
        }},
    Row{"UNSUBSCRIBE",
        [](Lexer& in) -> Request {
          return Subscribe{one_mailbox(in), false};
        }},
    Row{"LIST", [](Lexer& in) -> Request { return parse_list(in); }},
    Row{"LSUB",
        [](Lexer& in) -> Request {
          auto out = parse_list(in);
          out.lsub = true;
          return out;
        }},
    Row{"STATUS", [](Lexer& in) -> Request { return status(in); }},
    Row{"APPEND", [](Lexer& in) -> Request { return append(in); }},
    Row{"CHECK", plain<Check>},
    Row{"CLOSE", plain<Close>},
    Row{"EXPUNGE", plain<Expunge>},
    Row{"SEARCH", [](Lexer& in) -> Request { return search(in); }},
    Row{"FETCH", [](Lexer& in) -> Request { return parse_fetch(in); }},
    Row{"STORE", [](Lexer& in) -> Request { return set_flags(in); }},
    Row{"COPY", [](Lexer& in) -> Request { return copy(in, false); }},
    Row{"UNSELECT", plain<Unselect>},
    Row{"IDLE", plain<Idle>},
    Row{"NAMESPACE", plain<Namespace>},
    Row{"ID", [](Lexer& in) -> Request { return id(in); }},
    Row{"ENABLE", [](Lexer& in) -> Request { return enable(in); }},
    Row{"MOVE", [](Lexer& in) -> Request { return copy(in, true); }},
    Row{"SORT", [](Lexer& in) -> Request { return sort(in); }},
    Row{"THREAD", [](Lexer& in) -> Request { return thread(in); }},
    Row{"GETQUOTA",
        [](Lexer& in) -> Request {
          in.space();
          return GetQuota{in.astring()};
        }},
    Row{"GETQUOTAROOT", [](Lexer& in) -> Request { return GetQuotaRoot{one_mailbox(in)}; }},
};

// With UID before them, sets are of UIDs (RFC 3501 6.4.8; EXPUNGE by RFC 4315, MOVE by RFC 6851, SORT and
// THREAD by RFC 5256).
constexpr std::array kUidCommands = {
    Row{"UID FETCH", [](Lexer& in) -> Request { return parse_fetch(in); }},
    Row{"UID STORE", [](Lexer& in) -> Request { return set_flags(in); }},
    Row{"UID SEARCH", [](Lexer& in) -> Request { return search(in); }},
    Row{"UID COPY", [](Lexer& in) -> Request { return copy(in, false); }},
    Row{"UID MOVE", [](Lexer& in) -> Request { return copy(in, true); }},
    Row{"UID EXPUNGE", [](Lexer& in) -> Request { return uid_expunge(in); }},
    Row{"UID SORT", [](Lexer& in) -> Request { return sort(in); }},
    Row{"UID THREAD", [](Lexer& in) -> Request { return thread(in); }},
};

template <std::size_t N>
const Row* find(const std::array<Row, N>& table, std::string_view verb, std::size_t prefix) {
  for (const auto& row : table)
    if (equals_ignoring_case(row.verb.substr(prefix), verb)) return &row;
  return nullptr;
}

}  // namespace

std::expected<Command, BadCommand> parse_command(std::string_view text, const Limits& limits) {
  Lexer in(text, limits);
  Command command;
  command.tag = in.tag();
  if (!in.ok() || !in.take(' '))
    return std::unexpected(BadCommand{"*", "a command is a tag, a space and a verb, like: a1 NOOP"});
  auto verb = in.atom("a command");
  const Row* row = nullptr;
  if (equals_ignoring_case(verb, "UID") && in.take(' ')) {
    command.uid = true;
    verb = in.atom("a command");
    row = find(kUidCommands, verb, 4);
  } else {
    row = find(kCommands, verb, 0);
  }
  if (row == nullptr) return std::unexpected(BadCommand{command.tag, "unknown command"});
  command.verb = row->verb;
  command.request = row->parse(in);
  in.end();
  if (!in.ok()) return std::unexpected(BadCommand{command.tag, std::string(row->verb) + ": " + in.error()});
  return command;
}

}  // namespace lab::mail::imap
