/// transfer -- whole zones and their changes over the wire: AXFR (RFC 5936) and IXFR (RFC 1995), both
/// directions, without a socket.
#pragma once
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "dns/journal.hpp"
#include "dns/response.hpp"
#include "dns/zone.hpp"

namespace lab::dns {

/// One step of a zone's history, shared by whoever sends it.
using ChangePtr = std::shared_ptr<const JournalEntry>;

/// The changes that lead from `serial` to the zone's present one, oldest first; empty when the history does
/// not reach back.
std::vector<ChangePtr> changes_since(const std::vector<ChangePtr>& history, std::uint32_t serial,
                                     std::uint32_t present);

/// Gives the messages of an answer to AXFR or IXFR one after the other. Holds the version it began with: a
/// change of the zone meanwhile does not disturb it.
class OutgoingTransfer {
 public:
  /// `request`: kept as a copy. `changes`: what an IXFR sends; without any, all of the zone is sent (RFC 1995
  /// 4). `options`: of the first message, to who sent an OPT record (RFC 6891 6.1.1).
  OutgoingTransfer(const Request& request, ZonePtr zone, std::vector<ChangePtr> changes,
                   const ReplyOptions& options = {}, std::uint16_t udp_size = kPlainUdp);
  /// The answer to an IXFR of somebody who is up to date: the SOA alone (RFC 1995 2).
  static std::size_t single_soa(const Request& request, const Zone& zone, std::span<std::uint8_t> out,
                                const ReplyOptions& options, std::uint16_t udp_size);

  /// Writes the next message, leaving `reserve` bytes free, and returns its size; 0 after the last one.
  std::size_t next(std::span<std::uint8_t> out, std::size_t reserve);
  std::size_t records() const { return records_; }

 private:
  struct Item {
    const std::uint8_t* name;
    std::size_t name_size;
    RRsetView set;
  };
  bool item(Item& out);
  void flatten(const std::vector<ChangePtr>& changes);

  std::vector<std::uint8_t> question_;  // the request, cut behind its question
  Edns edns_;
  ReplyOptions options_;
  std::uint16_t udp_size_;
  ZonePtr zone_;
  std::vector<const Node*> nodes_;                            // AXFR
  std::vector<std::pair<const Name*, RRsetLayout>> changes_;  // IXFR, one record each
  std::vector<ChangePtr> held_;
  std::size_t node_ = 0, set_ = 0, records_ = 0;
  std::uint16_t sent_of_set_ = 0;
  bool incremental_ = false, first_ = true;
  int soas_ = 0;  // AXFR: of the two that frame it, those sent
  bool done_ = false;
};

/// Takes the messages of an answer to AXFR or IXFR and says what they amount to.
class IncomingTransfer {
 public:
  enum class State { More, Done, Failed };
  /// `ours`: the version held, for IXFR; null asks for everything.
  IncomingTransfer(Name apex, ZonePtr ours);
  State take(std::span<const std::uint8_t> message);

  /// After Done: the new version, or null when ours is up to date. An error when the changes do not fit ours.
  Result<ZonePtr> result();
  /// After Failed: why, with the RCODE where the primary gave one.
  const std::string& why() const { return why_; }
  std::size_t records() const { return count_; }
  bool incremental() const { return kind_ == Kind::Changes; }
  /// How many seconds the zone is good for, as the primary said (EDNS EXPIRE, RFC 7314).
  std::optional<std::uint32_t> expire() const { return expire_; }

 private:
  enum class Kind { Unknown, Whole, Changes };
  State record(Name owner, Type type, std::uint32_t ttl, std::string rdata);
  State fail_with(std::string why);
  void note_expire(std::span<const std::uint8_t> message, std::size_t at);

  Name apex_;
  ZonePtr ours_;
  Kind kind_ = Kind::Unknown;
  std::size_t count_ = 0;
  std::uint32_t serial_ = 0;
  std::optional<std::uint32_t> expire_;
  bool up_to_date_ = false, removing_ = false, finished_ = false;
  std::vector<ZoneRecord> whole_;
  std::vector<ZoneDiff> changes_;
  std::string why_;
};

}  // namespace lab::dns
