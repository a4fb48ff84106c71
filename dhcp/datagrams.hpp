/// datagrams -- what the servers' UDP sockets for IPv4 and IPv6 have in common: room for a batch that one
/// system call receives, and the names of the interfaces it came in by.
#pragma once
#include <sys/socket.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <unordered_map>

namespace lab::dhcp {

inline constexpr std::size_t kReceiveBatch = 64, kSendBatch = 32;  ///< datagrams moved by one system call

/// Room in the kernel for a class room that is switched on at once: as much as it allows us, up to 4 MiB.
void widen_receive_buffer(int socket);

/// `From`: the family's socket address; `Info`: its packet information (ip(7), ipv6(7)). Larger datagrams
/// than `kPayload` are cut.
template <class From, class Info, std::size_t kPayload>
class ReceiveBatch {
 public:
  struct One {
    std::uint8_t payload[kPayload];
    alignas(cmsghdr) std::uint8_t control[CMSG_SPACE(sizeof(Info))];
    From from;
    iovec vector;
  };

  /// Datagrams received without waiting; none when nothing is there.
  std::size_t receive(int socket) {
    for (std::size_t i = 0; i < kReceiveBatch; ++i) {
      One& one = all_[i];
      one.vector = {one.payload, sizeof one.payload};
      headers_[i] = {};
      msghdr& h = headers_[i].msg_hdr;
      h.msg_name = &one.from;
      h.msg_namelen = sizeof one.from;
      h.msg_iov = &one.vector;
      h.msg_iovlen = 1;
      h.msg_control = one.control;
      h.msg_controllen = sizeof one.control;
    }
    const int count = ::recvmmsg(socket, headers_, kReceiveBatch, MSG_DONTWAIT, nullptr);
    return count < 0 ? 0 : static_cast<std::size_t>(count);
  }
  One& operator[](std::size_t i) { return all_[i]; }
  std::size_t size_of(std::size_t i) const { return headers_[i].msg_len; }
  msghdr& header(std::size_t i) { return headers_[i].msg_hdr; }

 private:
  One all_[kReceiveBatch];
  mmsghdr headers_[kReceiveBatch];
};

class InterfaceNames {
 public:
  const std::string& of(int index);
  int index_of(const std::string& name) const;

 private:
  std::unordered_map<int, std::string> names_;
};

}  // namespace lab::dhcp
