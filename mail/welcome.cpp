#include "mail/welcome.hpp"

#include <fmt/core.h>

#include "mail/message/trace.hpp"
#include "mail/sasl.hpp"

namespace lab::mail {
namespace {

// RFC 2047 4.1, in words of at most 75 characters that do not cut a UTF-8 sequence.
std::string encoded_words(std::string_view text) {
  constexpr std::size_t kBytes = 42;
  std::string words;
  while (!text.empty()) {
    auto n = std::min(kBytes, text.size());
    while (n < text.size() && (static_cast<unsigned char>(text[n]) & 0xc0) == 0x80) --n;
    if (n == 0) n = std::min(kBytes, text.size());
    words += fmt::format("{}=?UTF-8?B?{}?=", words.empty() ? "" : "\r\n ", base64_encode(text.substr(0, n)));
    text.remove_prefix(n);
  }
  return words;
}

bool is_plain(std::string_view text) {
  for (char c : text)
    if (static_cast<unsigned char>(c) < 0x20 || static_cast<unsigned char>(c) > 0x7e || c == '"' || c == '\\')
      return false;
  return true;
}

std::string phrase(std::string_view name) {
  return is_plain(name) ? fmt::format("\"{}\"", name) : encoded_words(name);
}

std::string one_line(std::string_view text) {
  std::string line;
  for (char c : text)
    if (static_cast<unsigned char>(c) >= 0x20 && c != 0x7f) line += c;
  return line;
}

}  // namespace

std::string welcome_message(const Welcome& w) {
  auto domain = w.user.substr(w.user.find('@') + 1);
  auto name = one_line(w.display_name.empty() ? w.user.substr(0, w.user.find('@')) : w.display_name);
  auto text = fmt::format(
      "From: \"Postmaster\" <postmaster@{domain}>\r\n"
      "To: {phrase} <{user}>\r\n"
      "Subject: {subject}\r\n"
      "Date: {date}\r\n"
      "Message-ID: {id}\r\n"
      "Auto-Submitted: auto-generated\r\n"
      "MIME-Version: 1.0\r\n"
      "Content-Type: text/plain; charset=utf-8\r\n"
      "Content-Transfer-Encoding: 8bit\r\n"
      "\r\n"
      "Welcome, {name}!\r\n"
      "\r\n"
      "Your mailbox {user} was made just now, because you logged in for the\r\n"
      "first time with your directory password. Set up your mail program with:\r\n"
      "\r\n"
      "  incoming   IMAP {host} port 993, or POP3 port 995, TLS\r\n"
      "  outgoing   SMTP {host} port 465, TLS\r\n"
      "  name       {user}, and the password you log in with everywhere\r\n"
      "\r\n"
      "-- \r\n"
      "Bienvenue, {name} !\r\n"
      "\r\n"
      "Votre boîte {user} vient d'être créée, parce que vous vous êtes\r\n"
      "connecté pour la première fois avec votre mot de passe de l'annuaire.\r\n"
      "Réglages de votre logiciel de courrier :\r\n"
      "\r\n"
      "  réception  IMAP {host} port 993, ou POP3 port 995, TLS\r\n"
      "  envoi      SMTP {host} port 465, TLS\r\n"
      "  compte     {user}, et votre mot de passe habituel\r\n",
      fmt::arg("domain", domain), fmt::arg("phrase", phrase(name)), fmt::arg("user", w.user),
      fmt::arg("name", name),
      fmt::arg("subject", encoded_words(fmt::format("Welcome / Bienvenue — {}", domain))),
      fmt::arg("date", message::date_text(w.when)), fmt::arg("host", w.hostname),
      fmt::arg("id", message::make_message_id(w.when, message::short_id(w.random), w.hostname)));
  return text;
}

}  // namespace lab::mail
