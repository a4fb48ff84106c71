/// settings -- the small domain the directory's tests talk about.
#pragma once
#include <gtest/gtest.h>

#include <string>

#include "directory/config.hpp"

namespace lab::directory {

inline const std::string kHelper = R"(domain: helper.bac
data: /state
listen: {ldap: 192.168.56.10:389, ldaps: 192.168.56.10:636, ldapi: /run/ldapi}
tls: {certificate: /c.pem, key: /k.pem, ca: /ca.pem}
users:
  ali: {name: Ali Traoré, password: "Ali-2026", groups: [teachers], quota: 200M}
  awa: {name: Awa Ouédraogo, mail: [awa@helper.bac, awa.ouedraogo], groups: [teachers, students]}
  eric: {}
groups: {teachers: {description: Who teaches}, students: {}, guests: {}}
aliases: {contact: [ali, awa], root: ali}
)";

inline Settings settings_of(const std::string& text) {
  auto settings = config::load_text<Settings>("directory.yaml", text);
  EXPECT_TRUE(settings) << settings.error();
  return settings ? *settings : Settings{};
}

/// `text` with its one occurrence of `what` replaced.
inline std::string replaced(std::string text, const std::string& what, const std::string& with) {
  const auto at = text.find(what);
  EXPECT_NE(at, std::string::npos) << what;
  return at == std::string::npos ? text : text.replace(at, what.size(), with);
}

}  // namespace lab::directory
