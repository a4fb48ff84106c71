#include "labctl/plan/dhcp_options.hpp"

#include <fmt/format.h>

namespace lab::plan {

void write_option(YamlText& yaml, const topology::Named<topology::OptionValues>& option) {
  const auto& values = option->values;
  const auto text = values.size() == 1 ? yaml_scalar(values.front()) : yaml_list(values);
  yaml.raw(option.name, option->type.empty() ? text : fmt::format("{{type: {}, value: {}}}", option->type, text));
}

}  // namespace lab::plan
