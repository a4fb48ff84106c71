#include "labctl/teaching/story.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace lab::teaching {

namespace {

/// The node's first fixed address.
std::string address_of(const plan::Node& node) {
  for (const auto& interface : node.interfaces)
    for (const auto& address : interface.addresses) return address.address.text();
  return {};
}

const plan::Node* first_client(const plan::Plan& plan, bool with_lease) {
  for (const auto& node : plan.nodes) {
    const auto serves = [&](const plan::Service& service) { return service.node == node.name; };
    const auto leases = [&](const plan::Client& client) { return client.node == node.name; };
    if (std::ranges::any_of(plan.services, serves) || node.router) continue;
    if (!with_lease || std::ranges::any_of(plan.clients, leases)) return &node;
  }
  return nullptr;
}

std::string curl_user(const plan::Credential& person) { return person.mail.front() + ":" + person.password; }

/// A person's first name, or what they sign in with.
std::string called(const plan::Credential& person) { return person.name.substr(0, person.name.find(' ')); }

class Story {
 public:
  Story(const plan::Plan& plan, Language language, std::string mark)
      : cast_(cast_of(plan)), language_(language), subject_("Hello " + std::move(mark)) {
    values_ = {{"client", cast_.client}, {"host", cast_.mail_host}, {"domain", cast_.domain}};
    if (cast_.has_mail) values_.insert({{"sender", called(cast_.sender)}, {"reader", called(cast_.reader)}});
  }

  std::vector<Lesson> lessons() {
    if (cast_.client.empty()) return {};
    if (cast_.has_lease) lease();
    if (cast_.has_dns && cast_.has_mail) names();
    if (cast_.has_dns && cast_.has_mail) mx();
    if (cast_.has_directory && !cast_.sender.user.empty()) directory();
    if (cast_.has_mail) {
      send();
      mailbox();
      read();
      certificate();
    }
    return std::move(lessons_);
  }

 private:
  std::string say(std::string_view key) const { return text(language_, key, values_); }

  Lesson& begin(const std::string& name) {
    return lessons_.emplace_back(Lesson{name, say(name + ".title"), say(name + ".says"), {}});
  }
  Step step(std::vector<std::string> argv, std::vector<std::string> expect, const char* seen) const {
    return {cast_.client, std::move(argv), std::move(expect), {}, true, {}, say(seen)};
  }

  void lease() {
    auto& lesson = begin("lease");
    lesson.steps.push_back(step({"lab-dhclient", "--interface", cast_.interface, "--once", "--verbose"},
                                {"DISCOVER", "OFFER", "REQUEST", "ACK"}, "lease.seen"));
    lesson.steps.push_back(step({"cat", "/etc/resolv.conf"}, {"nameserver"}, "lease.resolver"));
  }

  void names() {
    auto& lesson = begin("names");
    lesson.steps.push_back(
        step({"dig", "+noall", "+answer", cast_.mail_host, "A"}, {cast_.address}, "names.forward"));
    lesson.steps.push_back(
        step({"dig", "+noall", "+answer", "-x", cast_.address}, {cast_.mail_host + "."}, "names.back"));
  }

  void mx() {
    auto& lesson = begin("mx");
    lesson.steps.push_back(step({"dig", "+noall", "+answer", "+additional", cast_.domain, "MX"},
                                {"10 " + cast_.mail_host + "."}, "mx.seen"));
  }

  void directory() {
    auto& lesson = begin("directory");
    const auto dn = fmt::format("uid={},ou=people,{}", cast_.sender.user, cast_.base);
    const auto bind = [&](const std::string& password) {
      return std::vector<std::string>{"ldapwhoami", "-x", "-H", "ldaps://" + cast_.directory_host,
                                      "-D",         dn,   "-w", password};
    };
    lesson.steps.push_back(step(bind(cast_.sender.password), {"dn:" + dn}, "directory.right"));
    auto wrong = step(bind("not-" + cast_.sender.password), {"Invalid credentials (49)"}, "directory.wrong");
    wrong.succeeds = false;
    lesson.steps.push_back(std::move(wrong));
  }

  void send() {
    auto& lesson = begin("send");
    auto swaks = step({"swaks",
                       "--server",
                       cast_.mail_host,
                       "--port",
                       "465",
                       "--tls-on-connect",
                       "--auth",
                       "PLAIN",
                       "--auth-user",
                       cast_.sender.mail.front(),
                       "--auth-password",
                       cast_.sender.password,
                       "--from",
                       cast_.sender.mail.front(),
                       "--to",
                       cast_.reader.mail.front(),
                       "--header",
                       "Subject: " + subject_,
                       "--body",
                       "Sent over TLS, on port 465."},
                      {"235 ", "250 "}, "send.seen");
    swaks.mark = {"TLS started", "MAIL FROM", "RCPT TO"};
    lesson.steps.push_back(std::move(swaks));
  }

