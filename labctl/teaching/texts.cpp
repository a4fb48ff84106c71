#include "labctl/teaching/texts.hpp"

#include <algorithm>

namespace lab::teaching {

namespace {

struct Entry {
  std::string_view key, english, french;
};

constexpr Entry kTexts[] = {
    {"lease.title", "A lease", "Un bail"},
    {"lease.says",
     "{client} has no address yet that it knows of: it calls into the network, and four messages later it "
     "has one.",
     "{client} ne connaît encore aucune adresse à lui : il appelle dans le réseau, et quatre messages plus "
     "tard il en a une."},
    {"lease.seen",
     "DISCOVER (is anybody there?), OFFER (take this one), REQUEST (I take it), ACK (it is yours, for so "
     "long): RFC 2131.",
     "DISCOVER (y a-t-il quelqu'un ?), OFFER (prends celle-ci), REQUEST (je la prends), ACK (elle est à toi, "
     "pour tant de temps) : RFC 2131."},
    {"lease.resolver", "The lease brought the name server along: {client} can now ask for names.",
     "Le bail a apporté le serveur de noms : {client} peut maintenant demander des noms."},

    {"names.title", "From name to address, and back", "Du nom à l'adresse, et retour"},
    {"names.says", "{client} asks what address {host} has, then which names that address has.",
     "{client} demande quelle adresse a {host}, puis quels noms a cette adresse."},
    {"names.forward", "An A record: the name has this address.",
     "Un enregistrement A : le nom a cette adresse."},
    {"names.back", "A PTR record in the reverse zone: the address, read backwards, is a name too.",
     "Un enregistrement PTR dans la zone inverse : l'adresse, lue à l'envers, est aussi un nom."},

    {"mx.title", "Where does mail for {domain} go?", "Où va le courrier pour {domain} ?"},
    {"mx.says", "Whoever has mail for somebody@{domain} asks for the MX record of {domain}.",
     "Qui a du courrier pour quelqu'un@{domain} demande l'enregistrement MX de {domain}."},
    {"mx.seen",
     "10 is the preference (the lowest is tried first), {host} the server; its address comes along unasked.",
     "10 est la préférence (la plus basse est essayée d'abord), {host} le serveur ; son adresse vient avec, "
     "sans qu'on la demande."},

    {"directory.title", "Who are you? The directory", "Qui êtes-vous ? L'annuaire"},
    {"directory.says",
     "{sender} signs in to the directory, first with the right password, then with a wrong one.",
     "{sender} se présente à l'annuaire, d'abord avec le bon mot de passe, puis avec un mauvais."},
    {"directory.right",
     "The directory answers with who it took us for: this is the same identity everywhere in the lab.",
     "L'annuaire répond par qui il nous reconnaît : c'est la même identité partout dans le réseau."},
    {"directory.wrong", "Error 49, and not a word on whether the name or the password was wrong.",
     "Erreur 49, et pas un mot pour dire si c'est le nom ou le mot de passe qui était faux."},

    {"send.title", "{sender} writes to {reader}", "{sender} écrit à {reader}"},
    {"send.says",
     "A mail program hands the message to {host} on port 465: TLS first, then the password, then the "
     "message.",
     "Un programme de courrier remet le message à {host} sur le port 465 : d'abord TLS, puis le mot de "
     "passe, puis le message."},
    {"send.seen",
     "-> is what the client says, <- what the server answers (~> and <~ inside TLS). 235: signed in; the "
     "last 250: the server has it on disk.",
     "-> est ce que dit le client, <- ce que répond le serveur (~> et <~ dans TLS). 235 : identifié ; le "
     "dernier 250 : le serveur l'a sur disque."},

    {"mailbox.title", "The mailbox that appears", "La boîte aux lettres qui apparaît"},
    {"mailbox.says",
     "{reader} signs in to the mailbox with the directory's password; nobody had to make it beforehand.",
     "{reader} ouvre sa boîte avec le mot de passe de l'annuaire ; personne n'a eu à la créer avant."},
    {"mailbox.seen",
     "The mailbox is there, and the messages in it are counted: a new one holds a word of welcome too.",
     "La boîte est là, et ses messages sont comptés : une nouvelle contient aussi un mot de bienvenue."},

    {"read.title", "The same message, read in two ways", "Le même message, lu de deux façons"},
    {"read.says",
     "{reader} reads the message over IMAP, which leaves it on the server, then over POP3, which was made to "
     "fetch it.",
     "{reader} lit le message par IMAP, qui le laisse au serveur, puis par POP3, qui est fait pour le "
     "rapporter."},
    {"read.imap", "Each Received line is a stamp of a station on the way; the newest is on top.",
     "Chaque ligne Received est le tampon d'une étape du chemin ; la plus récente est en haut."},
    {"read.pop3", "The same message: POP3 and IMAP are two doors to one mailbox.",
     "Le même message : POP3 et IMAP sont deux portes de la même boîte."},

    {"certificate.title", "The certificate, and who trusts it", "Le certificat, et qui lui fait confiance"},
    {"certificate.says",
     "{client} looks at the certificate of {host}; then a client that does not know the lab's authority "
     "looks too.",
     "{client} regarde le certificat de {host} ; puis un client qui ne connaît pas l'autorité du réseau le "
     "regarde aussi."},
    {"certificate.shown",
     "It names {host}, says how long it is valid, and that the lab's own authority has signed it.",
     "Il nomme {host}, dit jusqu'à quand il vaut, et que l'autorité du réseau l'a signé."},
    {"certificate.trusted",
     "This client has the authority's certificate: the chain holds and the name is right.",
     "Ce client a le certificat de l'autorité : la chaîne tient et le nom est le bon."},
    {"certificate.stranger",
     "A stranger sees the same certificate and trusts nothing: `labctl ca` shows how to make friends.",
     "Un étranger voit le même certificat et ne croit rien : `labctl ca` montre comment faire connaissance."},

    {"demo.enter", "[Enter]", "[Entrée]"},
    {"demo.broken", "This is not what should have come.", "Ce n'est pas ce qui devait venir."},
    {"demo.expected", "expected", "attendu"},
    {"demo.status", "the command to succeed; it ended with status {status}",
     "que la commande réussisse ; elle a fini avec le statut {status}"},
    {"demo.refusal", "the command to be refused; it succeeded",
     "que la commande soit refusée ; elle a réussi"},
    {"demo.missing", "{program} is not installed on this machine",
     "{program} n'est pas installé sur cette machine"},
    {"demo.more", "… {count} more lines", "… encore {count} lignes"},
    {"demo.done", "That was the story: {count} lessons, all as told.",
     "C'était l'histoire : {count} leçons, toutes comme annoncées."},
    {"demo.failed", "{failed} of {count} lessons did not come out as told; `labctl check` says more.",
     "{failed} leçons sur {count} ne sont pas sorties comme annoncées ; `labctl check` en dit plus."},
    {"demo.nothing", "This lab has nothing to show: it has no client, or no service a client could use.",
     "Ce réseau n'a rien à montrer : il n'a pas de client, ou pas de service pour un client."},
    {"demo.unknown", "There is no lesson '{lesson}' in this lab; there are: {lessons}.",
     "Il n'y a pas de leçon '{lesson}' dans ce réseau ; il y a : {lessons}."},
};

}  // namespace

Language language_of(std::string_view locale) {
  return locale == "fr" || locale.starts_with("fr_") || locale.starts_with("fr.") ? Language::French
                                                                                  : Language::English;
}

std::string text(Language language, std::string_view key, const std::map<std::string, std::string>& values) {
  const auto* const found = std::ranges::find(kTexts, key, &Entry::key);
  if (found == std::end(kTexts)) return std::string(key);
  const auto pattern = language == Language::French ? found->french : found->english;
  std::string out;
  for (std::size_t i = 0; i < pattern.size();) {
    const auto close = pattern[i] == '{' ? pattern.find('}', i) : std::string_view::npos;
    const auto value = close == std::string_view::npos
                           ? values.end()
                           : values.find(std::string(pattern.substr(i + 1, close - i - 1)));
    if (value == values.end()) {
      out += pattern[i++];
    } else {
      out += value->second;
      i = close + 1;
    }
  }
  return out;
}

}  // namespace lab::teaching
