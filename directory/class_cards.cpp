#include "directory/class_cards.hpp"

#include <fmt/format.h>

#include <cstdlib>
#include <string_view>

namespace lab::directory {
namespace {

struct Words {
  const char *code, *login, *password, *mail, *advice;
};

const Words& words(Language language) {
  static constexpr Words kEnglish{"en", "login", "password", "mail",
                                  "Change it: lab-directory passwd -u LOGIN"};
  static constexpr Words kFrench{"fr", "identifiant", "mot de passe", "courriel",
                                 "À changer : lab-directory passwd -u IDENTIFIANT"};
  return language == Language::French ? kFrench : kEnglish;
}

std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) switch (c) {
      case '&': out += "&amp;"; break;
      case '<': out += "&lt;"; break;
      case '>': out += "&gt;"; break;
      case '"': out += "&quot;"; break;
      default: out += c;
    }
  return out;
}

constexpr std::string_view kPage =
    "@page{{size:A4;margin:12mm}}body{{font:11pt sans-serif;margin:0}}"
    "main{{display:grid;grid-template-columns:1fr 1fr;gap:0}}"
    "section{{border:1px dashed #888;padding:5mm;break-inside:avoid}}"
    "h2{{font-size:13pt;margin:0 0 3mm}}dl{{display:grid;grid-template-columns:auto 1fr;gap:1mm 4mm;margin:0}}"
    "dt{{color:#555}}dd{{margin:0;font-family:monospace;font-size:12pt}}"
    "p{{margin:3mm 0 0;color:#555;font-size:9pt}}";

}  // namespace

Language language_of_environment() {
  for (const char* name : {"LC_ALL", "LC_MESSAGES", "LANG"})
    if (const char* value = std::getenv(name); value != nullptr && *value != '\0')
      return std::string_view(value).starts_with("fr") ? Language::French : Language::English;
  return Language::English;
}

std::string text_cards(const std::vector<Card>& cards, Language language) {
  const auto& w = words(language);
  std::string out;
  for (auto& card : cards)
    out += fmt::format(
        "- - - - - - - - - - - - - - - - - - - - - - - - - - -\n  {}\n\n  {:<13} {}\n  {:<13} {}\n  {:<13} {}\n\n",
        card.name, w.login, card.login, w.password, card.password, w.mail, card.mail);
  return out;
}

std::string html_cards(const std::vector<Card>& cards, const std::string& domain, Language language) {
  const auto& w = words(language);
  auto out = fmt::format("<!doctype html>\n<html lang=\"{}\"><meta charset=\"utf-8\"><title>{}</title><style>",
                         w.code, escaped(domain));
  out += fmt::format(kPage);
  out += "</style><main>\n";
  for (auto& card : cards)
    out += fmt::format(
        "<section><h2>{}</h2><dl><dt>{}</dt><dd>{}</dd><dt>{}</dt><dd>{}</dd><dt>{}</dt><dd>{}</dd></dl>"
        "<p>{}</p></section>\n",
        escaped(card.name), w.login, escaped(card.login), w.password, escaped(card.password), w.mail,
        escaped(card.mail), w.advice);
  return out + "</main></html>\n";
}

}  // namespace lab::directory
