#include "directory/slapd_conf.hpp"

#include "directory/password.hpp"
#include "directory/tree.hpp"

namespace lab::directory {
namespace {

std::string quoted(const std::string& path) { return "\"" + path + "\""; }

std::string schemas_and_modules(const Settings& s, const Place& place) {
  std::string out = fmt::format(
      "# The directory of {}, written by lab-directory at each start: changes here are lost.\n\n", s.domain);
  for (auto* name : {"core", "cosine", "inetorgperson", "nis", "misc"})
    out += fmt::format("include {}/{}.schema\n", place.schemas, name);
  out += "include " + quoted(place.schema) + "\n\nmodulepath " + place.modules +
         "\nmoduleload back_mdb\nmoduleload memberof\nmoduleload ppolicy\n";
  return out;
}

std::string database(const Settings& s, const Place& place, std::size_t entries) {
  return fmt::format(
      "\ndatabase mdb\n"
      "suffix {}\n"
      "rootdn {}\n"
      "directory {}\n"
      "maxsize {}\n"
      "# Without an index a search reads every entry.\n"
      "index objectClass,uid,mail,cn,member,memberOf,rfc822MailMember,uidNumber,entryUUID,entryCSN eq\n",
      quoted(s.suffix), quoted("cn=admin," + s.suffix), quoted(place.database), map_size(entries));
}

std::string escape_url_path(const std::string& path) {
  std::string out;
  for (char c : path) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       c == '.' || c == '-' || c == '_';
    out += plain ? std::string(1, c) : fmt::format("%{:02X}", static_cast<unsigned char>(c));
  }
  return out;
}

}  // namespace

std::size_t map_size(std::size_t entries) {
  constexpr std::size_t kLeast = 64UL << 20U,
                        kPerEntry = 32UL << 10U;  // an entry with its indexes takes 2 to 8 KiB
  return std::max(kLeast, entries * kPerEntry);
}

std::string slapadd_conf(const Settings& s, const Place& place, std::size_t entries) {
  return schemas_and_modules(s, place) + database(s, place, entries);
}

