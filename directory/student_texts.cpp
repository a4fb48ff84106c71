#include "directory/student_texts.hpp"

namespace lab::directory {

const StudentTexts& student_texts(Language language) {
  static constexpr StudentTexts kEnglish{
      .login = "Login name: ",
      .no_user = "who are you? lab-directory {} -u LOGIN",
      .password = "Password: ",
      .old_password = "Old password: ",
      .new_password = "New password: ",
      .again = "New password again: ",
      .wrong = "name or password is wrong",
      .locked = "this account is locked; ask your teacher",
      .expired = "this password has expired; ask your teacher for a new one",
      .must_change = "this password has to be changed first: lab-directory passwd -u {}",
      .differ = "the two new passwords differ; nothing was changed",
      .empty = "an empty password lets nobody in; nothing was changed",
      .too_short = "the new password is too short; nothing was changed",
      .used_before = "the new password was used before; nothing was changed",
      .too_soon = "the password was changed a moment ago; nothing was changed",
      .refused = "the directory does not take this password ({}); nothing was changed",
      .not_now = "the password cannot be changed now ({}); nothing was changed: try again later",
      .changed = "the password of {} is changed; it holds for mail too",
      .nobody_found = "nobody found for '{}'",
      .no_domain =
          "which domain? name one with --domain helper.bac, or the server with -H ldap://srv.helper.bac",
      .no_server = "{} names no directory in the DNS (SRV _ldap._tcp); name it with -H ldap://srv.{}",
      .no_answer = "{} does not answer: {}",
      .no_tls =
          "no protected connection to {}: its certificate must be of an authority this machine trusts, and "
          "bear "
          "this name ({})",
  };
  static constexpr StudentTexts kFrench{
      .login = "Identifiant : ",
      .no_user = "qui êtes-vous ? lab-directory {} -u IDENTIFIANT",
      .password = "Mot de passe : ",
      .old_password = "Ancien mot de passe : ",
      .new_password = "Nouveau mot de passe : ",
      .again = "Nouveau mot de passe, encore une fois : ",
      .wrong = "nom ou mot de passe incorrect",
      .locked = "ce compte est verrouillé ; adressez-vous à l'enseignant",
      .expired = "ce mot de passe a expiré ; demandez-en un nouveau à l'enseignant",
      .must_change = "il faut d'abord changer ce mot de passe : lab-directory passwd -u {}",
      .differ = "les deux nouveaux mots de passe diffèrent ; rien n'a été changé",
      .empty = "un mot de passe vide n'ouvre à personne ; rien n'a été changé",
      .too_short = "le nouveau mot de passe est trop court ; rien n'a été changé",
      .used_before = "le nouveau mot de passe a déjà servi ; rien n'a été changé",
      .too_soon = "le mot de passe vient d'être changé ; rien n'a été changé",
      .refused = "l'annuaire n'accepte pas ce mot de passe ({}) ; rien n'a été changé",
      .not_now =
          "le mot de passe ne peut pas être changé maintenant ({}) ; rien n'a été changé : réessayez plus "
          "tard",
      .changed = "le mot de passe de {} est changé, pour le courrier aussi",
      .nobody_found = "personne pour « {} »",
      .no_domain =
          "quel domaine ? Indiquez-le par --domain helper.bac, ou le serveur par -H ldap://srv.helper.bac",
      .no_server =
          "{} n'annonce pas d'annuaire dans le DNS (SRV _ldap._tcp) ; indiquez-le par -H ldap://srv.{}",
      .no_answer = "{} ne répond pas : {}",
      .no_tls =
          "pas de connexion protégée avec {} : son certificat doit venir d'une autorité reconnue par cette "
          "machine, "
          "et porter ce nom ({})",
  };
  return language == Language::French ? kFrench : kEnglish;
}

}  // namespace lab::directory
