/// texts -- what the demonstration says, in English and French side by side, so that neither can lag behind.
#pragma once
#include <map>
#include <string>
#include <string_view>

namespace lab::teaching {

enum class Language { English, French };
/// Of a locale: "fr_BF.UTF-8" is French, everything else English.
Language language_of(std::string_view locale);

/// A text by its key, with `{name}` replaced from `values`. An unknown key gives the key, which a test looks
/// for.
std::string text(Language language, std::string_view key,
                 const std::map<std::string, std::string>& values = {});

}  // namespace lab::teaching