std::string slapd_conf(const Settings& s, const Place& place, std::size_t entries) {
  constexpr HashCost cost;
  std::string out = schemas_and_modules(s, place);
  out += fmt::format(
      "moduleload refint\n"
      "moduleload unique\n"
      "moduleload syncprov\n"
      "{}"
      "# People's new passwords are hashed as the first ones were: memory in KiB, passes, threads (RFC "
      "9106).\n"
      "moduleload argon2.so m={} t={} p=1\n"
      "password-hash {{ARGON2}}\n\n"
      "pidfile {}\n"
      "threads {}\n"
      "conn_max_pending 1000\n"
      "sizelimit 1000\n"
      "timelimit 30\n"
      "# Whoever has said nothing for so long makes room for others; those who follow changes do not count.\n"
      "idletimeout 300\n\n"
      "# A password in the clear proves nothing but that the wire was read: 13 confidentialityRequired (RFC "
      "4513 5.1.3).\n"
      "# TLS counts 128 and more; the Unix socket, which never leaves this machine, counts 71.\n"
      "security simple_bind=64\n",
      s.kerberos ? "moduleload back_sock\n" : "", cost.memory_kib, cost.passes, quoted(place.pid_file),
      s.threads);
  if (!s.tls.certificate.empty())
    out += fmt::format(
        "\nTLSCertificateFile {}\n"
        "TLSCertificateKeyFile {}\n"
        "TLSCACertificateFile {}\n"
        "TLSVerifyClient never\n"
        "TLSProtocolMin 3.3\n",  // 3.3 is how the wire spells TLS 1.2
        quoted(s.tls.certificate), quoted(s.tls.key), quoted(s.tls.ca));
  out += fmt::format(
      "\n# Who runs this server is its administrator over the Unix socket (SASL EXTERNAL).\n"
      "authz-regexp \"^gidNumber={}[+]uidNumber={},cn=peercred,cn=external,cn=auth$\" {}\n"
      "\n# Anybody may ask what this server is and what its words mean, and nothing else.\n"
      "access to dn.base=\"\" by * read\n"
      "access to dn.base=\"cn=Subschema\" by * read\n",
      place.gid, place.uid, quoted("cn=admin," + s.suffix));
  if (s.kerberos)
    out += fmt::format(
        "\n# Who shows a ticket for ldap/{0} is the person it is of (SASL GSSAPI, RFC 4752).\n"
        "sasl-host {0}\n"
        "sasl-realm {1}\n"
        "authz-regexp \"^uid=([^,/]+)(,cn=[^,]+)?,cn=gssapi,cn=auth$\" {2}\n",
        s.kerberos->host, s.kerberos->realm, quoted("uid=$1,ou=people," + s.suffix));
  if (!place.chain.empty())
    out += "\n# What is to be written goes to " + s.replica_of + ".\nmoduleload back_ldap\ninclude " +
           place.chain + "\n";
  if (s.replication) out += "\n# A replica passes on what people change there.\nauthz-policy to\n";
  out += database(s, place, entries);
  if (!place.syncrepl.empty())
    out += "\n# Everything is copied from there.\ninclude " + place.syncrepl + "\n";
  const auto copier = s.replication ? "by dn.exact=" + quoted(s.replication->dn) + " read " : std::string();
  if (s.replication)
    out += "\n# A replica reads it all, however much that is.\nlimits dn.exact=" + quoted(s.replication->dn) +
           " size=unlimited time=unlimited\n";
  out += fmt::format(
      "\n# A password can be proved and changed by its owner, and read by nobody; nor can those before it.\n"
      "access to attrs=userPassword {0}by self =xw by anonymous auth by * none\n"
      "access to attrs=pwdHistory {0}by * none\n"
      "{1}"
      "access to attrs=jpegPhoto by self write by users read by * none\n",
      copier,
      // A replica's slapd writes them here in its own name, with the control that lets it (relax).
      s.replication ? "access to attrs=pwdFailureTime,pwdAccountLockedTime,pwdGraceUseTime by dn.exact=" +
                          quoted(s.replication->dn) + " manage by users read by * none\n"
                    : "");
  // slapd-sock(5) asks this of who changes an attribute; nobody is added, renamed or removed by it, for which the
  // parent would have to be writable too.
  if (s.kerberos)
    out += fmt::format("access to dn.children={} attrs=entry by self write by users read by * none\n",
                       quoted("ou=people," + s.suffix));
  out += "access to * by users read by * none\n";
  out += fmt::format(
      "\n# Rules for passwords: locked accounts, length, age. What reaches it in the clear is stored "
      "hashed.\n"
      "overlay ppolicy\n"
      "ppolicy_default {}\n"
      "ppolicy_use_lockout\n"
      "ppolicy_hash_cleartext\n"
      "{}"
      "\n# A login name and a mail address belong to one person.\n"
      "overlay unique\n"
      "unique_uri ldap:///{}?uid?sub\n"
      "unique_uri ldap:///{}?mail?sub\n",
      quoted(default_policy_dn(s)),
      // Wrong passwords count wherever they are tried: the original keeps the count.
      s.replica_of.empty() ? "" : "ppolicy_forward_updates\n", "ou=people," + s.suffix,
      "ou=people," + s.suffix);
  out += fmt::format(
      "\noverlay memberof\n"
      "memberof-dangling ignore\n"
      "memberof-refint TRUE\n"
      "\n# Who leaves is taken out of every group; the last one's place is taken by nobody, as a group must "
      "have a member.\n"
      "overlay refint\n"
      "refint_attributes member manager seeAlso owner\n"
      "refint_nothing {}\n"
      "\n# Whoever asks is told of changes as they happen (RFC 4533): replicas, and the mail server that "
      "remembers logins.\n"
      "overlay syncprov\n"
      "syncprov-checkpoint 100 10\n",
      quoted(placeholder_dn(s)));
  if (s.kerberos)
    out += fmt::format(
        "\n# Kerberos keeps keys of its own: lab-kdc hears of each change of a password and of its result. Last, so\n"
        "# that it hears first, before anything is hashed.\n"
        "overlay sock\n"
        "extensions binddn connid\n"
        "socketpath {}\n"
        "sockops add modify delete extended\n"
        "sockresps result\n",
        s.kerberos->socket);
  return out;
}

