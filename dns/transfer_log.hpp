/// transfer_log -- what became of the last transfers of each zone, in both directions: for whoever asks why a
/// secondary has no copy, or who was refused one. Safe from any thread.
#pragma once
#include <chrono>
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <string>

#include "dns/name.hpp"

namespace lab::dns {

/// One transfer, done or failed.
struct TransferNote {
  std::chrono::system_clock::time_point at = std::chrono::system_clock::now();
  std::string peer;           ///< `192.168.56.10:53`
  std::string kind;           ///< AXFR, IXFR, NOTIFY
  std::string key;            ///< that signed it; may be empty
  std::string rcode;          ///< of a refusal; may be empty
  std::string why;            ///< of a failure
  std::uint32_t serial = 0;   ///< of a success
  std::uint64_t records = 0;  ///< of a success
};

class TransferLog {
 public:
  enum class Direction { In, Out };
  struct Zone {
    std::optional<TransferNote> in_done, in_failed, out_done, out_failed;
    std::optional<TransferNote> in_compared;  ///< a primary had nothing newer
    std::uint64_t in_count = 0, out_count = 0, refused = 0;
  };

  void done(const Name& apex, Direction direction, TransferNote note);
  /// A primary was asked and has what we have.
  void compared(const Name& apex, TransferNote note);
  void failed(const Name& apex, Direction direction, TransferNote note);
  Zone of(const Name& apex) const;
  /// Every zone that anybody has transferred, or tried to; strangers' tries at zones that are none of ours,
  /// too.
  std::map<Name, Zone> all() const;

 private:
  static constexpr std::size_t kZones = 10'000;  // names that strangers ask for must not fill the memory
  Zone* entry(const Name& apex);
  mutable std::mutex mutex_;
  std::map<Name, Zone> zones_;
};

}  // namespace lab::dns
