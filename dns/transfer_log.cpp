#include "dns/transfer_log.hpp"

namespace lab::dns {

TransferLog::Zone* TransferLog::entry(const Name& apex) {
  const auto at = zones_.find(apex);
  if (at != zones_.end()) return &at->second;
  return zones_.size() < kZones ? &zones_[apex] : nullptr;
}

void TransferLog::done(const Name& apex, Direction direction, TransferNote note) {
  const std::lock_guard lock(mutex_);
  Zone* const zone = entry(apex);
  if (!zone) return;
  ++(direction == Direction::In ? zone->in_count : zone->out_count);
  (direction == Direction::In ? zone->in_done : zone->out_done) = std::move(note);
  if (direction == Direction::In) zone->in_failed.reset();  // what was wrong is mended
}

void TransferLog::compared(const Name& apex, TransferNote note) {
  const std::lock_guard lock(mutex_);
  Zone* const zone = entry(apex);
  if (!zone) return;
  zone->in_compared = std::move(note);
  zone->in_failed.reset();
}

void TransferLog::failed(const Name& apex, Direction direction, TransferNote note) {
  const std::lock_guard lock(mutex_);
  Zone* const zone = entry(apex);
  if (!zone) return;
  if (direction == Direction::Out) ++zone->refused;
  (direction == Direction::In ? zone->in_failed : zone->out_failed) = std::move(note);
}

TransferLog::Zone TransferLog::of(const Name& apex) const {
  const std::lock_guard lock(mutex_);
  const auto at = zones_.find(apex);
  return at == zones_.end() ? Zone{} : at->second;
}

std::map<Name, TransferLog::Zone> TransferLog::all() const {
  const std::lock_guard lock(mutex_);
  return zones_;
}

}  // namespace lab::dns