  void mailbox() {
    auto& lesson = begin("mailbox");
    auto status =
        step({"curl", "-sS", "--user", curl_user(cast_.reader), fmt::format("imaps://{}/", cast_.mail_host),
              "--request", "STATUS INBOX (MESSAGES UNSEEN)"},
             {"STATUS", "MESSAGES "}, "mailbox.seen");
    status.capture = "MESSAGES ";
    lesson.steps.push_back(std::move(status));
  }

  void read() {
    auto& lesson = begin("read");
    const auto fetch = [&](const std::string& url, const char* seen) {
      return step({"curl", "-sS", "--user", curl_user(cast_.reader), url}, {"Subject: " + subject_}, seen);
    };
    lesson.steps.push_back(
        fetch(fmt::format("imaps://{}/INBOX;MAILINDEX={{n}}", cast_.mail_host), "read.imap"));
    lesson.steps.back().mark = {"Received:"};
    lesson.steps.push_back(fetch(fmt::format("pop3s://{}/{{n}}", cast_.mail_host), "read.pop3"));
  }

  void certificate() {
    auto& lesson = begin("certificate");
    const auto connect =
        fmt::format("openssl s_client -connect {0}:465 -verify_hostname {0}", cast_.mail_host);
    lesson.steps.push_back(step(
        {"sh", "-c",
         connect +
             " </dev/null 2>/dev/null | openssl x509 -noout -subject -issuer -dates -ext subjectAltName"},
        {"issuer=", cast_.mail_host}, "certificate.shown"));
    lesson.steps.push_back(
        step({"sh", "-c", connect + " -brief </dev/null"}, {"Verification: OK"}, "certificate.trusted"));
    auto stranger = step(
        {"sh", "-c", connect + " -brief -verify_return_error -no-CAfile -no-CApath -no-CAstore </dev/null"},
        {"verify error"}, "certificate.stranger");
    stranger.succeeds = false;
    lesson.steps.push_back(std::move(stranger));
  }

  Cast cast_;
  Language language_;
  std::string subject_;
  std::map<std::string, std::string> values_;
  std::vector<Lesson> lessons_;
};

}  // namespace

Cast cast_of(const plan::Plan& plan) {
  Cast cast;
  const auto* node = first_client(plan, true);
  if (!node) node = first_client(plan, false);
  if (!node) return cast;
  cast.client = node->name;
  for (const auto& client : plan.clients)
    if (client.node == node->name && client.flavour == "builtin" && !cast.has_lease) {
      cast.interface = client.interface;
      cast.has_lease = true;
    }
  const auto domain = std::ranges::find(plan.domains, node->domain, &plan::Domain::name);
  if (domain == plan.domains.end()) return cast;
  cast.domain = domain->name;
  cast.base = domain->base;
  cast.has_dns = !domain->dns_node.empty();
  if (const auto* directory = plan.node(domain->directory_node);
      directory && plan.service(directory->name + "/directory")) {
    cast.directory_host = directory->fqdn();
    cast.has_directory = true;
  }
  std::vector<plan::Credential> people;
  for (const auto& person : plan.credentials)
    if (person.domain == cast.domain) people.push_back(person);
  if (people.empty()) return cast;
  cast.sender = people.front();
  cast.reader = people[people.size() > 1 ? 1 : 0];
  if (const auto* mail = plan.node(domain->mail_node)) {
    cast.mail_host = domain->mail_host;
    cast.address = address_of(*mail);
    cast.has_mail = true;
  }
  return cast;
}

std::vector<Lesson> story(const plan::Plan& plan, Language language, const std::string& mark) {
  return Story(plan, language, mark).lessons();
}

std::string command_line(const std::vector<std::string>& argv) {
  // A pipeline is shown as it would be typed, without the shell that runs it for us.
  if (argv.size() == 3 && argv[0] == "sh" && argv[1] == "-c") return argv[2];
  std::string out;
  for (const auto& word : argv) {
    const auto plain = [](char c) {
      return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
             std::string_view("-_./:=@,+%").contains(c);
    };
    if (!out.empty()) out += ' ';
    if (!word.empty() && std::ranges::all_of(word, plain)) {
      out += word;
      continue;
    }
    out += '\'';
    for (const char c : word) out += c == '\'' ? std::string("'\\''") : std::string(1, c);
    out += '\'';
  }
  return out;
}

}  // namespace lab::teaching
