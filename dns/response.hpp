/// response -- writes an answer into a buffer of fixed size: sections in order, names compressed (RFC
/// 1035 4.1.4), an RRset wholly or not at all (RFC 2181 9). Never allocates.
#pragma once
#include <cstdint>
#include <span>

#include "dns/node.hpp"
#include "dns/request.hpp"

namespace lab::dns {

enum class Section : std::uint8_t { Answer, Authority, Additional };

/// A record's owner: its wire form, and where it already stands in the message (0: nowhere).
struct Owner {
  std::span<const std::uint8_t> name;
  std::uint16_t at = 0;
};

class Response {
 public:
  /// Starts an answer to `request`: header and question. `limit`: the most bytes it may have; at most
  /// `buffer.size()`. `reserve`: bytes kept free for `finish`.
  Response(const Request& request, std::span<std::uint8_t> buffer, std::size_t limit, std::size_t reserve);

  /// Where the question's name stands.
  static constexpr std::uint16_t kQuestionAt = kHeaderSize;

  /// Adds an RRset; false, and nothing added, when it does not fit. Sections only go forward. `owner.at` is
  /// filled in when the name had to be written. `target_at`: where the last name in the data can be pointed
  /// to.
  bool add(Section, Owner& owner, const RRsetView& set, std::uint32_t ttl,
           std::uint16_t* target_at = nullptr);
  bool add(Section section, Owner& owner, const RRsetView& set) { return add(section, owner, set, set.ttl); }
  /// Adds records [first, first + n) of a set that may be longer than a message: what a transfer does.
  /// Returns how many fitted.
  std::uint16_t add_some(Section, Owner& owner, const RRsetView& set, RRsetView::Iterator& next,
                         std::uint16_t left);

  void set_rcode(Rcode code) { rcode_ = code; }
  Rcode rcode() const { return rcode_; }
  void set_authoritative(bool yes) { set_flag(2, 0x04, yes); }
  void set_truncated() { set_flag(2, 0x02, true); }
  void set_authentic() { set_flag(3, 0x20, true); }
  void set_recursion_available() { set_flag(3, 0x80, true); }
  bool truncated() const { return (bytes_[2] & 0x02U) != 0; }
  std::uint16_t count(Section s) const { return counts_[static_cast<std::size_t>(s)]; }
  /// Drops all records, keeps the question.
  void clear_records();

  /// Writes the OPT record if `edns` (RFC 6891 6.1.1: only to those who sent one) with the given options, and
  /// the counts. Returns the size of the message.
  std::size_t finish(const Edns& edns, std::uint16_t our_udp_size, const ReplyOptions& options = {});

  static constexpr std::size_t kOptSize = 11;

 private:
  struct Known {  // a name in the message, for later ones to point to
    const std::uint8_t* name;
    std::uint16_t at;
    std::uint8_t size;
    std::uint8_t written;  // bytes of it that stand at `at`; the rest is a pointer
  };
  static constexpr unsigned kKnownNames = 24;  // more names than this in one answer are written as they are

  void set_flag(std::size_t byte, std::uint8_t mask, bool yes) {
    bytes_[byte] = static_cast<std::uint8_t>(yes ? bytes_[byte] | mask : bytes_[byte] & ~mask);
  }
  bool put_name(std::span<const std::uint8_t> name, std::uint16_t& at);
  bool put(const std::uint8_t* from, std::size_t n);
  std::size_t pad(std::uint16_t block);
  bool put_record(Owner& owner, const RRsetView& set, std::uint32_t ttl, std::span<const std::uint8_t> rdata,
                  std::uint16_t& target_at);
  bool put_rdata(Type type, std::span<const std::uint8_t> rdata, std::uint16_t& target_at);

  std::uint8_t* bytes_;
  std::size_t limit_, at_, question_end_;
  std::size_t hard_limit_;
  Rcode rcode_ = Rcode::NoError;
  std::uint16_t counts_[3] = {0, 0, 0};
  unsigned known_count_ = 0;
  Known known_[kKnownNames];
};

}  // namespace lab::dns
