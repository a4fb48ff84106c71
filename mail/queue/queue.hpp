/// queue -- sends mail for other servers: takes what is due from the disk, gives it to a road for each
/// domain, and writes down what became of it. What can be tried again is postponed; what cannot goes back to
/// its sender, and a bounce that cannot is dropped, so that nothing goes in circles. Killed at any moment, it
/// goes on where the disk says.
#pragma once
#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <memory>
#include <string>

#include "common/error.hpp"
#include "mail/accounts.hpp"
#include "mail/queue/schedule.hpp"
#include "mail/queue/transport.hpp"

namespace lab::mail {
class Store;
}

namespace lab::mail::queue {

struct QueueLimits {
  std::size_t domains = 20;       ///< roads open at once
  std::size_t recipients = 1000;  ///< in flight; the rest waits on disk
  std::size_t parcels_per_road =
      100;  ///< then the road is closed and opened anew, so that no server feels besieged
};

class Queue {
 public:
  /// All but the queue itself outlive it. `hostname` signs reports.
  Queue(boost::asio::any_io_executor executor, Store& store, Accounts& accounts, Transport& transport,
        std::string hostname, Schedule schedule, QueueLimits limits = {});
  ~Queue();

  /// Makes the tables where they are missing (waits for the disk) and starts sending.
  Result<void> start();
  /// Something was put in.
  void wake();
  /// Starts nothing new; what is on its way may end.
  void stop();

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace lab::mail::queue
