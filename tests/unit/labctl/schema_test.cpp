// The JSON schema editors use says the same as the reader: what it accepts loads, what it refuses does not.
#include <gmock/gmock.h>

#include <boost/json.hpp>
#include <regex>

#include "lab.hpp"

namespace lab::topology {
namespace {

namespace json = boost::json;
using ::testing::HasSubstr;

/// As much of JSON Schema (draft 2020-12) as ours uses; an unknown keyword fails, so that none is overlooked.
std::string mismatch(const json::value& schema, const json::value& value, const std::string& at = "");

bool has_type(std::string_view type, const json::value& value) {
  if (type == "object") return value.is_object();
  if (type == "array") return value.is_array();
  if (type == "string") return value.is_string();
  if (type == "boolean") return value.is_bool();
  if (type == "null") return value.is_null();
  if (type == "integer") return value.is_int64() || value.is_uint64();
  return type == "number" && value.is_number();
}

std::string object_mismatch(const json::object& schema, const json::object& object, const std::string& at) {
  const auto* properties = schema.if_contains("properties");
  const auto* others = schema.if_contains("additionalProperties");
  for (const auto& [key, item] : object) {
    const auto* own = properties ? properties->as_object().if_contains(key) : nullptr;
    if (!own && others && others->is_bool() && !others->as_bool())
      return at + ": unknown key " + std::string(key);
    const auto* rule = own ? own : others && others->is_object() ? others : nullptr;
    if (!rule) continue;
    if (auto wrong = mismatch(*rule, item, at + "/" + std::string(key)); !wrong.empty()) return wrong;
  }
  if (const auto* required = schema.if_contains("required"))
    for (const auto& key : required->as_array())
      if (!object.contains(key.as_string())) return at + ": " + std::string(key.as_string()) + " is missing";
  return {};
}

std::string mismatch(const json::value& schema, const json::value& value, const std::string& at) {
  static const std::set<std::string> kKnown = {
      "$schema", "title", "description", "type",    "properties", "additionalProperties", "required", "items",
      "anyOf",   "enum",  "pattern",     "minimum", "maximum",    "uniqueItems",          "default",
      "maxItems"};
  const auto& rules = schema.as_object();
  for (const auto& [key, rule] : rules)
    if (!kKnown.contains(std::string(key))) return at + ": unknown keyword " + std::string(key);
  if (const auto* type = rules.if_contains("type")) {
    const bool fits = type->is_string() ? has_type(type->as_string(), value)
                                        : std::ranges::any_of(type->as_array(), [&](const auto& t) {
                                            return has_type(t.as_string(), value);
                                          });
    if (!fits) return at + ": wrong type";
  }
  if (const auto* choices = rules.if_contains("enum"))
    if (std::ranges::find(choices->as_array(), value) == choices->as_array().end())
      return at + ": not one of the choices";
  if (const auto* pattern = rules.if_contains("pattern"); pattern && value.is_string())
    if (!std::regex_search(std::string(value.as_string()), std::regex(std::string(pattern->as_string()))))
      return at + ": does not match";
  if (value.is_number()) {
    if (const auto* least = rules.if_contains("minimum");
        least && value.to_number<double>() < least->to_number<double>())
      return at + ": too small";
    if (const auto* most = rules.if_contains("maximum");
        most && value.to_number<double>() > most->to_number<double>())
      return at + ": too large";
  }
  if (const auto* forms = rules.if_contains("anyOf")) {
    const bool fits = std::ranges::any_of(
        forms->as_array(), [&](const auto& form) { return mismatch(form, value, at).empty(); });
    if (!fits) return at + ": none of its forms";
  }
  if (const auto* most = rules.if_contains("maxItems"); most && value.is_array())
    if (std::cmp_greater(value.as_array().size(), most->to_number<int>())) return at + ": too many";
  if (const auto* items = rules.if_contains("items"); items && value.is_array())
    for (const auto& item : value.as_array())
      if (auto wrong = mismatch(*items, item, at + "/*"); !wrong.empty()) return wrong;
  return value.is_object() ? object_mismatch(rules, value.as_object(), at) : std::string();
}

/// The document as an editor sees it: scalars that look like numbers or truth values are such.
json::value to_json(const yaml::Value& value) {
  switch (value.kind()) {
    case yaml::Value::Kind::Null: return nullptr;
    case yaml::Value::Kind::List: {
      json::array out;
      for (const auto& item : value.items()) out.push_back(to_json(item));
      return out;
    }
    case yaml::Value::Kind::Map: {
      json::object out;
      const auto map = value.map("map");
      for (const auto& entry : map.entries()) out[entry.key] = to_json(entry.value);
      return out;
    }
    case yaml::Value::Kind::Scalar: break;
  }
  const std::string text(value.raw());
  if (value.quoted()) return json::value(text);
  if (text == "true" || text == "false") return text == "true";
  if (text == "~" || text.empty()) return nullptr;
  if (std::regex_match(text, std::regex("-?[0-9]+"))) return std::stoll(text);
  if (std::regex_match(text, std::regex("-?[0-9]+[.][0-9]+"))) return std::stod(text);
  return json::value(text);
}

std::string refused_by_schema(const std::string& text) {
  yaml::Diagnostics diagnostics("x.yaml", text);
  const auto root = yaml::parse(diagnostics, text);
  return root ? mismatch(json::parse(schema()), to_json(*root)) : "not YAML";
}

TEST(Schema, SaysWhatItIs) {
  const auto parsed = json::parse(schema()).as_object();
  EXPECT_EQ(parsed.at("$schema").as_string(), "https://json-schema.org/draft/2020-12/schema");
  EXPECT_EQ(parsed.at("title").as_string(), "labctl topology");
  for (const auto& [key, rule] : parsed.at("properties").as_object())
    EXPECT_FALSE(rule.at("description").as_string().empty()) << key;
}

TEST(Schema, AcceptsEveryKeyOfTheContract) {
  EXPECT_EQ(refused_by_schema(lab::testing::read_source("tests/fuzz/labctl/topology_corpus/every-key.yaml")),
            "");
}

TEST(Schema, AcceptsTheLabsThatComeWithIt) {
  for (const auto& name : lab::testing::every_topology())
    EXPECT_EQ(refused_by_schema(lab::testing::read_source("topologies/" + name + ".yaml")), "")
        << name;
  EXPECT_EQ(refused_by_schema(lab::testing::kHelper), "");
}

TEST(Schema, RefusesWhatTheReaderRefuses) {
  using lab::testing::helper_with;
  for (const auto& [from, to] : std::vector<std::pair<std::string, std::string>>{
           {"nodes:", "node:"},
           {"networks: {lan: 192", "network: {lan: 192"},
           {"services: {", "services: {dnss: , "},
           {"pc1: {networks: lan}", "pc1: {networks: lan, count: 0}"},
           {"pc1: {networks: lan}", "pc1: {networks: lan, dhcp_client: magic}"},
           {"range:", "rang:"}}) {
    EXPECT_NE(refused_by_schema(helper_with(from, to)), "") << to;
    EXPECT_FALSE(lab::testing::load(helper_with(from, to))) << to;
  }
}

TEST(Reference, DescribesEveryKindOfMap) {
  const auto page = reference();
  for (const auto* section :
       {"topology:", "network:", "impair:", "domain:", "user:", "node:", "scope:", "service mail:", "check:"})
    EXPECT_THAT(page, HasSubstr(section));
}

}  // namespace
}  // namespace lab::topology
