#include "dhcp/client/rtnetlink.hpp"

#include <sys/socket.h>

#include <cerrno>

namespace lab::dhcp::client {

Result<void> ask_kernel(Descriptor& netlink, const Bytes& message, const std::string& name) {
  const auto failed = [&](int error) {
    return fail(std::string("the kernel refused the configuration: ") + std::strerror(error), name);
  };
  if (netlink.get() < 0) netlink = Descriptor(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE));
  if (send(netlink.get(), message.data(), message.size(), 0) < 0) return failed(errno);
  alignas(nlmsghdr) std::uint8_t answer[4096];
  const auto size = recv(netlink.get(), answer, sizeof answer, 0);
  if (size < static_cast<ssize_t>(NLMSG_LENGTH(sizeof(nlmsgerr)))) return failed(size < 0 ? errno : EPROTO);
  nlmsgerr result{};
  std::memcpy(&result, answer + NLMSG_HDRLEN, sizeof result);
  if (result.error != 0) return failed(-result.error);
  return {};
}

}  // namespace lab::dhcp::client
