/// student_texts -- what `lab-directory whoami|search|passwd` says, in English and French.
#pragma once
#include "directory/class_cards.hpp"

namespace lab::directory {

struct StudentTexts {
  const char *login, *no_user;
  const char *password, *old_password, *new_password, *again;  ///< prompts
  const char *wrong, *locked, *expired, *must_change;          ///< why a log-in failed
  const char *differ, *empty, *too_short, *used_before, *too_soon, *refused,
      *not_now;  ///< why a password was not taken
  const char *changed, *nobody_found;
  const char *no_domain, *no_server, *no_answer, *no_tls;  ///< with the thing in braces
};

const StudentTexts& student_texts(Language language);

}  // namespace lab::directory
