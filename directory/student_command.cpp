#include "directory/student_command.hpp"

#include <fmt/format.h>
#include <ldap.h>
#include <resolv.h>
#include <termios.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <memory>
#include <set>

#include "directory/config.hpp"
#include "directory/dn.hpp"
#include "directory/flavour.hpp"
#include "directory/student_texts.hpp"

namespace lab::directory {
namespace {

constexpr int kSeconds = 5;        // for connecting, and for each answer
constexpr int kFoundAtMost = 100;  // more fit on no screen

struct Options {
  std::string user, url, domain, ca, what;
  bool from_stdin = false, as_ldif = false;
};

struct Unbind {
  void operator()(LDAP* ld) const { ldap_unbind_ext_s(ld, nullptr, nullptr); }
};
using Session = std::unique_ptr<LDAP, Unbind>;

const StudentTexts& say() {
  static const auto& texts = student_texts(language_of_environment());
  return texts;
}

template <class... Args>
std::string filled(const char* text, const Args&... args) {
  return fmt::format(fmt::runtime(text), args...);
}

/// Asks at the terminal without showing what is typed; a line of standard input where there is none.
std::string ask_secret(const char* prompt, bool from_stdin) {
  std::string line;
  if (from_stdin || isatty(STDIN_FILENO) == 0) {
    std::getline(std::cin, line);
    return line;
  }
  termios shown{};
  tcgetattr(STDIN_FILENO, &shown);
  auto hidden = shown;
  hidden.c_lflag &= ~static_cast<tcflag_t>(ECHO);
  fmt::print(stderr, "{}", prompt);
  tcsetattr(STDIN_FILENO, TCSAFLUSH, &hidden);
  std::getline(std::cin, line);
  tcsetattr(STDIN_FILENO, TCSAFLUSH, &shown);
  fmt::print(stderr, "\n");
  return line;
}

/// The domains a machine looks short names up in, the first one first.
std::vector<std::string> own_domains() {
  std::vector<std::string> domains;
  struct __res_state state {};
  if (res_ninit(&state) != 0) return domains;
  for (auto** name = state.dnsrch; *name != nullptr; ++name)
    if (std::string_view(*name) != ".") domains.emplace_back(*name);
  res_nclose(&state);
  return domains;
}

/// Where the domain's directory is: its SRV records, the likeliest first.
Result<std::vector<std::string>> servers_of(const std::string& domain) {
  char* list = nullptr;
  auto name = domain;
  if (ldap_domain2hostlist(name.c_str(), &list) != LDAP_SUCCESS || list == nullptr)
    return fail(filled(say().no_server, domain, domain));
  std::vector<std::string> urls;
  std::string text(list);
  ldap_memfree(list);
  for (std::size_t at = 0; at < text.size();) {
    const auto end = std::min(text.find(' ', at), text.size());
    urls.push_back("ldap://" + text.substr(at, end - at));
    at = end + 1;
  }
  return urls;
}

std::string reason(LDAP* ld, int code) {
  char* text = nullptr;
  ldap_get_option(ld, LDAP_OPT_DIAGNOSTIC_MESSAGE, &text);
  std::string out = ldap_err2string(code);
  if (text != nullptr && *text != '\0') out += fmt::format(" ({})", text);
  ldap_memfree(text);
  return out;
}

Result<Session> connect(const std::string& url, const std::string& ca) {
  LDAP* raw = nullptr;
  if (const int code = ldap_initialize(&raw, url.c_str()); code != LDAP_SUCCESS)
    return fail(filled(say().no_answer, url, ldap_err2string(code)));
  Session session(raw);
  const int version = LDAP_VERSION3, demand = LDAP_OPT_X_TLS_DEMAND, client = 0;
  const timeval patience{kSeconds, 0};
  ldap_set_option(raw, LDAP_OPT_PROTOCOL_VERSION, &version);
  ldap_set_option(raw, LDAP_OPT_NETWORK_TIMEOUT, &patience);
  ldap_set_option(raw, LDAP_OPT_TIMEOUT, &patience);
  ldap_set_option(raw, LDAP_OPT_REFERRALS, LDAP_OPT_OFF);
  ldap_set_option(raw, LDAP_OPT_X_TLS_REQUIRE_CERT, &demand);
  if (!ca.empty()) ldap_set_option(raw, LDAP_OPT_X_TLS_CACERTFILE, ca.c_str());
  // Without a context made anew, after all of them, none of the TLS options of a handle counts.
  ldap_set_option(raw, LDAP_OPT_X_TLS_NEWCTX, &client);
  if (url.starts_with("ldap://"))
    if (const int code = ldap_start_tls_s(raw, nullptr, nullptr); code != LDAP_SUCCESS)
      return fail(filled(code == LDAP_SERVER_DOWN || code == LDAP_TIMEOUT ? say().no_answer : say().no_tls, url,
                         reason(raw, code)));
  return session;
}

/// Whether the password policy control says that only a change of password is allowed.
bool must_change(LDAP* ld, LDAPMessage* message, LDAPPasswordPolicyError& error) {
  LDAPControl** controls = nullptr;
  if (ldap_parse_result(ld, message, nullptr, nullptr, nullptr, nullptr, &controls, 0) != LDAP_SUCCESS)
    return false;
  auto* found = ldap_control_find(LDAP_CONTROL_PASSWORDPOLICYRESPONSE, controls, nullptr);
  ber_int_t expire = -1, grace = -1;
  if (found != nullptr) ldap_parse_passwordpolicy_control(ld, found, &expire, &grace, &error);
  ldap_controls_free(controls);
  return error == PP_changeAfterReset;
}

/// Binds as the person; `may_change`: a password that has to be changed is good enough.
Result<void> log_in(LDAP* ld, const std::string& url, const std::string& dn, const std::string& user,
                    const std::string& password, bool may_change) {
  // RFC 4513 5.1.2: an empty one would be an anonymous bind, which succeeds.
  if (password.empty()) return fail(say().wrong);
  LDAPControl* control = nullptr;
  ldap_create_passwordpolicy_control(ld, &control);
  LDAPControl* controls[] = {control, nullptr};
  berval secret{password.size(), const_cast<char*>(password.data())};
  int id = 0;
  int code = ldap_sasl_bind(ld, dn.c_str(), LDAP_SASL_SIMPLE, &secret, controls, nullptr, &id);
  ldap_control_free(control);
  LDAPMessage* message = nullptr;
  timeval patience{kSeconds, 0};
  if (code != LDAP_SUCCESS || ldap_result(ld, id, LDAP_MSG_ALL, &patience, &message) <= 0) {
    ldap_get_option(ld, LDAP_OPT_RESULT_CODE, &code);
    return fail(filled(code == LDAP_CONNECT_ERROR ? say().no_tls : say().no_answer, url, reason(ld, code)));
  }
  const std::unique_ptr<LDAPMessage, decltype(&ldap_msgfree)> holder(message, ldap_msgfree);
  LDAPPasswordPolicyError policy = PP_noError;
  const bool change_first = must_change(ld, message, policy);
  ldap_parse_result(ld, message, &code, nullptr, nullptr, nullptr, nullptr, 0);
  if (policy == PP_accountLocked) return fail(say().locked);
  if (policy == PP_passwordExpired) return fail(say().expired);
  if (code == LDAP_INVALID_CREDENTIALS) return fail(say().wrong);
  if (code != LDAP_SUCCESS) return fail(reason(ld, code));
  if (change_first && !may_change) return fail(filled(say().must_change, user));
  return {};
}

Entry entry_of(LDAP* ld, LDAPMessage* message) {
  Entry entry;
  char* dn = ldap_get_dn(ld, message);
  entry.dn = dn == nullptr ? "" : dn;
  ldap_memfree(dn);
  BerElement* ber = nullptr;
  for (char* name = ldap_first_attribute(ld, message, &ber); name != nullptr;
       name = ldap_next_attribute(ld, message, ber)) {
    berval** values = ldap_get_values_len(ld, message, name);
    for (auto** v = values; v != nullptr && *v != nullptr; ++v)
      entry.add(name, std::vector{std::string((*v)->bv_val, (*v)->bv_len)});
    ldap_value_free_len(values);
    ldap_memfree(name);
  }
  ber_free(ber, 0);
  return entry;
}

Result<std::vector<Entry>> find(LDAP* ld, const std::string& base, const std::string& filter) {
  std::vector<char*> attributes;
  for (const char* name : {"uid", "cn", "displayName", "mail", "memberOf", "rfc822MailMember", "objectClass",
                           "member", "description"})
    attributes.push_back(const_cast<char*>(name));
  attributes.push_back(nullptr);
  timeval patience{kSeconds, 0};
  LDAPMessage* found = nullptr;
  const int code = ldap_search_ext_s(ld, base.c_str(), LDAP_SCOPE_SUBTREE, filter.c_str(), attributes.data(), 0,
                                     nullptr, nullptr, &patience, kFoundAtMost, &found);
  const std::unique_ptr<LDAPMessage, decltype(&ldap_msgfree)> holder(found, ldap_msgfree);
  if (code != LDAP_SUCCESS && code != LDAP_SIZELIMIT_EXCEEDED) return fail(reason(ld, code));
  std::vector<Entry> entries;
  for (auto* m = ldap_first_entry(ld, found); m != nullptr; m = ldap_next_entry(ld, m))
    entries.push_back(entry_of(ld, m));
  return entries;
}

/// `awa` means anybody whose login, name or address has it in it; what begins with a parenthesis is a filter
/// of RFC 4515 as it stands.
std::string filter_of(const std::string& what) {
  if (what.starts_with('(')) return what;
  const auto value = escape_filter(what);
  return fmt::format(
      "(&(|(objectClass=inetOrgPerson)(objectClass=groupOfNames)(objectClass=nisMailAlias)(objectClass=device))"
      "(|(uid=*{0}*)(cn=*{0}*)(mail=*{0}*)))",
      value);
}

void print(const Entry& entry) {
  const auto user = user_of(Flavour::OpenLdap, entry);
  if (!user.uid.empty()) {
    fmt::print("{:<20} {:<28} {:<40} {}\n", user.uid, user.display_name,
               fmt::format("{}", fmt::join(user.addresses, ",")), fmt::join(user.groups, ","));
    return;
  }
  std::vector<std::string> members = entry.values("rfc822MailMember");
  for (auto& dn : entry.values("member"))
    if (!dn.starts_with("cn=nobody,")) members.push_back(leaf_of_dn(dn));
  fmt::print("{:<20} {:<28} {}\n", entry.first("cn"), entry.first("description"), fmt::join(members, ","));
}

/// RFC 3062, with the policy's reason where it is refused.
Result<void> change(LDAP* ld, const std::string& dn, const std::string& before, const std::string& after) {
  berval who{dn.size(), const_cast<char*>(dn.data())};
  berval old{before.size(), const_cast<char*>(before.data())};
  berval fresh{after.size(), const_cast<char*>(after.data())};
  LDAPControl* control = nullptr;
  ldap_create_passwordpolicy_control(ld, &control);
  LDAPControl* controls[] = {control, nullptr};
  int id = 0;
  int code = ldap_passwd(ld, &who, &old, &fresh, controls, nullptr, &id);
  ldap_control_free(control);
  LDAPMessage* message = nullptr;
  timeval patience{kSeconds, 0};
  if (code != LDAP_SUCCESS || ldap_result(ld, id, LDAP_MSG_ALL, &patience, &message) <= 0)
    return fail(filled(say().refused, reason(ld, code)));
  const std::unique_ptr<LDAPMessage, decltype(&ldap_msgfree)> holder(message, ldap_msgfree);
  LDAPPasswordPolicyError policy = PP_noError;
  (void)must_change(ld, message, policy);
  char* words = nullptr;
  ldap_parse_result(ld, message, &code, nullptr, &words, nullptr, nullptr, 0);
  const std::string told = words == nullptr || *words == '\0' ? ldap_err2string(code) : words;
  ldap_memfree(words);
  if (code == LDAP_SUCCESS) return {};
  switch (policy) {
    case PP_passwordTooShort: return fail(say().too_short);
    case PP_passwordInHistory: return fail(say().used_before);
    case PP_passwordTooYoung: return fail(say().too_soon);
    default: break;
  }
  switch (code) {
    // The server that keeps the passwords is down (of a copy, or Kerberos'), or has too much to do.
    case LDAP_UNAVAILABLE:
    case LDAP_OTHER:
    case LDAP_BUSY: return fail(filled(say().not_now, told));
    default: return fail(filled(say().refused, told));
  }
}

/// What a command needs: a connection to the domain's directory, bound as the person.
struct Visit {
  Session session;
  std::string base, dn, password;
};

Result<Visit> visit(const Options& o, bool to_change) {
  auto domain = o.domain;
  const auto at = o.user.find('@');
  const auto uid = o.user.substr(0, at);
  if (domain.empty() && at != std::string::npos) domain = o.user.substr(at + 1);
  std::vector<std::string> domains{domain};
  if (domain.empty()) domains = own_domains();
  if (domains.empty()) return fail(say().no_domain);
  domain = domains.back();
  std::vector<std::string> urls{o.url};
  Error last;
  // A machine may look names up in domains that have no directory of their own.
  for (std::size_t i = 0; o.url.empty() && i < domains.size() && urls.front().empty(); ++i)
    if (auto found = servers_of(domains[i]); found && !found->empty()) {
      urls = std::move(*found);
      domain = domains[i];
    } else if (!found) {
      last = found.error();
    }
  if (urls.front().empty()) return std::unexpected(last);
  Visit v;
  v.base = suffix_of_domain(domain);
  v.dn = "uid=" + escape_dn(uid) + ",ou=people," + v.base;
  v.password = ask_secret(to_change ? say().old_password : say().password, o.from_stdin);
  for (auto& url : urls) {
    auto session = connect(url, o.ca);
    if (!session) {
      last = session.error();
      continue;
    }
    if (auto in = log_in(session->get(), url, v.dn, uid, v.password, to_change); !in)
      return std::unexpected(in.error());
    v.session = std::move(*session);
    return v;
  }
  return std::unexpected(last);
}

Result<void> whoami(const Options& o) {
  auto v = visit(o, false);
  if (!v) return std::unexpected(v.error());
  berval* who = nullptr;
  if (const int code = ldap_whoami_s(v->session.get(), &who, nullptr, nullptr); code != LDAP_SUCCESS)
    return fail(reason(v->session.get(), code));
  fmt::print("{}\n", std::string_view(who->bv_val, who->bv_len));
  ber_bvfree(who);
  auto me = find(v->session.get(), v->dn, "(objectClass=*)");
  if (!me) return std::unexpected(me.error());
  for (auto& entry : *me) print(entry);
  return {};
}

Result<void> search(const Options& o) {
  auto v = visit(o, false);
  if (!v) return std::unexpected(v.error());
  auto found = find(v->session.get(), v->base, filter_of(o.what));
  if (!found) return std::unexpected(found.error());
  if (found->empty()) return fail(filled(say().nobody_found, o.what));
  for (auto& entry : *found)
    if (o.as_ldif)
      fmt::print("{}", to_ldif(entry));
    else
      print(entry);
  return {};
}

Result<void> passwd(const Options& o) {
  auto v = visit(o, true);
  if (!v) return std::unexpected(v.error());
  const auto fresh = ask_secret(say().new_password, o.from_stdin);
  const bool typed = !o.from_stdin && isatty(STDIN_FILENO) != 0;
  if (typed && ask_secret(say().again, false) != fresh) return fail(say().differ);
  if (fresh.empty()) return fail(say().empty);
  if (auto done = change(v->session.get(), v->dn, v->password, fresh); !done) return done;
  fmt::print("{}\n", filled(say().changed, o.user));
  return {};
}

}  // namespace

bool is_student_command(int argc, const char* const* argv) {
  static const std::set<std::string_view> verbs{"whoami", "search", "passwd"};
  return argc > 1 && verbs.contains(argv[1]);
}

int student_main(int argc, char** argv) {
  CLI::App app(
      "The directory as you see it, with your own name and password.\n\nExample: lab-directory whoami -u ali",
      "lab-directory");
  app.require_subcommand(1);
  Options o;
  Result<void> (*chosen)(const Options&) = nullptr;
  auto command = [&](const char* name, const char* text, Result<void> (*action)(const Options&)) {
    auto* sub = app.add_subcommand(name, text);
    sub->add_option("-u,--user", o.user, "login name or address; asked for when left out")->type_name("NAME");
    sub->add_option("--domain", o.domain, "the domain; by default that of the address, or this machine's");
    sub->add_option("-H,--url", o.url, "the server, such as ldap://srv.helper.bac; by default found in the DNS")
        ->check([](const std::string& url) {
          return url.starts_with("ldap://") || url.starts_with("ldaps://")
                     ? std::string()
                     : "a server is written ldap://srv.helper.bac or ldaps://srv.helper.bac";
        });
    sub->add_option("--ca", o.ca, "PEM file: who vouches for the server; by default whom this machine trusts");
    sub->add_flag("--password-stdin", o.from_stdin, "read passwords from standard input, one a line");
    sub->callback([&chosen, action] { chosen = action; });
    return sub;
  };
  command("whoami", "who the directory takes you for, and what it knows of you", whoami);
  auto* found = command("search", "looks people, groups and aliases up", search);
  found->add_option("WHAT", o.what, "part of a name, login or address; or an LDAP filter")->required();
  found->add_flag("--ldif", o.as_ldif, "whole entries as LDIF");
  command("passwd", "changes your password", passwd);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    return app.exit(e) == 0 ? 0 : 2;
  }
  // Where nobody says whom to trust, the machine's own list is meant: libldap's default is nobody.
  const char* trusted = std::getenv("LDAPTLS_CACERT");
  if (o.ca.empty()) o.ca = trusted != nullptr ? trusted : "/etc/ssl/certs/ca-certificates.crt";
  if (o.user.empty() && isatty(STDIN_FILENO) != 0) {
    fmt::print(stderr, "{}", say().login);
    std::getline(std::cin, o.user);
  }
  Result<void> done = fail(filled(say().no_user, app.get_subcommands().front()->get_name()));
  if (!o.user.empty()) done = chosen(o);
  if (!done) fmt::print(stderr, "lab-directory: {}\n", done.error().text());
  return done ? 0 : 1;
}

}  // namespace lab::directory
