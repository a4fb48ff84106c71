#include "labctl/topology/records.hpp"

#include <fmt/format.h>
#include <ldns/ldns.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <sstream>

#include "common/freer.hpp"

namespace lab::topology {

namespace {

using Rr = std::unique_ptr<ldns_rr, Freer<ldns_rr_free>>;
using Rdf = std::unique_ptr<ldns_rdf, Freer<ldns_rdf_deep_free>>;

Rdf domain_rdf(std::string_view domain) {
  return Rdf(ldns_dname_new_frm_str(domain == "." ? "." : (std::string(domain) + ".").c_str()));
}

std::string reason(ldns_status status) {
  const char* text = ldns_get_errorstr_by_id(status);
  std::string out = text ? text : "it cannot be read";
  // ldns speaks of "the RR's type"; a student knows records.
  if (const auto at = out.find("the RR's"); at != std::string::npos) out.replace(at, 8, "the record's");
  return out;
}

/// What is wrong with a line ldns could not read, looked for word by word: name [ttl] [class] type data.
std::string reason(std::string_view line, ldns_status status) {
  std::istringstream words{std::string(line)};
  std::string word, data;
  words >> word;  // the owner
  while (words >> word)
    if (word != "IN" && word != "in" &&
        !std::ranges::all_of(word, [](char c) { return c >= '0' && c <= '9'; }))
      break;
  std::getline(words >> std::ws, data);
  if (!words && data.empty() && !is_record_type(word)) return "it has no type and no data";
  if (!is_record_type(word)) return fmt::format("unknown record type '{}'", word);
  if (data.empty()) return fmt::format("the {} record has no data", word);
  if (status == LDNS_STATUS_SYNTAX_RDATA_ERR || status == LDNS_STATUS_INVALID_STR ||
      status == LDNS_STATUS_INVALID_IP4)
    return fmt::format("'{}' is no data for a record of type {}", data, word);
  return reason(status);
}

/// A record of ours, or why it does not belong into the zone.
std::expected<Record, RecordError> take(const ldns_rr* rr, const ldns_rdf* zone, int line) {
  const std::unique_ptr<char, Freer<std::free>> text(ldns_rr2str(rr));
  if (!text) return std::unexpected(RecordError{"it cannot be read", line});
  // owner \t ttl \t class \t type \t data \n
  std::string fields[5];
  std::string_view rest = text.get();
  if (rest.ends_with('\n')) rest.remove_suffix(1);
  for (std::size_t i = 0; i < 5; ++i) {
    const auto tab = i == 4 ? std::string_view::npos : rest.find('\t');
    fields[i] = rest.substr(0, tab);
    rest = tab == std::string_view::npos ? std::string_view() : rest.substr(tab + 1);
  }
  std::ranges::transform(fields[0], fields[0].begin(),
                         [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  if (ldns_rr_get_class(rr) != LDNS_RR_CLASS_IN)
    return std::unexpected(RecordError{"only records of class IN are served", line});
  if (ldns_dname_compare(ldns_rr_owner(rr), zone) != 0 && !ldns_dname_is_subdomain(ldns_rr_owner(rr), zone))
    return std::unexpected(RecordError{fmt::format("{} is not below the domain", fields[0]), line});
  if (ldns_rr_rd_count(rr) == 0) return std::unexpected(RecordError{"the record has no data", line});
  return Record{fields[0], ldns_rr_ttl(rr), fields[3], fields[4], line};
}

}  // namespace

std::expected<Record, RecordError> parse_record(std::string_view text, std::string_view domain,
                                                std::uint32_t default_ttl) {
  if (text.find_first_of("\r\n") != std::string_view::npos)
    return std::unexpected(RecordError{"a record is one line", 0});
  const auto zone = domain_rdf(domain);
  if (!zone) return std::unexpected(RecordError{fmt::format("'{}' is not a domain name", domain), 0});
  ldns_rr* raw = nullptr;
  const auto status = ldns_rr_new_frm_str(&raw, std::string(text).c_str(), default_ttl, zone.get(), nullptr);
  const Rr rr(raw);
  if (status != LDNS_STATUS_OK || !rr) return std::unexpected(RecordError{reason(text, status), 0});
  return take(rr.get(), zone.get(), 0);
}

std::expected<std::vector<Record>, RecordError> parse_zonefile(const std::string& text,
                                                               std::string_view domain,
                                                               std::uint32_t default_ttl) {
  std::vector<Record> records;
  if (text.empty()) return records;
  const auto zone = domain_rdf(domain);
  if (!zone) return std::unexpected(RecordError{fmt::format("'{}' is not a domain name", domain), 0});
  const std::unique_ptr<std::FILE, Freer<std::fclose>> file(
      fmemopen(const_cast<char*>(text.data()), text.size(), "r"));
  if (!file) return std::unexpected(RecordError{"it cannot be read", 0});

  // ldns replaces both as $ORIGIN and owners come by, and frees what it replaces.
  ldns_rdf* origin = ldns_rdf_clone(zone.get());
  ldns_rdf* previous = nullptr;
  std::uint32_t ttl = default_ttl;
  int line = 0;
  std::expected<std::vector<Record>, RecordError> result = std::move(records);
  while (result && !std::feof(file.get())) {
    ldns_rr* raw = nullptr;
    const auto status = ldns_rr_new_frm_fp_l(&raw, file.get(), &ttl, &origin, &previous, &line);
    const Rr rr(raw);
    if (status == LDNS_STATUS_SYNTAX_EMPTY || status == LDNS_STATUS_SYNTAX_TTL ||
        status == LDNS_STATUS_SYNTAX_ORIGIN)
      continue;
    if (status == LDNS_STATUS_SYNTAX_INCLUDE || status == LDNS_STATUS_SYNTAX_INCLUDE_ERR_NOTIMPL) {
      result = std::unexpected(RecordError{"$INCLUDE stands at the beginning of a line", line});
    } else if (status != LDNS_STATUS_OK || !rr) {
      result = std::unexpected(RecordError{reason(status), line});
    } else if (auto record = take(rr.get(), zone.get(), line)) {
      result->push_back(std::move(*record));
    } else {
      result = std::unexpected(record.error());
    }
  }
  ldns_rdf_deep_free(origin);
  ldns_rdf_deep_free(previous);
  return result;
}

bool is_record_type(std::string_view type) {
  const auto known = ldns_get_rr_type_by_name(std::string(type).c_str());
  return known != 0 && !type.empty();
}

}  // namespace lab::topology
