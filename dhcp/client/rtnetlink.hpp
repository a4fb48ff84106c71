/// rtnetlink -- requests to the kernel about addresses and routes, put together by hand (rtnetlink(7)): the
/// client runs fifty times in a lab and brings no library for it.
#pragma once
#include <linux/rtnetlink.h>

#include <cstring>

#include "dhcp/client/link.hpp"

namespace lab::dhcp::client {

/// One netlink request: header, family structure, attributes.
template <class Body>
class Request {
 public:
  Request(std::uint16_t type, unsigned flags, const Body& body) : bytes_(NLMSG_LENGTH(sizeof(Body))) {
    header_.nlmsg_type = type;
    header_.nlmsg_flags = static_cast<std::uint16_t>(NLM_F_REQUEST | NLM_F_ACK | flags);
    std::memcpy(bytes_.data() + NLMSG_HDRLEN, &body, sizeof body);
  }
  template <class Value>
  Request& add(std::uint16_t type, const Value& value) {
    return add(type, &value, sizeof value);
  }
  Request& add(std::uint16_t type, const IpAddress& address) {
    return add(type, address.bytes().data(), address.bytes().size());
  }
  Bytes finish() {
    header_.nlmsg_len = static_cast<std::uint32_t>(bytes_.size());
    std::memcpy(bytes_.data(), &header_, sizeof header_);
    return std::move(bytes_);
  }

 private:
  Request& add(std::uint16_t type, const void* data, std::size_t size) {
    const rtattr attribute{static_cast<std::uint16_t>(RTA_LENGTH(size)), type};
    const std::size_t at = bytes_.size();
    bytes_.resize(at + RTA_SPACE(size));
    std::memcpy(bytes_.data() + at, &attribute, sizeof attribute);
    std::memcpy(bytes_.data() + at + RTA_LENGTH(0), data, size);
    return *this;
  }
  nlmsghdr header_{};
  Bytes bytes_;
};

/// Sends the request and takes the kernel's answer. `netlink` is opened at first use; `name` is for the
/// error.
Result<void> ask_kernel(Descriptor& netlink, const Bytes& message, const std::string& name);

}  // namespace lab::dhcp::client
