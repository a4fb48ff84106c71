/// class_cards -- what a class is handed: one card a person with login, password and address, as a text to cut
/// apart or as a page a browser prints, in English or French.
#pragma once
#include <string>
#include <vector>

namespace lab::directory {

struct Card {
  std::string name, login, password, mail;
};

enum class Language { English, French };
/// From LC_ALL, LC_MESSAGES or LANG, as gettext(3) reads them.
Language language_of_environment();

std::string text_cards(const std::vector<Card>& cards, Language language);
std::string html_cards(const std::vector<Card>& cards, const std::string& domain, Language language);

}  // namespace lab::directory
