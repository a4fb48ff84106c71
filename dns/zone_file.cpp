#include "dns/zone_file.hpp"

#include <ldns/ldns.h>

#include <charconv>
#include <cstring>

#include "dns/rdata.hpp"
#include "dns/record_text.hpp"

namespace lab::dns {

// One file being read. $INCLUDE starts another with its own origin; owner and origin come back as they were
// behind it.
struct ZoneFileReader::Context {
  std::size_t file = 0;
  std::string_view text;
  std::size_t at = 0;
  unsigned line = 1, entry_line = 1, depth = 0;
  bool owner_left_out = false;
  Name origin;
  std::uint8_t owner[kMaxName + 1] = {};
  std::size_t owner_size = 0;
  std::optional<std::uint32_t> default_ttl;  // $TTL
  std::optional<std::uint32_t> last_ttl;     // of the record before, or the SOA's MINIMUM (RFC 1035 5.1)
};

ZoneFileReader::ZoneFileReader(ZoneBuilder& builder, Includer includer, ZoneFileLimits limits)
    : builder_(builder), includer_(std::move(includer)), limits_(limits) {}

void ZoneFileReader::read(const std::string& file, std::string_view text) {
  Context context;
  context.file = files_.size();
  context.text = text;
  context.origin = builder_.apex();
  files_.push_back(file);
  read(context);
}

std::string ZoneFileReader::where(ZoneBuilder::Place place) const {
  const auto file = static_cast<std::size_t>(place >> 32);
  return place == 0 || file >= files_.size() ? files_.empty() ? "" : files_[0]
                                             : fmt::format("{}:{}", files_[file], place & 0xffffffffU);
}

void ZoneFileReader::problem(const Context& context, std::string what, std::string remedy) {
  if (problems_.size() < limits_.problems)
    problems_.push_back(
        {std::move(what), fmt::format("{}:{}", files_[context.file], context.entry_line), std::move(remedy)});
}

void ZoneFileReader::read(Context& context) {
  while (problems_.size() < limits_.problems && next_entry(context)) {
    if (words_.empty()) continue;
    if (!context.owner_left_out && words_[0][0] == '$') {
      directive(context);
    } else {
      record(context);
    }
  }
}

// Cuts the next entry into words (RFC 1035 5.1). Quoted words keep their quotes: only their reader knows what
// they mean.
bool ZoneFileReader::next_entry(Context& c) {
  words_.clear();
  const char* const text = c.text.data();
  const std::size_t size = c.text.size();
  if (c.at >= size) return false;
  c.entry_line = c.line;
  c.owner_left_out = text[c.at] == ' ' || text[c.at] == '\t';
  unsigned parentheses = 0;
  while (c.at < size) {
    const char ch = text[c.at];
    if (ch == ' ' || ch == '\t' || ch == '\r') {
      ++c.at;
    } else if (ch == '\n') {
      ++c.at;
      ++c.line;
      if (parentheses == 0) return true;
    } else if (ch == ';') {
      while (c.at < size && text[c.at] != '\n') ++c.at;
    } else if (ch == '(') {
      ++parentheses, ++c.at;
    } else if (ch == ')') {
      if (parentheses == 0) {
        problem(c, "a ')' closes nothing");
      } else {
        --parentheses;
      }
      ++c.at;
    } else {
      const std::size_t begin = c.at;
      if (ch == '"') {
        for (++c.at; c.at < size && text[c.at] != '"' && text[c.at] != '\n'; ++c.at)
          if (text[c.at] == '\\' && c.at + 1 < size && text[c.at + 1] != '\n') ++c.at;
        if (c.at >= size || text[c.at] == '\n') {
          problem(c, "a quoted text is not closed on its line");
        } else {
          ++c.at;
        }
      } else {
        for (; c.at < size; ++c.at) {
          const char w = text[c.at];
          if (w == '\\' && c.at + 1 < size && text[c.at + 1] != '\n') {
            ++c.at;
            continue;
          }
          if (w == ' ' || w == '\t' || w == '\n' || w == '\r' || w == ';' || w == '(' || w == ')') break;
          if (w == '"') {  // key="value" of SVCB: the quotes belong to the word
            for (++c.at; c.at < size && text[c.at] != '"' && text[c.at] != '\n'; ++c.at)
              if (text[c.at] == '\\' && c.at + 1 < size && text[c.at + 1] != '\n') ++c.at;
            if (c.at >= size || text[c.at] == '\n') break;
          }
        }
      }
      if (words_.size() >= limits_.line_tokens) {
        problem(c, "the entry is too long");
        c.at = size;
        return false;
      }
      words_.emplace_back(text + begin, c.at - begin);
    }
  }
  if (parentheses > 0) {
    problem(c, "a '(' is not closed before the end of the file");
    words_.clear();
  }
  return true;
}

void ZoneFileReader::directive(Context& c) {
  std::string word(words_[0]);
  for (char& ch : word) ch = static_cast<char>(ch >= 'a' && ch <= 'z' ? ch - 32 : ch);
  if (word == "$ORIGIN") {
    if (words_.size() != 2) return problem(c, "$ORIGIN takes one name");
    auto name = Name::parse(words_[1], c.origin);
    if (!name) return problem(c, name.error().what);
    c.origin = *name;
  } else if (word == "$TTL") {
    const auto ttl = words_.size() == 2 ? parse_ttl(words_[1]) : std::nullopt;
    if (!ttl) return problem(c, "$TTL takes one time", "such as 3600 or 1h");
    c.default_ttl = *ttl;
  } else if (word == "$INCLUDE") {
    include(c);
  } else {
    problem(c, fmt::format("unknown directive '{}'", words_[0]), "known are $ORIGIN, $TTL and $INCLUDE");
  }
}

void ZoneFileReader::include(Context& c) {
  if (words_.size() != 2 && words_.size() != 3)
    return problem(c, "$INCLUDE takes a file and, if wanted, an origin");
  std::string path(words_[1]);
  if (path.size() >= 2 && path.front() == '"' && path.back() == '"') path = path.substr(1, path.size() - 2);
  if (c.depth >= limits_.include_depth)
    return problem(c, "$INCLUDEs are nested too deeply", "does a file include itself?");
  if (!includer_) return problem(c, "$INCLUDE is not possible here");
  Context inner = c;
  if (words_.size() == 3) {
    auto name = Name::parse(words_[2], c.origin);
    if (!name) return problem(c, name.error().what);
    inner.origin = *name;
  }
  const auto file = includer_(path);
  if (!file) return problem(c, file.error().text());
  inner.file = files_.size();
  files_.push_back(file->where);
  inner.text = file->text;
  inner.at = 0;
  inner.line = 1;
  ++inner.depth;
  read(inner);
  c.last_ttl = inner.last_ttl;
}

void ZoneFileReader::record(Context& c) {
  std::size_t next = 0;
  const char* why = nullptr;
  if (!c.owner_left_out) {
    c.owner_size = parse_name(words_[0], c.origin, c.owner, &why);
    if (c.owner_size == 0) return problem(c, fmt::format("'{}' is not a domain name: {}", words_[0], why));
    ++next;
  } else if (c.owner_size == 0) {
    return problem(c, "the first record has no name");
  }

  std::optional<std::uint32_t> ttl;
  bool has_class = false;
  Type type = 0;
  for (; next < words_.size() && type == 0; ++next) {
    const std::string_view word = words_[next];
    if (!ttl && word[0] >= '0' && word[0] <= '9') {
      ttl = parse_ttl(word);
      if (!ttl) return problem(c, fmt::format("'{}' is neither a TTL nor a record type", word));
    } else if (const auto number = class_number(word); number != 0 && !has_class) {
      if (number != rrclass::IN) return problem(c, fmt::format("class {} is not served, only IN", word));
      has_class = true;
    } else {
      type = type_number(word);
      if (type == 0) return problem(c, fmt::format("'{}' is not a record type", word), near_type(word));
      if (is_meta_type(type))
        return problem(c, fmt::format("{} is a type of questions; a zone holds none", word));
    }
  }
  if (type == 0) return problem(c, "the record has no type");
  if (!rdata(c, type, std::span(words_).subspan(next))) return;

  if (!ttl) ttl = c.default_ttl;
  if (type == type::SOA) {
    // RFC 1035 5.1, 3.3.13: before there was $TTL, the SOA's MINIMUM was the TTL of records that have none.
    const std::uint32_t minimum = get32(as_bytes(rdata_).data() + rdata_.size() - 4);
    if (!ttl) ttl = minimum;
    if (!c.last_ttl) c.last_ttl = minimum;
  } else if (!ttl) {
    ttl = c.last_ttl;
    if (!ttl) return problem(c, "the record has no TTL", "put $TTL 3600 at the top of the file");
  } else {
    c.last_ttl = ttl;
  }
  const auto place = static_cast<ZoneBuilder::Place>(c.file) << 32 | c.entry_line;
  if (!builder_.add({c.owner, c.owner_size}, type, *ttl, as_bytes(rdata_), place)) {
    const std::string name = Name::trusted(c.owner, c.owner_size).text();
    if (rdata_.size() > ZoneBuilder::kMaxRdata)
      return problem(c, fmt::format("the data of {} is too long for a message", name));
    problem(c, fmt::format("{} is not in the zone {}", name, builder_.apex().text()),
            fmt::format("a name without a final dot is taken as below {}", c.origin.text()));
  }
}

// The types that big zones are made of are read here, in a tenth of the time ldns takes; every other one by
// ldns.
bool ZoneFileReader::rdata(Context& c, Type type, std::span<const std::string_view> words) {
  auto name = [&](std::string_view word) {
    std::uint8_t wire[kMaxName + 1];
    const char* why = nullptr;
    const std::size_t size = parse_name(word, c.origin, wire, &why);
    if (size == 0) {
      problem(c, fmt::format("'{}' is not a domain name: {}", word, why));
      return false;
    }
    rdata_.append(reinterpret_cast<const char*>(wire), size);
    return true;
  };
  auto count = [&](std::size_t n, const char* needs) {
    if (words.size() == n) return true;
    problem(c, fmt::format("{} takes {}", type_text(type), needs));
    return false;
  };
  if (!words.empty() && words[0] == "\\#") return rdata_by_ldns(c, type, words);  // RFC 3597 5
  rdata_.clear();
  switch (type) {
    case type::A: {
      if (!count(1, "one IPv4 address")) return false;
      std::uint8_t bytes[4];
      if (!parse_ipv4(words[0], bytes)) {
        problem(c, fmt::format("'{}' is not an IPv4 address", words[0]));
        return false;
      }
      rdata_.assign(as_text(bytes));
      return true;
    }
    case type::NS:
    case type::CNAME:
    case type::PTR:
    case type::DNAME: return count(1, "one name") && name(words[0]);
    case type::MX: {
      if (!count(2, "a preference and a name")) return false;
      std::uint16_t preference = 0;
      const auto end = words[0].data() + words[0].size();
      if (const auto r = std::from_chars(words[0].data(), end, preference);
          r.ec != std::errc{} || r.ptr != end) {
        problem(c, fmt::format("'{}' is not a preference", words[0]), "a number from 0 to 65535");
        return false;
      }
      std::uint8_t bytes[2];
      put16(bytes, preference);
      rdata_.assign(as_text(bytes));
      return name(words[1]);
    }
    default: return rdata_by_ldns(c, type, words);
  }
}

bool ZoneFileReader::rdata_by_ldns(Context& c, Type type, std::span<const std::string_view> words) {
  std::string text;
  for (const std::string_view word : words) (text += ' ') += word;
  auto data = rdata_from_text(type, text, c.origin);
  if (!data) {
    problem(c, fmt::format("the data of {} is not right: {}", type_text(type), data.error().what),
            data.error().remedy);
    return false;
  }
  rdata_ = std::move(*data);
  return true;
}

}  // namespace lab::dns
