/// schema -- the tables of the mail store, by version.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace lab::mail {

/// For lab::store::migrate.
const std::vector<std::string>& schema_steps();

// A message's row is found by mailbox and UID together, so a mailbox lies in one piece, in the order of its
// UIDs.
constexpr std::int64_t message_id(std::int64_t mailbox, std::uint32_t uid) { return mailbox << 32 | uid; }
constexpr std::uint32_t uid_of(std::int64_t message) {
  return static_cast<std::uint32_t>(message & 0xffffffff);
}

/// Pieces of a text, in order: 0 is the header, whatever its size; the body follows in pieces of kChunk
/// bytes.
constexpr std::int64_t chunk_id(std::int64_t content, std::int64_t number) { return content << 16 | number; }
constexpr std::size_t kChunk = 65536;  ///< read whole for a partial FETCH; 65,535 of them are 4 GiB

/// The bits of a message's flags. The bits after these stand for the mailbox's keywords, in the order it met
/// them.
enum Flag : std::int64_t { kSeen = 1, kAnswered = 2, kFlagged = 4, kDeleted = 8, kDraft = 16 };
constexpr int kFirstKeyword = 5;
constexpr std::size_t kMostKeywords =
    57;  ///< what is left of 62 bits; Dovecot's practical limit is 26 in maildir

}  // namespace lab::mail
