// The rows of a domain: its people, its records, its mail.
#include "labctl/topology/tables.hpp"

namespace lab::topology {

using config::Table;

const Table<Policy>& table_of(const Policy*) {
  static const auto table =
      Table<Policy>("policy")
          .row("max_message", &Policy::max_message, "largest message its members may send", {1024, 1LL << 30})
          .row("quota", &Policy::quota, "size of its members' mailboxes", {1 << 16, 1LL << 42})
          .row("send_outside", &Policy::send_outside, "whether its members may send to other servers' domains")
          .row("protocols", &Policy::protocols,
               "by which its members may log in to mail: imap, pop3, smtp; all of them if left out")
          .row("passwords", &Policy::passwords, "what its members' passwords must be like")
          .row("dns_suffix", &Policy::dns_suffix,
               "domains its machines try for short names, before the one they are told by DHCP")
          .row("run", &Policy::run, "shell commands its machines run once when the lab is up")
          .row("trust_ca", &Policy::trust_ca, "whether its machines trust the lab's certificate authority");
  return table;
}

const Table<PasswordRules>& table_of(const PasswordRules*) {
  constexpr std::int64_t kYear = 31'536'000;
  static const auto table =
      Table<PasswordRules>("passwords")
          .row("least_length", &PasswordRules::least_length, "characters a new password must have", {0, 128})
          .row("history", &PasswordRules::history, "old passwords that may not come back", {0, 100})
          .row("lock_after", &PasswordRules::lock_after,
               "wrong passwords in a row that lock the account; 0 = any number", {0, 1000})
          .row("lock_for", &PasswordRules::lock_for,
               "how long it stays locked; 0 = until `labctl user unlock`", {0, kYear})
          .row("expire_after", &PasswordRules::expire_after,
               "age at which a password no longer counts; 0 = never", {0, 10 * kYear})
          .row("must_change", &PasswordRules::must_change,
               "a password given by the teacher must be changed before it lets anybody in");
  return table;
}

const Table<Group>& table_of(const Group*) {
  static const auto table = Table<Group>("group")
                                .row("description", &Group::description, "what the group is for")
                                .row("groups", &Group::groups, "groups it belongs to, with all its members")
                                .row("policy", &Group::policy, "rules for its members");
  return table;
}

const Table<User>& table_of(const User*) {
  static const auto table =
      Table<User>("user")
          .row("name", &User::name, "full name; the user name if left out")
          .row("password", &User::password, "password; one is generated if left out, `labctl users` shows it")
          .row("groups", &User::groups, "the groups the user belongs to")
          .row("mail", &User::mail, "further addresses besides user@domain: what stands before the @")
          .row("quota", &User::quota, "size of the mailbox, such as 200M", {1 << 16, 1LL << 42})
          .row("policy", &User::policy, "rules for this user alone; they count before any group's");
  return table;
}

const Table<DnsRecords>& table_of(const DnsRecords*) {
  static const auto table =
      Table<DnsRecords>("dns")
          .row("records", &DnsRecords::records,
               "records as in a zone file (RFC 1035), names relative to the domain: \"www 300 A "
               "192.168.56.20\"")
          .row("zonefile", &DnsRecords::zonefile, "a zone file (RFC 1035) below the topology's folder")
          .row("dnsbl", &DnsRecords::dnsbl,
               "makes the zone a block list (RFC 5782) of these addresses, networks and domains")
          .row("dnssec", &DnsRecords::dnssec, "sign the zone (RFC 4033)")
          .row("nsec3", &DnsRecords::nsec3,
               "of a signed zone: hide which names there are from whoever walks through the proofs (RFC "
               "5155)")
          .row("zonemd", &DnsRecords::zonemd,
               "a digest over the whole zone (RFC 8976), without which secondaries take no copy");
  return table;
}

const Table<Spam>& table_of(const Spam*) {
  static const auto table =
      Table<Spam>("spam").row("threshold", &Spam::threshold, "score from which a message is junk", {0, 1000});
  return table;
}

const Table<MailDomain>& table_of(const MailDomain*) {
  static const auto table =
      Table<MailDomain>("mail")
          .row("welcome", &MailDomain::welcome, "greet each new mailbox with a message")
          .row("spam", &MailDomain::spam, "filtering of junk")
          .row("dkim", &MailDomain::dkim, "sign outgoing messages (RFC 6376)")
          .row("dmarc", &MailDomain::dmarc, "what others should do with forged messages (RFC 7489)")
          .row("max_message", &MailDomain::max_message, "largest message accepted", {1 << 16, 1LL << 30});
  return table;
}

const Table<Domain>& table_of(const Domain*) {
  static const auto table = Table<Domain>("domain")
                                .row("users", &Domain::users,
                                     "the people, by user name; each may log in everywhere and has a mailbox")
                                .row("groups", &Domain::groups, "groups of users")
                                .row("aliases", &Domain::aliases,
                                     "further mail addresses: what stands before the @, and who gets it")
                                .row("policy", &Domain::policy,
                                     "rules for everybody, where neither the user nor a group has one")
                                .row("dns", &Domain::dns, "records over the derived ones")
                                .row("mail", &Domain::mail, "options of the mail domain");
  return table;
}

}  // namespace lab::topology
