#include "directory/server_url.hpp"

#include <charconv>

namespace lab::directory {
namespace {

std::optional<std::string> percent_decoded(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out += text[i];
      continue;
    }
    unsigned byte = 0;
    if (i + 2 >= text.size()) return std::nullopt;
    const auto [end, error] = std::from_chars(text.data() + i + 1, text.data() + i + 3, byte, 16);
    if (error != std::errc{} || end != text.data() + i + 3 || byte == 0) return std::nullopt;
    out += static_cast<char>(byte);
    i += 2;
  }
  return out;
}

}  // namespace

std::string ServerUrl::text() const {
  if (scheme == Scheme::Ldapi) return "ldapi://" + path;
  const auto name = host.contains(':') ? "[" + host + "]" : host;
  return fmt::format("{}://{}:{}", scheme == Scheme::Ldaps ? "ldaps" : "ldap", name, port);
}

Result<ServerUrl> ServerUrl::parse(std::string_view text) {
  auto wrong = [&] {
    return fail("not a directory's address", std::string(text),
                "ldap://host, ldaps://host or ldapi:///path/of/socket is meant");
  };
  ServerUrl url;
  auto rest = text;
  auto take = [&](std::string_view prefix) {
    const bool found = rest.starts_with(prefix);
    if (found) rest.remove_prefix(prefix.size());
    return found;
  };
  if (take("ldapi://")) {
    url.scheme = Scheme::Ldapi;
    auto path = percent_decoded(rest);
    if (!path || !path->starts_with('/')) return wrong();
    // "ldapi://%2Frun%2Fldapi/" is how OpenLDAP's tools write it.
    if (rest.starts_with('%') && path->ends_with('/')) path->pop_back();
    url.path = std::move(*path);
    return url;
  }
  if (take("ldaps://"))
    url.scheme = Scheme::Ldaps;
  else if (!take("ldap://"))
    return wrong();
  url.port = url.scheme == Scheme::Ldaps ? 636 : 389;
  if (rest.ends_with('/')) rest.remove_suffix(1);
  std::string_view port;
  if (take("[")) {
    const auto close = rest.find(']');
    if (close == std::string_view::npos) return wrong();
    url.host = rest.substr(0, close);
    rest.remove_prefix(close + 1);
    if (!rest.empty() && !take(":")) return wrong();
    port = rest;
    if (port.empty() && text.ends_with(":")) return wrong();
  } else {
    const auto colon = rest.find(':');
    url.host = rest.substr(0, colon);
    if (colon != std::string_view::npos && (port = rest.substr(colon + 1)).empty()) return wrong();
  }
  if (!port.empty()) {
    const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), url.port);
    if (error != std::errc{} || end != port.data() + port.size() || url.port == 0) return wrong();
  }
  if (url.host.empty() || url.host.find_first_of("/?#@ ") != std::string::npos) return wrong();
  return url;
}

}  // namespace lab::directory
