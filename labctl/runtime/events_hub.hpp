/// events_hub -- gathers the daemons' dialogue events (common/events.hpp) and hands them to whoever listens.
/// While nobody does, the byte that all daemons map stays 0 and no event is even made.
#pragma once
#include <boost/asio/io_context.hpp>
#include <functional>
#include <memory>
#include <string>

#include "common/error.hpp"

namespace lab::runtime {

class EventsHub {
 public:
  /// Makes `folder` with the socket and the flag ($LAB_EVENTS of the daemons).
  static Result<std::unique_ptr<EventsHub>> create(boost::asio::io_context& io, const std::string& folder);
  ~EventsHub();
  /// `write` gets each event as one JSON line; returning false ends the subscription.
  void subscribe(std::function<bool(const std::string&)> write);

 private:
  struct Impl;
  explicit EventsHub(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace lab::runtime
