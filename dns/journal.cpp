#include "dns/journal.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

#include "common/log.hpp"
#include "dns/rdata.hpp"

namespace lab::dns {
namespace {

constexpr std::string_view kMagic = "labdnsj1";
constexpr std::size_t kFixed = 8 + 4 + 4 + 4 + 4;
constexpr std::size_t kMaxEntry = std::size_t{256} << 20;  // a sane bound for a length read from disk

constexpr std::array<std::uint32_t, 256> kCrcTable = [] {  // CRC-32 of IEEE 802.3
  std::array<std::uint32_t, 256> t{};
  for (std::uint32_t i = 0; i < 256; ++i) {
    std::uint32_t c = i;
    for (int k = 0; k < 8; ++k) c = (c & 1U) != 0 ? 0xedb88320U ^ c >> 1 : c >> 1;
    t[i] = c;
  }
  return t;
}();

std::uint32_t crc32(std::span<const std::uint8_t> bytes) {
  std::uint32_t c = 0xffffffffU;
  for (const std::uint8_t b : bytes) c = kCrcTable[(c ^ b) & 255U] ^ c >> 8;
  return ~c;
}

void append16(std::string& s, std::uint16_t v) {
  std::uint8_t b[2];
  put16(b, v);
  s.append(as_text(b));
}
void append32(std::string& s, std::uint32_t v) {
  std::uint8_t b[4];
  put32(b, v);
  s.append(as_text(b));
}

Result<void> write_all(int fd, std::string_view bytes, const std::string& path) {
  while (!bytes.empty()) {
    const ssize_t n = ::write(fd, bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return fail(fmt::format("cannot write: {}", std::strerror(errno)), path, "is the disk full?");
    bytes.remove_prefix(static_cast<std::size_t>(n));
  }
  return {};
}

Result<void> sync_folder(const std::string& folder) {
  const int fd = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  const bool good = fd >= 0 && ::fsync(fd) == 0;
  const int error = errno;
  if (fd >= 0) ::close(fd);
  if (!good) return fail(fmt::format("cannot make it durable: {}", std::strerror(error)), folder);
  return {};
}

}  // namespace

std::string encode_entry(const JournalEntry& e) {
  std::string body;
  append32(body, static_cast<std::uint32_t>(e.base >> 32));
  append32(body, static_cast<std::uint32_t>(e.base));
  append32(body, e.from);
  append32(body, e.to);
  append32(body, static_cast<std::uint32_t>(e.diff.removed.size()));
  append32(body, static_cast<std::uint32_t>(e.diff.added.size()));
  for (const auto* records : {&e.diff.removed, &e.diff.added})
    for (const ZoneRecord& r : *records) {
      body.append(r.owner.wire());
      append16(body, r.type);
      append32(body, r.ttl);
      append16(body, static_cast<std::uint16_t>(r.rdata.size()));
      body.append(r.rdata);
    }
  std::string out;
  append32(out, static_cast<std::uint32_t>(body.size()));
  append32(out, crc32(as_bytes(body)));
  return out + body;
}

std::optional<JournalEntry> decode_entry(std::span<const std::uint8_t> bytes, std::size_t& at) {
  if (bytes.size() < at || bytes.size() - at < 8) return std::nullopt;
  const std::size_t size = get32(&bytes[at]);
  const std::uint32_t crc = get32(&bytes[at + 4]);
  if (size < kFixed || size > kMaxEntry || bytes.size() - at - 8 < size) return std::nullopt;
  const auto body = bytes.subspan(at + 8, size);
  if (crc32(body) != crc) return std::nullopt;
  JournalEntry e;
  e.base = std::uint64_t{get32(&body[0])} << 32 | get32(&body[4]);
  e.from = get32(&body[8]);
  e.to = get32(&body[12]);
  std::size_t removed = get32(&body[16]), added = get32(&body[20]), p = kFixed;
  for (; removed + added > 0; removed > 0 ? --removed : --added) {
    ZoneRecord r;
    const auto owner = Name::from_wire(body.subspan(p));
    if (!owner || body.size() - p - owner->size() < 8) return std::nullopt;
    p += owner->size();
    r.owner = *owner;
    r.type = get16(&body[p]);
    r.ttl = get32(&body[p + 2]);
    const std::size_t length = get16(&body[p + 6]);
    p += 8;
    if (body.size() - p < length || !is_valid_rdata(r.type, body.subspan(p, length))) return std::nullopt;
    r.rdata = as_text(body.subspan(p, length));
    p += length;
    (removed > 0 ? e.diff.removed : e.diff.added).push_back(std::move(r));
  }
  if (p != body.size()) return std::nullopt;
  at += 8 + size;
  return e;
}

std::uint64_t fingerprint(const Zone& zone) {
  std::uint64_t sum = 0;
  zone.for_each([&](const Node& node) {
    for (std::size_t i = 0; i < node.rrset_count(); ++i) {
      const RRsetView set = node.rrset(i);
      for (const auto rdata : set) {
        std::uint64_t h = node.hash() ^ (std::uint64_t{set.type} << 32 | set.ttl);
        for (const std::uint8_t b : rdata) h = (h ^ b) * 0x100000001b3;
        sum += h ^ h >> 29;
      }
    }
  });
  return sum;
}

Result<std::unique_ptr<Journal>> Journal::open(const std::string& folder, const Name& apex) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (error)
    return fail(fmt::format("cannot make the folder: {}", error.message()), folder,
                "updates need a folder they can write");
  std::unique_ptr<Journal> journal(new Journal(folder + "/" + file_stem(apex) + ".journal", folder));
  journal->fd_ = ::open(journal->path_.c_str(), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  if (journal->fd_ < 0)
    return fail(fmt::format("cannot open it: {}", std::strerror(errno)), journal->path_,
                "updates need a folder they can write");
  std::string bytes;
  char buffer[65536];
  for (ssize_t n; (n = ::read(journal->fd_, buffer, sizeof buffer)) != 0;) {
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return fail(fmt::format("cannot read it: {}", std::strerror(errno)), journal->path_);
    bytes.append(buffer, static_cast<std::size_t>(n));
  }
  if (bytes.size() < kMagic.size()) {
    // New, or cut short while it was made: nothing was ever answered from it.
    if (::ftruncate(journal->fd_, 0) != 0)
      return fail(fmt::format("cannot shorten it: {}", std::strerror(errno)), journal->path_);
    if (auto written = write_all(journal->fd_, kMagic, journal->path_); !written)
      return std::unexpected(written.error());
    if (auto synced = journal->sync(); !synced) return std::unexpected(synced.error());
    if (auto synced = sync_folder(folder); !synced) return std::unexpected(synced.error());
    journal->size_ = kMagic.size();
    return journal;
  }
  if (!bytes.starts_with(kMagic))
    return fail("is not a journal of this server", journal->path_, "move it away to start without it");
  std::size_t at = kMagic.size();
  while (auto entry = decode_entry(as_bytes(bytes), at)) journal->entries_.push_back(std::move(*entry));
  if (at < bytes.size()) {
    log::warning(
        "{}: the last {} bytes were not written completely before the power went; dropped, they were never "
        "answered",
        journal->path_, bytes.size() - at);
    if (::ftruncate(journal->fd_, static_cast<off_t>(at)) != 0)
      return fail(fmt::format("cannot shorten it: {}", std::strerror(errno)), journal->path_);
  }
  journal->size_ = at;
  return journal;
}

Journal::~Journal() {
  if (fd_ >= 0) ::close(fd_);
}

Result<void> Journal::append(JournalEntry entry) {
  const std::string bytes = encode_entry(entry);
  if (auto written = write_all(fd_, bytes, path_); !written) {
    // Half an entry in the middle would hide all that follows.
    if (::ftruncate(fd_, static_cast<off_t>(size_)) != 0)
      log::error("{}: cannot take a half-written entry back: {}", path_, std::strerror(errno));
    return written;
  }
  size_ += bytes.size();
  entries_.push_back(std::move(entry));
  return {};
}

Result<void> Journal::sync() {
  if (::fdatasync(fd_) != 0)
    return fail(fmt::format("cannot make it durable: {}", std::strerror(errno)), path_);
  return {};
}

std::string file_stem(const Name& apex) {
  if (apex.is_root()) return "@";
  std::string out;
  std::string text = apex.lower().text();
  text.pop_back();
  for (const char c : text)
    out += c == '/' || c == '%' ? fmt::format("%{:02x}", static_cast<unsigned char>(c)) : std::string(1, c);
  return out;
}

Result<void> replace_file(const std::string& path, std::string_view bytes) {
  const std::string temporary = path + ".new";
  const int fd = ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (fd < 0) return fail(fmt::format("cannot make it: {}", std::strerror(errno)), temporary);
  auto done = write_all(fd, bytes, temporary);
  if (done && ::fdatasync(fd) != 0)
    done = fail(fmt::format("cannot make it durable: {}", std::strerror(errno)), temporary);
  ::close(fd);
  if (done && ::rename(temporary.c_str(), path.c_str()) != 0)
    done = fail(fmt::format("cannot rename it: {}", std::strerror(errno)), temporary);
  if (!done) {
    ::unlink(temporary.c_str());
    return done;
  }
  return sync_folder(std::filesystem::path(path).parent_path().string());
}

Result<void> Journal::rewrite(std::vector<JournalEntry> entries) {
  std::string bytes(kMagic);
  for (const JournalEntry& e : entries) bytes += encode_entry(e);
  if (auto replaced = replace_file(path_, bytes); !replaced) return replaced;
  const int fd = ::open(path_.c_str(), O_RDWR | O_APPEND | O_CLOEXEC);
  if (fd < 0) return fail(fmt::format("cannot open it: {}", std::strerror(errno)), path_);
  ::close(std::exchange(fd_, fd));
  size_ = bytes.size();
  entries_ = std::move(entries);
  return {};
}

}  // namespace lab::dns
