/// yaml_syntax -- what yaml-cpp says about a file that is not YAML, in words for the person who wrote it.
#pragma once
#include <string_view>

#include "common/yaml.hpp"

namespace lab::yaml {

/// `said`: yaml-cpp's message, found at `at` in `text`. The mistake may be placed elsewhere: where its cause
/// is.
Mistake explain_syntax(std::string_view text, Position at, std::string_view said);

}  // namespace lab::yaml