std::string lab_schema() {
  // 2.25.<UUID as a number> is an arc anybody may use without asking (ITU-T X.667 7).
  constexpr std::string_view kArc = "2.25.62294556981510411954773947365366456574";
  return fmt::format(
      "# What the standard schemas lack for a lab's mail users, and the rules for them.\n\n"
      "attributetype ( {0}.1.1 NAME 'labMailQuota'\n"
      "  DESC 'size of the mailbox in bytes'\n"
      "  EQUALITY integerMatch ORDERING integerOrderingMatch\n"
      "  SYNTAX 1.3.6.1.4.1.1466.115.121.1.27 SINGLE-VALUE )\n\n"
      "attributetype ( {0}.1.2 NAME 'labMaxMessage'\n"
      "  DESC 'size in bytes of the largest message that may be sent'\n"
      "  EQUALITY integerMatch ORDERING integerOrderingMatch\n"
      "  SYNTAX 1.3.6.1.4.1.1466.115.121.1.27 SINGLE-VALUE )\n\n"
      "attributetype ( {0}.1.3 NAME 'labSendOutside'\n"
      "  DESC 'whether mail may be sent to other servers'\n"
      "  EQUALITY booleanMatch\n"
      "  SYNTAX 1.3.6.1.4.1.1466.115.121.1.7 SINGLE-VALUE )\n\n"
      "attributetype ( {0}.1.4 NAME 'labProtocol'\n"
      "  DESC 'a protocol that may be used to log in: imap, pop3, smtp; none for no protocol at all'\n"
      "  EQUALITY caseIgnoreIA5Match\n"
      "  SYNTAX 1.3.6.1.4.1.1466.115.121.1.26{{16}} )\n\n"
      "attributetype ( {0}.1.5 NAME 'labRank'\n"
      "  DESC 'of two groups that have a rule the lower one counts'\n"
      "  EQUALITY integerMatch ORDERING integerOrderingMatch\n"
      "  SYNTAX 1.3.6.1.4.1.1466.115.121.1.27 SINGLE-VALUE )\n\n"
      "objectclass ( {0}.2.1 NAME 'labMailUser'\n"
      "  DESC 'somebody with a mailbox of the lab'\n"
      "  SUP top AUXILIARY\n"
      "  MAY ( labMailQuota $ labMaxMessage $ labSendOutside $ labProtocol ) )\n\n"
      "objectclass ( {0}.2.2 NAME 'labPolicy'\n"
      "  DESC 'rules for the members of a group, or for everybody'\n"
      "  SUP top AUXILIARY\n"
      "  MAY ( labMailQuota $ labMaxMessage $ labSendOutside $ labProtocol $ labRank ) )\n\n"
      "objectclass ( {0}.2.3 NAME 'labOfTopology'\n"
      "  DESC 'written in the topology, not added by hand'\n"
      "  SUP top AUXILIARY )\n",
      kArc);
}

std::string listen_urls(const Settings& s) {
  std::string urls = "ldapi://" + escape_url_path(s.listen.ldapi) + "/";
  // Only who runs the server may open its socket: whoever can is the administrator.
  urls += "????x-mod=-rwx------";
  for (auto& endpoint : s.listen.ldap) urls += " ldap://" + endpoint.text() + "/";
  for (auto& endpoint : s.listen.ldaps) urls += " ldaps://" + endpoint.text() + "/";
  return urls;
}

}  // namespace lab::directory
