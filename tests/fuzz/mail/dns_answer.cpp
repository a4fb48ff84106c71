// What a name server, or somebody who pretends to be one, may send: never more than an answer or nothing.
#include <cstdint>
#include <cstdlib>

#include "mail/route/dns_message.hpp"

using namespace lab::mail::route;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  for (auto type : {Type::Mx, Type::A, Type::Aaaa})
    if (auto answer = parse_answer({data, size}, 7, "far.bac", type))
      for (auto& mx : answer->mx)
        if (mx.host.size() > 255) std::abort();
  return 0;
}
