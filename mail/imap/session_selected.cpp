// Messages of the selected mailbox (RFC 3501 6.4; RFC 2177; RFC 4315; RFC 6851; RFC 7162).
#include <fmt/format.h>

#include "mail/imap/session_change.hpp"
#include "mail/store/reader.hpp"
#include "mail/store/schema.hpp"

namespace lab::mail::imap {

/// The UIDs a command means; nothing where a message number does not exist (RFC 3501 9, seq-number).
std::optional<UidSet> Session::resolve(const SequenceSet& set) const {
  const auto& view = selected_->view();
  if (uid_command_) return view.known(set.resolve(view.last_uid()));
  const auto numbers = set.resolve(view.size());
  if (numbers.empty() || numbers.ranges().back().last > view.size()) return std::nullopt;
  return view.uids_of(numbers);
}

awaitable<Session::Result> Session::on(Check&) { co_return ok("all is on disk, always"); }

awaitable<Session::Result> Session::on(Unselect&) {
  deselect();
  co_return ok("no mailbox is selected");
}

awaitable<Session::Result> Session::on(Close&) {
  if (!selected_->read_only()) {  // RFC 3501 6.4.2: what is deleted goes, and nobody here is told
    auto change = start([id = selected_->id(), all = selected_->view().all()](Writer& w) {
      return w.expunge(id, all, true);
    });
    const auto result = co_await std::move(change.done);
    if (!*change.answer) co_return result;
  }
  deselect();
  co_return ok("closed");
}

awaitable<Session::Result> Session::on(Expunge& request) {
  if (selected_->read_only()) co_return no("[READ-ONLY] the mailbox is only examined");
  auto uids = request.uids ? selected_->view().known(request.uids->resolve(selected_->view().last_uid()))
                           : selected_->view().all();
  auto change = start([id = selected_->id(), uids](Writer& w) { return w.expunge(id, uids, true); });
  const auto result = co_await std::move(change.done);
  if (!*change.answer) co_return result;
  const auto& answer = **change.answer;
  std::string out;
  selected_->know(answer);
  selected_->expunge(answer.gone, out, enabled_);
  say(out);
  co_return ok(enabled_.condstore && !answer.gone.empty()
                   ? fmt::format("[HIGHESTMODSEQ {}] expunged", answer.modseq)
                   : "expunged");
}

awaitable<Session::Result> Session::on(SetFlags& request) {
  if (selected_->read_only()) co_return no("[READ-ONLY] the mailbox is only examined");
  const auto uids = resolve(request.set);
  if (!uids) co_return bad("there is no message of that number");
  StoreFlags wanted{.mailbox = selected_->id(),
                    .uids = *uids,
                    .change = request.change,
                    .flags = std::move(request.flags),
                    .unchanged_since = request.unchanged_since.value_or(UINT64_MAX)};
  if (request.unchanged_since) enabled_.condstore = true;
  auto change = start([wanted](Writer& w) { return w.store_flags(wanted); });
  const auto result = co_await std::move(change.done);
  if (!*change.answer) co_return result;
  const auto& answer = **change.answer;
  if (!answer) co_return refused(answer.error());
  const auto& changed = *answer;
  const bool alone = changed.modseq_before == selected_->modseq();
  std::string out;
  // Where others changed something too, all is told; else only what this command was asked to tell.
  if (!alone) {
    selected_->sync(*context_.store.read(), out, enabled_, uid_command_);
  } else if (!wanted.flags.keywords.empty()) {
    if (const auto state = context_.store.read()->mailbox(selected_->id()))
      selected_->learn_keywords(state->keywords, out);
  }
  selected_->know(changed);
  if (!request.silent || enabled_.condstore) {
    for (const auto& message : changed.messages) {
      if (selected_->view().number_of(message.uid) == 0) continue;
      selected_->write_fetch_flags(out, message.uid, message.flags, changed.modseq, uid_command_,
                                   enabled_.condstore, !request.silent);
      if (out.size() >= limits_.block) co_await say_much(out);
      if (over_) co_return gone();
    }
  }
  say(out);
  if (!changed.refused.empty()) {
    std::string list;
    if (uid_command_) {
      list = text_of(changed.refused);
    } else {
      std::vector<std::uint32_t> numbers;
      for (const auto& range : changed.refused.ranges())
        for (auto uid = range.first; uid <= range.last; ++uid)
          numbers.push_back(selected_->view().number_of(uid));
      list = text_of(numbers);
    }
    co_return ok("[MODIFIED " + list + "] changed since by somebody else");
  }
  const bool some_gone = changed.messages.size() < uids->size();
  co_return some_gone && !uid_command_ ? no("[EXPUNGEISSUED] some of them are gone") : ok("stored");
}

awaitable<Session::Result> Session::on(Copy& request) {
  if (request.move && selected_->read_only()) co_return no("[READ-ONLY] the mailbox is only examined");
  const auto uids = resolve(request.set);
  if (!uids) co_return bad("there is no message of that number");
  auto change = start([id = selected_->id(), set = *uids, user = user_, to = request.mailbox,
                       move = request.move](Writer& w) { return w.copy(id, set, user, to, move); });
  const auto result = co_await std::move(change.done);
  if (!*change.answer) co_return result;
  const auto& answer = **change.answer;
  if (!answer && answer.error() == Refusal::NoSuchMailbox)
    co_return no("[TRYCREATE] there is no such mailbox");
  if (!answer) co_return refused(answer.error());
  const auto& copied = *answer;
  if (copied.from.empty()) co_return ok("nothing to do");
  auto code = fmt::format("[COPYUID {} {} {}]", copied.uidvalidity, text_of(copied.from), text_of(copied.to));
  if (!request.move) co_return ok(code + " copied");
  std::string out = "* OK " + code + " moved\r\n";  // RFC 6851 4.3: before the EXPUNGEs
  selected_->know(copied.source);
  selected_->expunge(copied.source.gone, out, enabled_);
  say(out);
  co_return ok("moved");
}

awaitable<Session::Result> Session::on(Fetch& request) {
  const auto resolved = resolve(request.set);
  if (!resolved) co_return bad("there is no message of that number");
  const auto& uids = *resolved;
  bool marks = false;
  for (const auto& item : request.items) {
    if (item.kind == FetchItem::Kind::Modseq) enabled_.condstore = true;
    marks = marks || (item.kind == FetchItem::Kind::Section && !item.peek);
  }
  if (request.changed_since) enabled_.condstore = true;
  if (request.vanished && (!enabled_.qresync || !uid_command_ || !request.changed_since))
    co_return bad("VANISHED needs QRESYNC, UID FETCH and CHANGEDSINCE");

  // RFC 3501 6.4.5: reading a text sets \Seen. It is on disk before the text is sent, as every change is.
  UidSet mark;
  if (marks && !selected_->read_only()) {
    UidSet unseen;
    {
      const auto snapshot = context_.store.read();
      const auto all = snapshot->unseen(selected_->id());
      for (const auto& range : all.ranges())
        for (auto uid = range.first; uid <= range.last; ++uid)
          if (uids.contains(uid)) unseen.add(uid);
    }
    if (!unseen.empty()) {
      auto change = start([id = selected_->id(), unseen](Writer& w) {
        return w.store_flags(
            {.mailbox = id, .uids = unseen, .change = FlagChange::Add, .flags = {kSeen, {}}});
      });
      const auto result = co_await std::move(change.done);
      if (!*change.answer) co_return result;
      if (const auto& marked = **change.answer; marked) {
        selected_->know(*marked);
        for (const auto& message : marked->messages) mark.add(message.uid);
      }
    }
  }
  if (request.vanished) {
    std::string out;
    const auto gone =
        context_.store.read()->expunged(selected_->id(), static_cast<std::int64_t>(*request.changed_since));
    const auto asked = request.set.resolve(UINT32_MAX);
    UidSet told;
    for (const auto& range : gone.ranges())
      for (auto uid = range.first; uid <= range.last; ++uid)
        if (asked.contains(uid)) told.add(uid);
    if (!told.empty()) out = "* VANISHED (EARLIER) " + text_of(told) + "\r\n";
    say(out);
  }

  FetchAnswer answer(request, uids, std::move(mark), *selected_, uid_command_, enabled_.condstore, limits_);
  std::vector<FetchAnswer::Piece> pieces;
  for (bool more = true; more;) {
    pieces.clear();
    more = answer.next(*context_.store.read(), pieces);
    for (auto& piece : pieces) {
      if (!piece.text.empty()) co_await say_much(piece.text);
      if (piece.body && !over_) co_await send_body(*piece.body);
      if (over_) co_return gone();
    }
  }
  // RFC 2180 4.1.2: what others have expunged meanwhile is not passed over in silence.
  if (answer.missing() > 0 && !uid_command_) co_return no("[EXPUNGEISSUED] some of them are gone");
  co_return ok("fetched");
}

/// A long text, piece by piece from the store: never all of it in memory.
awaitable<void> Session::send_body(const FetchAnswer::Body& body) {
  for (auto at = body.begin; at < body.end;) {
    const auto to = std::min(body.end, at + limits_.block);
    auto bytes = context_.store.read()->text(body.content, body.header_size, at, to);
    if (bytes.size() !=
        to - at) {  // expunged by another session in the middle: the literal cannot be completed
      say("\r\n* BYE the message was expunged while it was being read\r\n");
      over_ = true;
      co_return;
    }
    at = to;
    stream_.expires_after(limits_.transfer);
    if (auto sent = co_await stream_.write(bytes); !sent) {
      end(sent.error());
      co_return;
    }
  }
}

awaitable<Session::Result> Session::on(Idle&) {
  say("+ idling\r\n");
  // Until DONE, or half an hour: RFC 2177 asks clients to begin anew before that.
  for (;;) {
    tell_changes(true);
    wake_->idling = true;
    if (selected_ && selected_->changed()) {  // between the last look and now
      wake_->idling = false;
      std::string out;
      selected_->sync(*context_.store.read(), out, enabled_, true);
      say(out);
      continue;
    }
    stream_.expires_after(limits_.idle);
    auto line = co_await stream_.read_line(limits_.line_before_login);
    wake_->idling = false;
    if (!line && line.error() == StreamError::Nudged) continue;
    if (!line) {
      end(line.error());
      co_return gone();
    }
    if (events::listening()) emit(events::Direction::In, line->text);
    co_return equals_ignoring_case(line->text, "DONE") ? ok("idled") : bad("IDLE ends with DONE");
  }
}

}  // namespace lab::mail::imap
