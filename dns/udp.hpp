/// udp -- DNS over UDP: a thread per socket that takes datagrams in batches (recvmmsg), answers them from the
/// current zones and sends the answers in one call (sendmmsg). Several sockets of one address share the load
/// (SO_REUSEPORT).
#pragma once
#include <memory>
#include <thread>
#include <vector>

#include "common/address.hpp"
#include "dns/service.hpp"

namespace lab::dns {

class UdpServer {
 public:
  /// Binds one socket per address and thread; throws std::system_error with the address.
  UdpServer(Service& service, const std::vector<Endpoint>& listen, unsigned threads);
  ~UdpServer();
  /// Starts answering.
  void start();
  /// Answers what was received and ends the threads.
  void stop();

 private:
  class Worker;
  std::vector<std::unique_ptr<Worker>> workers_;
  std::vector<std::thread> threads_;
};

}  // namespace lab::dns
