#include "mail/store/schema.hpp"

namespace lab::mail {

const std::vector<std::string>& schema_steps() {
  static const std::vector<std::string> kSteps = {
      // A text is kept once (content, chunk) however many mailboxes hold it; `links` counts them. Its id is
      // never used again: who reads a long text in
      // pieces must not find himself in another person's. What FETCH,
      // SORT and
      // THREAD read of whole mailboxes stands in narrow rows: message. `expunged` remembers what went, for
      // sessions and
      // clients that still count it (RFC 7162).
      R"sql(
CREATE TABLE user (
  id INTEGER PRIMARY KEY,
  name TEXT NOT NULL UNIQUE,
  quota INTEGER NOT NULL DEFAULT 0,
  used INTEGER NOT NULL DEFAULT 0,
  messages INTEGER NOT NULL DEFAULT 0,
  welcomed INTEGER NOT NULL DEFAULT 0,
  uidvalidity INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE mailbox (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  user INTEGER NOT NULL REFERENCES user,
  name TEXT NOT NULL,
  special TEXT NOT NULL DEFAULT '',
  uidvalidity INTEGER NOT NULL,
  uidnext INTEGER NOT NULL DEFAULT 1,
  modseq INTEGER NOT NULL DEFAULT 1,
  messages INTEGER NOT NULL DEFAULT 0,
  unseen INTEGER NOT NULL DEFAULT 0,
  deleted INTEGER NOT NULL DEFAULT 0,
  bytes INTEGER NOT NULL DEFAULT 0,
  recent INTEGER NOT NULL DEFAULT 1,
  forgotten INTEGER NOT NULL DEFAULT 0,
  keywords TEXT NOT NULL DEFAULT '',
  UNIQUE (user, name)
);
CREATE TABLE subscription (
  user INTEGER NOT NULL REFERENCES user,
  name TEXT NOT NULL,
  PRIMARY KEY (user, name)
) WITHOUT ROWID;
CREATE TABLE message (
  id INTEGER PRIMARY KEY,
  mailbox INTEGER NOT NULL,
  modseq INTEGER NOT NULL,
  flags INTEGER NOT NULL,
  content INTEGER NOT NULL,
  size INTEGER NOT NULL,
  received INTEGER NOT NULL,
  zone INTEGER NOT NULL,
  sent INTEGER NOT NULL,
  sent_zone INTEGER NOT NULL,
  sort_from TEXT NOT NULL,
  sort_to TEXT NOT NULL,
  sort_cc TEXT NOT NULL,
  subject TEXT NOT NULL,
  base INTEGER NOT NULL,
  thread BLOB NOT NULL
);
CREATE INDEX message_changed ON message (mailbox, modseq);
CREATE INDEX message_unseen ON message (mailbox) WHERE flags & 1 = 0;
CREATE TABLE expunged (
  mailbox INTEGER NOT NULL,
  modseq INTEGER NOT NULL,
  uid INTEGER NOT NULL,
  PRIMARY KEY (mailbox, modseq, uid)
) WITHOUT ROWID;
CREATE TABLE content (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  links INTEGER NOT NULL,
  size INTEGER NOT NULL,
  header_size INTEGER NOT NULL,
  envelope TEXT NOT NULL,
  structure TEXT NOT NULL,
  layout BLOB NOT NULL,
  from_text TEXT NOT NULL,
  to_text TEXT NOT NULL,
  cc_text TEXT NOT NULL,
  bcc_text TEXT NOT NULL,
  signature BLOB NOT NULL
);
CREATE TABLE chunk (id INTEGER PRIMARY KEY, bytes BLOB NOT NULL);
)sql"};
  return kSteps;
}

}  // namespace lab::mail
