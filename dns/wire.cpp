#include "dns/wire.hpp"

#include <ldns/ldns.h>

#include <charconv>
#include <cstdlib>
#include <memory>

namespace lab::dns {

std::string rcode_text(Rcode code) {
  switch (code) {
    case Rcode::NoError: return "NOERROR";
    case Rcode::FormErr: return "FORMERR";
    case Rcode::ServFail: return "SERVFAIL";
    case Rcode::NxDomain: return "NXDOMAIN";
    case Rcode::NotImp: return "NOTIMP";
    case Rcode::Refused: return "REFUSED";
    case Rcode::YxDomain: return "YXDOMAIN";
    case Rcode::YxRRset: return "YXRRSET";
    case Rcode::NxRRset: return "NXRRSET";
    case Rcode::NotAuth: return "NOTAUTH";
    case Rcode::NotZone: return "NOTZONE";
    case Rcode::BadVers: return "BADVERS";
    case Rcode::BadKey: return "BADKEY";
    case Rcode::BadTime: return "BADTIME";
    case Rcode::BadTrunc: return "BADTRUNC";
    case Rcode::BadCookie: return "BADCOOKIE";
  }
  return "RCODE" + std::to_string(static_cast<unsigned>(code));
}

std::string type_text(Type t) {
  if (t == type::ANY) return "ANY";
  std::unique_ptr<char, decltype(&std::free)> text(ldns_rr_type2str(static_cast<ldns_rr_type>(t)),
                                                   &std::free);
  return text ? std::string(text.get()) : "TYPE" + std::to_string(t);
}

Type type_of(std::string_view text) {
  if (text.empty() || text.size() > 16) return 0;
  std::string word(text);
  for (char& c : word)
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 32);
  if (word.starts_with("TYPE")) {  // RFC 3597 5; ldns reads as many digits as there are and forgets the rest
    Type number = 0;
    const char* const end = word.data() + word.size();
    const auto read = std::from_chars(word.data() + 4, end, number);
    return read.ec == std::errc() && read.ptr == end ? number : Type{0};
  }
  return static_cast<Type>(ldns_get_rr_type_by_name(word.c_str()));
}

}  // namespace lab::dns
