#include "dns/control.hpp"

#include <fmt/chrono.h>

#include <sstream>

#include "common/config.hpp"
#include "dns/record_text.hpp"

namespace lab::dns {
namespace {

using config::detail::json_string;

std::string ok(const std::string& text) { return "ok\n" + text; }
std::string error(const std::string& text) { return "error\n" + text + "\n"; }

std::string time_text(std::chrono::system_clock::time_point at) {
  return fmt::format("{:%Y-%m-%d %H:%M:%S}", fmt::localtime(std::chrono::system_clock::to_time_t(at)));
}

struct ZoneView {
  std::string name, kind, file;
  std::uint32_t serial = 0;
  std::size_t names = 0;
  bool available = false, frozen = false, is_signed = false;
  TransferLog::Zone transfers;
};

std::string note_text(const char* what, const std::optional<TransferNote>& note) {
  if (!note) return "";
  std::string text = fmt::format("  {:<14}{} {} {}", what, time_text(note->at), note->kind, note->peer);
  if (!note->key.empty()) text += fmt::format(", key {}", note->key);
  if (note->why.empty()) return text + fmt::format(", serial {}, {} records\n", note->serial, note->records);
  if (!note->rcode.empty()) text += ", " + note->rcode;
  return text + ": " + note->why + "\n";
}

std::string note_json(const char* name, const std::optional<TransferNote>& note) {
  if (!note) return "";
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(note->at.time_since_epoch()).count();
  return fmt::format(
      R"(,"{}":{{"time":{},"kind":{},"peer":{},"key":{},"rcode":{},"why":{},"serial":{},"records":{}}})",
      name, seconds, json_string(note->kind), json_string(note->peer), json_string(note->key),
      json_string(note->rcode), json_string(note->why), note->serial, note->records);
}

std::string transfers_text(const TransferLog::Zone& t) {
  return note_text("fetched", t.in_done) + note_text("nothing newer", t.in_compared) +
         note_text("not fetched", t.in_failed) + note_text("given to", t.out_done) +
         note_text("refused to", t.out_failed);
}

std::string transfers_json(const TransferLog::Zone& t) {
  return fmt::format(R"("fetched":{},"given":{},"refused":{})", t.in_count, t.out_count, t.refused) +
         note_json("last_fetched", t.in_done) + note_json("last_compared", t.in_compared) +
         note_json("last_failure", t.in_failed) + note_json("last_given", t.out_done) +
         note_json("last_refused", t.out_failed);
}

std::string view_text(const ZoneView& z) {
  std::string text = fmt::format("{}  {}", z.name, z.kind);
  text += z.available ? fmt::format(", serial {}, {} names", z.serial, z.names) : ", no valid copy";
  if (z.is_signed) text += ", signed";
  if (z.frozen) text += ", frozen: updates are refused until 'thaw'";
  text += '\n';
  if (!z.file.empty()) text += fmt::format("  {:<14}{}\n", "file", z.file);
  return text + transfers_text(z.transfers);
}

std::string view_json(const ZoneView& z) {
  return fmt::format(
             R"({{"zone":{},"kind":{},"available":{},"serial":{},"names":{},"signed":{},"frozen":{},"file":{},)",
             json_string(z.name), json_string(z.kind), z.available, z.serial, z.names, z.is_signed, z.frozen,
             json_string(z.file)) +
         transfers_json(z.transfers) + "}";
}

}  // namespace

Control::Control(boost::asio::io_context& io, Service& service, ZoneStore& store, Actions actions)
    : service_(service),
      store_(store),
      actions_(std::move(actions)),
      socket_(io, [this](const std::string& line, Reply reply) { answer(line, std::move(reply)); }) {}

void Control::answer(const std::string& line, Reply reply) {
  std::istringstream words(line);
  std::string verb, name;
  bool json = false;
  words >> verb;
  for (std::string word; words >> word;) {
    if (word == "--json")
      json = true;
    else
      name = word;
  }
  if (verb == "status") return reply(ok(status()));
  if (verb == "stats") return reply(ok(stats(json)));
  const auto reloaded = [reply](const std::vector<std::string>& problems) {
    if (problems.empty()) return reply(ok("reloaded\n"));
    std::string text = "not everything is reloaded; what was served before is served on:";
    for (const std::string& p : problems) text += "\n" + p;
    reply(error(text));
  };
  if (name.empty()) {
    if (verb == "reload") return actions_.reload(std::nullopt, reloaded);
    if (verb == "zonestatus") return describe_zones(std::nullopt, json, std::move(reply));
    return reply(error(fmt::format("'{}' is no command, or needs a zone", verb)));
  }
  const auto zone = Name::parse(name);
  if (!zone) return reply(error(fmt::format("'{}' is no name: {}", name, zone.error().what)));
  if (!store_.version(*zone).zone)
    return reply(error(fmt::format("{} is no zone of this server", zone->text())));
  if (verb == "reload") return actions_.reload(*zone, reloaded);
  zone_command(verb, *zone, json, std::move(reply));
}

void Control::zone_command(const std::string& verb, const Name& zone, bool json, Reply reply) {
  const std::string name = zone.text();
  if (verb == "zonestatus") return describe_zones(zone, json, std::move(reply));
  if (verb == "dump") return dump(zone, std::move(reply));
  if (verb == "freeze" || verb == "thaw") {
    const bool freeze = verb == "freeze";
    return store_.freeze(zone, freeze, [this, zone, name, freeze, reply](bool secondary) {
      if (secondary) return reply(error(name + " is a copy: its primary takes the updates"));
      if (freeze) return reply(ok(name + " is frozen: updates are refused until 'thaw'\n"));
      // The file may have been edited meanwhile: that is what a zone is frozen for.
      actions_.reload(zone, [reply, name](const std::vector<std::string>& problems) {
        if (problems.empty()) return reply(ok(name + " takes updates again\n"));
        std::string text = name + " takes updates again, but its file is not reloaded:";
        for (const std::string& p : problems) text += "\n" + p;
        reply(error(text));
      });
    });
  }
  if (verb == "notify") {
    actions_.notify(zone);
    return reply(ok("the secondaries of " + name + " are told\n"));
  }
  if (verb == "retransfer") {
    return store_.inspect([this, zone, name, reply](const auto& zones) {
      for (const auto& served : zones)
        if (served->apex == zone && served->secondary) {
          actions_.retransfer(zone);
          return reply(ok("the primaries of " + name + " are asked\n"));
        }
      reply(error(name + " is no copy: this server is its primary"));
    });
  }
  reply(error(fmt::format("'{}' is no command", verb)));
}

void Control::describe_zones(std::optional<Name> only, bool json, Reply reply) {
  store_.inspect([this, only, json, reply](const std::vector<std::unique_ptr<ServedZone>>& zones) {
    std::string text, list;
    for (const auto& served : zones) {
      if (only && served->apex != *only) continue;
      const Zone& zone = *served->shown;
      const ZoneView view{served->apex.text(),
                          served->secondary ? "secondary" : "primary",
                          served->secondary ? "" : served->file,
                          zone.available() ? zone.serial() : 0,
                          zone.available() ? zone.names() : 0,
                          zone.available(),
                          served->frozen,
                          zone.is_signed(),
                          service_.transfers().of(served->apex)};
      text += view_text(view);
      list += (list.empty() ? "" : ",\n ") + view_json(view);
    }
    reply(ok(json ? "[" + list + "]\n" : text));
  });
}

// The zone as it is served, with its signatures, as a zone file that can be loaded again.
void Control::dump(const Name& apex, Reply reply) {
  store_.inspect([this, apex, reply](const auto&) {  // on the store's thread: it may take its time
    const ZonePtr zone = store_.version(apex).zone;
    if (!zone || !zone->available()) return reply(error(apex.text() + " has no valid copy here"));
    std::string text = "ok\n";
    const auto print = [&](const Node& node, const RRsetView& set) {
      for (const auto rdata : set)
        text += record_text(Name::trusted(node.name().data(), node.name().size()), set.type, set.ttl, rdata) +
                "\n";
    };
    print(zone->apex_node(), zone->apex_node().find(type::SOA));  // where other programs look for it
    for (const Node* node : zone->in_order())
      for (std::size_t i = 0; i < node->rrset_count(); ++i)
        if (node->rrset(i).type != type::SOA) print(*node, node->rrset(i));
    reply(std::move(text));
  });
}

// The counters, then what became of the last transfers of each zone, and why one was refused or failed.
std::string Control::stats(bool json) const {
  const Totals totals = service_.metrics().totals();
  std::string text = json ? totals_json(totals) : totals_text(totals), list;
  for (const auto& [apex, zone] : service_.transfers().all()) {
    if (json) {
      list += fmt::format(R"({}{}:{{{}}})", list.empty() ? "" : ",", json_string(apex.text()),
                          transfers_json(zone));
    } else {
      list +=
          (list.empty() ? "transfers\n" : "") + fmt::format("  {}\n{}", apex.text(), transfers_text(zone));
    }
  }
  if (!json) return text + list;
  text.pop_back();  // the closing brace
  return text + R"(,"transfers":{)" + list + "}}\n";
}

std::string Control::status() const {
  const auto zones = store_.zones().get();
  std::size_t names = 0;
  for (const ZonePtr& zone : zones->zones()) names += zone->available() ? zone->names() : 0;
  return fmt::format("lab-dnsd {}, running since {}\n{} zones with {} names, {} questions so far\n",
                     LAB_VERSION, time_text(started_), zones->zones().size(), names,
                     service_.metrics().totals().questions());
}

}  // namespace lab::dns
