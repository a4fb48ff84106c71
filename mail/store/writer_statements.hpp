/// writer_statements -- the SQL of Writer, prepared once. Included by its two sources only.
#pragma once
#include "mail/store/query.hpp"
#include "mail/store/writer.hpp"

namespace lab::mail {

struct Writer::Statements {
  explicit Statements(SQLite::Database& d) : database(d) {}
  SQLite::Database& database;

  Query user_by_name{database, "SELECT id FROM user WHERE name = ?1"};
  Query add_user{database, "INSERT INTO user (name) VALUES (?1) RETURNING id"};
  Query set_quota{database, "UPDATE user SET quota = ?2 WHERE id = ?1"};
  Query usage{database, "SELECT quota, used FROM user WHERE id = ?1"};
  Query add_usage{database, "UPDATE user SET used = used + ?2, messages = messages + ?3 WHERE id = ?1"};
  Query claim_welcome{database, "UPDATE user SET welcomed = 1 WHERE id = ?1 AND welcomed = 0 RETURNING id"};
  Query next_validity{
      database, "UPDATE user SET uidvalidity = max(uidvalidity + 1, ?2) WHERE id = ?1 RETURNING uidvalidity"};

  Query mailbox_by_name{
      database, "SELECT m.id FROM mailbox m JOIN user u ON u.id = m.user WHERE u.name = ?1 AND m.name = ?2"};
  Query mailbox_of_user{database, "SELECT id FROM mailbox WHERE user = ?1 AND name = ?2"};
  Query add_mailbox{
      database,
      "INSERT INTO mailbox (user, name, special, uidvalidity) VALUES (?1, ?2, ?3, ?4) RETURNING id"};
  Query remove_mailbox{database, "DELETE FROM mailbox WHERE id = ?1"};
  Query rename_mailbox{database, "UPDATE mailbox SET name = ?2, uidvalidity = ?3 WHERE id = ?1"};
  // Names below `name/`: '0' is the character after '/'.
  Query below{
      database,
      "SELECT id, name FROM mailbox WHERE user = ?1 AND name > ?2 || '/' AND name < ?2 || '0' ORDER BY name"};
  Query subscribe{database, "INSERT OR IGNORE INTO subscription (user, name) VALUES (?1, ?2)"};
  Query unsubscribe{database, "DELETE FROM subscription WHERE user = ?1 AND name = ?2"};
  Query mailbox_row{
      database,
      "SELECT user, modseq, uidnext, messages, deleted, keywords, uidvalidity FROM mailbox WHERE id = ?1"};
  Query set_keywords{database, "UPDATE mailbox SET keywords = ?2 WHERE id = ?1"};
  Query set_recent{database, "UPDATE mailbox SET recent = ?2 WHERE id = ?1 AND recent < ?2"};

  Query add_content{database,
                    "INSERT INTO content (links, size, header_size, envelope, structure, layout, from_text, "
                    "to_text, cc_text, "
                    "bcc_text, signature) VALUES (0, ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10) RETURNING id"};
  Query add_chunk{database, "INSERT INTO chunk (id, bytes) VALUES (?1, ?2)"};
  Query link_content{database, "UPDATE content SET links = links + 1 WHERE id = ?1"};
  Query unlink_content{database, "UPDATE content SET links = links - 1 WHERE id = ?1 RETURNING links"};
  Query remove_content{database, "DELETE FROM content WHERE id = ?1"};
  Query remove_chunks{database, "DELETE FROM chunk WHERE id BETWEEN ?1 AND ?2"};

  Query next_uid{
      database,
      "UPDATE mailbox SET uidnext = uidnext + 1, modseq = modseq + 1, messages = messages + 1, bytes = bytes "
      "+ ?2, "
      "unseen = unseen + ?3, deleted = deleted + ?4 WHERE id = ?1 RETURNING uidnext - 1, modseq, user"};
  Query add_message{database,
                    "INSERT INTO message (id, mailbox, modseq, flags, content, size, received, zone, sent, "
                    "sent_zone, sort_from, "
                    "sort_to, sort_cc, subject, base, thread) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, "
                    "?10, ?11, ?12, ?13, "
                    "?14, ?15, ?16)"};
  Query copy_message{
      database,
      "INSERT INTO message SELECT ?2, ?3, ?4, ?5, content, size, received, zone, sent, sent_zone, sort_from, "
      "sort_to, sort_cc, subject, base, thread FROM message WHERE id = ?1"};
  Query messages{database, "SELECT id, flags, modseq, content, size FROM message WHERE id BETWEEN ?1 AND ?2"};
  Query set_flags{database, "UPDATE message SET flags = ?2, modseq = ?3 WHERE id = ?1"};
  Query remove_message{database, "DELETE FROM message WHERE id = ?1"};
  Query add_expunged{database, "INSERT INTO expunged (mailbox, modseq, uid) VALUES (?1, ?2, ?3)"};
  Query remove_expunged{database, "DELETE FROM expunged WHERE mailbox = ?1"};
  Query oldest_kept{database,
                    "SELECT modseq FROM expunged WHERE mailbox = ?1 ORDER BY modseq DESC LIMIT 1 OFFSET ?2"};
  Query forget_expunged{database, "DELETE FROM expunged WHERE mailbox = ?1 AND modseq <= ?2"};
  Query set_forgotten{database, "UPDATE mailbox SET forgotten = ?2 WHERE id = ?1"};
  Query advance_uidnext{database, "UPDATE mailbox SET uidnext = ?2 WHERE id = ?1"};
  Query change_counts{database,
                      "UPDATE mailbox SET modseq = ?2, messages = messages + ?3, unseen = unseen + ?4, "
                      "deleted = deleted + ?5, "
                      "bytes = bytes + ?6 WHERE id = ?1"};
};

struct Writer::Row {
  std::int64_t user = 0, modseq = 0;
  std::uint32_t uidnext = 1, messages = 0, deleted = 0, uidvalidity = 0;
  std::string keywords;
  bool found = false;
};

}  // namespace lab::mail
