/// transport -- how the queue's parcels leave: a road to one domain that carries any number of them. The real
/// one speaks SMTP (smtp/relay.hpp); tests have one in memory.
#pragma once
#include <boost/asio/awaitable.hpp>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "mail/queue/rows.hpp"

namespace lab::mail::queue {

/// What became of one recipient.
struct Verdict {
  enum class Outcome { Delivered, Later, Never };
  Outcome outcome = Outcome::Later;
  std::string status;  ///< "5.1.1" (RFC 3463)
  std::string text;    ///< what was said, for the log and the report
  std::string remote;  ///< the host that said it; empty: it was not reached
};

class Road {
 public:
  virtual ~Road() = default;
  /// One verdict for each recipient of the parcel, in their order. Does not throw for what another server
  /// does.
  virtual boost::asio::awaitable<std::vector<Verdict>> send(const Parcel& parcel,
                                                            std::string_view message) = 0;
  /// No more parcels: says goodbye.
  virtual boost::asio::awaitable<void> finish() = 0;
};

class Transport {
 public:
  virtual ~Transport() = default;
  virtual std::unique_ptr<Road> road_to(const std::string& domain) = 0;
};

}  // namespace lab::mail::queue
