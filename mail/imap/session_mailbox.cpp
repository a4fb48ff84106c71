// Mailboxes as wholes (RFC 3501 6.3 and its extensions).
#include <fmt/format.h>

#include <boost/asio/post.hpp>
#include <ctime>

#include "mail/imap/list.hpp"
#include "mail/imap/session_change.hpp"
#include "mail/store/names.hpp"
#include "mail/store/reader.hpp"

namespace lab::mail::imap {
namespace asio = boost::asio;

void Session::deselect() {
  if (!selected_) return;
  // Who looked at the mailbox to change it has seen what came meanwhile: it is recent to nobody else. Nobody
  // waits for this.
  if (const auto next = selected_->next_if_grown(); next != 0 && !selected_->read_only())
    context_.store.change([id = selected_->id(), next](Writer& w) { w.seen_by_a_session(id, next); }, {});
  selected_.reset();
}

awaitable<Session::Result> Session::on(Select& request) {
  // RFC 7162 3.2.11: QRESYNC sessions are told where the old mailbox's responses end.
  if (selected_ && enabled_.qresync) say("* OK [CLOSED] the other mailbox is closed\r\n");
  deselect();
  if (request.resync && !enabled_.qresync) co_return bad("ENABLE QRESYNC first");
  if (request.condstore) enabled_.condstore = true;
  const auto snapshot = context_.store.read();
  const auto state = snapshot->mailbox(user_, request.mailbox);
  if (!state) co_return no("[NONEXISTENT] there is no such mailbox");

  auto wake = [executor = stream_.executor(), weak = std::weak_ptr(wake_)] {
    asio::post(executor, [weak] {
      if (const auto held = weak.lock(); held && held->idling && held->stream != nullptr)
        held->stream->nudge();
    });
  };
  selected_ = std::make_unique<Selected>(*snapshot, *state, request.read_only,
                                         context_.store.watch().listen(state->id, std::move(wake)));
  std::string out;
  selected_->write_known_flags(out);
  out += fmt::format("* {} EXISTS\r\n* {} RECENT\r\n", selected_->view().size(), selected_->recent_count());
  if (const auto unseen = state->unseen > 0 ? snapshot->first_unseen(state->id) : 0; unseen != 0)
    out += fmt::format("* OK [UNSEEN {}] the first unseen\r\n", selected_->view().number_of(unseen));
  out += fmt::format(
      "* OK [UIDVALIDITY {}] UIDs valid\r\n* OK [UIDNEXT {}] next UID\r\n* OK [HIGHESTMODSEQ {}] highest\r\n",
      state->uidvalidity, state->uidnext, state->modseq);
  say(out);
  if (request.resync && request.resync->uidvalidity == state->uidvalidity)
    resync(*request.resync, *snapshot, *state);
  if (!request.read_only && selected_->recent_count() > 0)
    context_.store.change(
        [id = state->id, next = state->uidnext](Writer& w) { w.seen_by_a_session(id, next); }, {});
  co_return ok(request.read_only ? "[READ-ONLY] examine it" : "[READ-WRITE] selected");
}

/// RFC 7162 3.2.5: what is gone and what has changed since the client looked last.
void Session::resync(const Resync& request, Reader& reader, const MailboxState& state) {
  UidSet known;
  if (request.known)
    known = request.known->resolve(state.uidnext - 1);
  else if (state.uidnext > 1)
    known.add(1, state.uidnext - 1);
  const auto since = static_cast<std::int64_t>(request.modseq);
  UidSet gone;
  if (since >= state.forgotten) {
    const auto expunged = reader.expunged(state.id, since);
    for (const auto& range : expunged.ranges())
      for (std::uint32_t uid = range.first;; ++uid) {
        if (known.contains(uid)) gone.add(uid);
        if (uid == range.last) break;
      }
  } else {  // not remembered: everything the client may know and the mailbox has not
    for (const auto& range : known.ranges()) {
      std::uint32_t next = range.first;
      const auto here = selected_->view().known({range});
      for (const auto& there : here.ranges()) {
        if (there.first > next) gone.add(next, there.first - 1);
        next = there.last + 1;
      }
      if (next != 0 && next <= range.last) gone.add(next, range.last);
    }
  }
  std::string out;
  if (!gone.empty()) out += "* VANISHED (EARLIER) " + text_of(gone) + "\r\n";
  reader.changed(state.id, since, [&](const MessageRow& row) {
    if (known.contains(row.uid()))
      selected_->write_fetch_flags(out, row.uid(), row.flags(), row.modseq(), true, true);
  });
  say(out);
}

awaitable<Session::Result> Session::on(Create& request) {
  if (!valid_mailbox(request.mailbox, limits_.mailbox_name))
    co_return no("[CANNOT] no mailbox can be named so");
  constexpr std::array<std::string_view, 5> kUses = {"\\Archive", "\\Drafts", "\\Junk", "\\Sent", "\\Trash"};
  std::string special;
  for (const auto use : kUses)
    if (equals_ignoring_case(use, request.special)) special = use;
  if (special.empty() && !request.special.empty())
    co_return no("[USEATTR] not a use a mailbox can have here");
  auto change = start(
      [user = user_, name = request.mailbox, special](Writer& w) { return w.create(user, name, special); });
  const auto result = co_await std::move(change.done);
  if (!*change.answer) co_return result;
  const auto& answer = **change.answer;
  co_return answer ? ok("created") : refused(answer.error());
}

awaitable<Session::Result> Session::on(Delete& request) {
  auto change = start([user = user_, name = request.mailbox](Writer& w) { return w.remove(user, name); });
  const auto result = co_await std::move(change.done);
  if (!*change.answer) co_return result;
  const auto& answer = **change.answer;
  co_return answer ? ok("deleted") : refused(answer.error());
}

awaitable<Session::Result> Session::on(Rename& request) {
  if (!valid_mailbox(request.to, limits_.mailbox_name)) co_return no("[CANNOT] no mailbox can be named so");
  auto change = start(
      [user = user_, from = request.from, to = request.to](Writer& w) { return w.rename(user, from, to); });
  const auto result = co_await std::move(change.done);
  if (!*change.answer) co_return result;
  const auto& answer = **change.answer;
  co_return answer ? ok("renamed") : refused(answer.error());
}

awaitable<Session::Result> Session::on(Subscribe& request) {
  if (request.yes && !valid_mailbox(request.mailbox, limits_.mailbox_name))
    co_return no("[CANNOT] no mailbox can be named so");
  auto change = start([user = user_, name = request.mailbox, yes = request.yes](Writer& w) {
    w.subscribe(user, name, yes);
    return true;
  });
  const auto result = co_await std::move(change.done);
  if (!*change.answer) co_return result;
  co_return ok(request.yes ? "subscribed" : "unsubscribed");
}

awaitable<Session::Result> Session::on(List& request) {
  const char* word = request.lsub ? "LSUB" : "LIST";
  // RFC 3501 6.3.8: an empty pattern asks for the separator.
  if (request.patterns.size() == 1 && request.patterns.front().empty()) {
    say(fmt::format("* {} (\\Noselect) \"/\" \"\"\r\n", word));
    co_return ok("that is the separator");
  }
  const auto snapshot = context_.store.read();
  std::string out;
  for (const auto& line : list(request, snapshot->mailboxes(user_), snapshot->subscriptions(user_))) {
    out += fmt::format("* {} ({}) \"/\" {}{}\r\n", word, line.attributes, written_name(line.name),
                       line.child_subscribed ? " (\"CHILDINFO\" (\"SUBSCRIBED\"))" : "");
    if (request.status.empty() || !line.selectable) continue;
    if (const auto state = snapshot->mailbox(user_, line.name))
      out += status_line(*snapshot, *state, line.name, request.status);
  }
  say(out);
  co_return ok("listed");
}

awaitable<Session::Result> Session::on(Namespace&) {
  say("* NAMESPACE ((\"\" \"/\")) NIL NIL\r\n");
  co_return ok("everybody has their own only");
}

std::string Session::status_line(Reader& reader, const MailboxState& state, std::string_view name,
                                 const std::vector<StatusItem>& items) {
  std::string out = "* STATUS " + written_name(name) + " (";
  const char* gap = "";
  for (const auto item : items) {
    out += gap;
    gap = " ";
    switch (item) {
      case StatusItem::Messages: out += fmt::format("MESSAGES {}", state.messages); break;
      case StatusItem::Recent:
        out += fmt::format("RECENT {}", reader.count(state.id, state.recent_from));
        break;
      case StatusItem::UidNext: out += fmt::format("UIDNEXT {}", state.uidnext); break;
      case StatusItem::UidValidity: out += fmt::format("UIDVALIDITY {}", state.uidvalidity); break;
      case StatusItem::Unseen: out += fmt::format("UNSEEN {}", state.unseen); break;
      case StatusItem::HighestModseq: out += fmt::format("HIGHESTMODSEQ {}", state.modseq); break;
      case StatusItem::Size: out += fmt::format("SIZE {}", state.bytes); break;
      case StatusItem::Deleted: out += fmt::format("DELETED {}", state.deleted); break;
    }
  }
  return out + ")\r\n";
}

awaitable<Session::Result> Session::on(Status& request) {
  const auto snapshot = context_.store.read();
  const auto state = snapshot->mailbox(user_, request.mailbox);
  if (!state) co_return no("[NONEXISTENT] there is no such mailbox");
  for (const auto item : request.items)
    if (item == StatusItem::HighestModseq) enabled_.condstore = true;  // RFC 7162 3.1: asking is enabling
  say(status_line(*snapshot, *state, request.mailbox, request.items));
  co_return ok("that is how it stands");
}

awaitable<Session::Result> Session::on(Append& request) {
  if (request.message.empty()) co_return no("an empty literal is no message");
  // The text is taken out of the command; what it was read into is given back before anything waits for the
  // disk.
  NewMessage message{.content = Content::of(std::make_shared<const std::string>(request.message)),
                     .flags = std::move(request.flags),
                     .received = request.date.value_or(message::Date{std::time(nullptr), 0})};
  auto change = start(
      [user = user_, name = request.mailbox, message](Writer& w) { return w.append(user, name, {message}); });
  const auto result = co_await std::move(change.done);
  if (!*change.answer) co_return result;
  const auto& answer = **change.answer;
  if (!answer && answer.error() == Refusal::NoSuchMailbox)
    co_return no("[TRYCREATE] there is no such mailbox");
  if (!answer) co_return refused(answer.error());
  co_return ok(fmt::format("[APPENDUID {} {}] appended", answer->uidvalidity, text_of(answer->uids)));
}

// RFC 9208: one root, "", for all of a user's mailboxes; units of 1024 bytes.
awaitable<Session::Result> Session::on(GetQuota& request) {
  if (!request.root.empty()) co_return no("[NONEXISTENT] the only quota root is \"\"");
  const auto usage = context_.store.quota(user_);
  say(usage.limit == 0
          ? "* QUOTA \"\" ()\r\n"
          : fmt::format("* QUOTA \"\" (STORAGE {} {})\r\n", (usage.used + 1023) / 1024, usage.limit / 1024));
  co_return ok("that is how full it is");
}

awaitable<Session::Result> Session::on(GetQuotaRoot& request) {
  if (!context_.store.read()->mailbox(user_, request.mailbox))
    co_return no("[NONEXISTENT] there is no such mailbox");
  say("* QUOTAROOT " + written_name(request.mailbox) + " \"\"\r\n");
  GetQuota root;
  co_return co_await on(root);
}

}  // namespace lab::mail::imap
