// SEARCH, SORT and THREAD (RFC 3501 6.4.4, RFC 4731, RFC 5256).
#include <fmt/format.h>

#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <ctime>

#include "mail/imap/session.hpp"
#include "mail/imap/sort.hpp"
#include "mail/imap/thread.hpp"
#include "mail/store/reader.hpp"
#include "mail/store/store.hpp"

namespace lab::mail::imap {
namespace asio = boost::asio;

/// `columns`: what `found` looks at besides (reader.hpp MessageColumns). Calls `found` for each message that
/// matches, by ascending UID; lets other dialogues run between blocks of rows.
awaitable<void> Session::scan(const SearchProgram& program, unsigned columns,
                              std::function<void(const MessageRow&)> found) {
  const auto candidates = program.candidates(*context_.store.read());
  const auto& view = selected_->view();
  for (const auto& range : candidates.ranges()) {
    for (std::uint32_t next = range.first; next != 0;) {
      {
        const auto snapshot = context_.store.read();
        std::uint32_t rows = 0;
        const auto each = [&](const MessageRow& row) {
          if (++rows > limits_.rows) return false;
          if (program.matches(row, *snapshot) && view.number_of(row.uid()) != 0) found(row);
          return true;
        };
        next = program.needs_texts() ? snapshot->search_rows(selected_->id(), next, range.last, each)
                                     : snapshot->messages(selected_->id(), next, range.last, each, columns);
      }
      if (next != 0) co_await asio::post(stream_.executor(), asio::use_awaitable);
    }
  }
}

awaitable<Session::Result> Session::on(Search& request) {
  const SearchProgram program(request.key, *selected_, std::time(nullptr));
  if (program.asks_modseq()) enabled_.condstore = true;
  std::vector<std::uint32_t> uids;
  std::int64_t modseq = 0;
  co_await scan(program, program.columns(), [&](const MessageRow& row) {
    uids.push_back(row.uid());
    modseq = std::max(modseq, row.modseq());
  });
  const bool with_modseq = program.asks_modseq() && !uids.empty();
  std::string out;
  if (!request.extended) {
    out = "* SEARCH";
    for (const auto uid : uids) {
      out += ' ';
      out += fmt::format_int(shown(uid)).c_str();
      if (out.size() >= limits_.block) co_await say_much(out);
      if (over_) co_return gone();
    }
    if (with_modseq) out += fmt::format(" (MODSEQ {})", modseq);
  } else {
    out = fmt::format("* ESEARCH (TAG \"{}\"){}", tag_, uid_command_ ? " UID" : "");
    if (request.report.min && !uids.empty()) out += fmt::format(" MIN {}", shown(uids.front()));
    if (request.report.max && !uids.empty()) out += fmt::format(" MAX {}", shown(uids.back()));
    if (request.report.count) out += fmt::format(" COUNT {}", uids.size());
    if (request.report.all && !uids.empty()) {
      UidSet all;
      for (const auto uid : uids) all.add(shown(uid));
      out += " ALL " + text_of(all);
    }
    if (with_modseq) out += fmt::format(" MODSEQ {}", modseq);
  }
  say(out + "\r\n");
  co_return ok("searched");
}

awaitable<Session::Result> Session::on(Sort& request) {
  const SearchProgram program(request.key, *selected_, std::time(nullptr));
  SortTable table(request.order);
  co_await scan(program, program.columns() | table.columns(), [&](const MessageRow& row) { table.add(row); });
  std::string out = "* SORT";
  for (const auto uid : table.sorted()) {
    out += ' ';
    out += fmt::format_int(shown(uid)).c_str();
    if (out.size() >= limits_.block) co_await say_much(out);
    if (over_) co_return gone();
  }
  say(out + "\r\n");
  co_return ok("sorted");
}

awaitable<Session::Result> Session::on(Thread& request) {
  const SearchProgram program(request.key, *selected_, std::time(nullptr));
  ThreadTable table(request.references);
  co_await scan(program, program.columns() | ThreadTable::kColumns,
                [&](const MessageRow& row) { table.add(row); });
  auto threads = table.text([this](std::uint32_t uid) { return shown(uid); });
  say("* THREAD" + std::string(threads.empty() ? "" : " "));
  co_await say_much(threads);
  if (over_) co_return gone();
  say("\r\n");
  co_return ok("threaded");
}

}  // namespace lab::mail::imap
