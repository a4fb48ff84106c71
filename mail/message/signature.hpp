/// signature -- which three-letter sequences a text holds, as a small bit field kept with the message: SEARCH
/// BODY reads a hundred bytes a message instead of the message, and opens only those that may match. Never
/// misses; needs no index to be maintained, so delivery pays a few microseconds and expunging nothing.
#pragma once
#include <string>
#include <string_view>
#include <vector>

namespace lab::message {

/// Of folded text (charset.hpp `fold`). Its size grows with the variety of the text: 32 bytes to 8 KiB.
std::string signature_of(std::string_view folded);

/// What to look for, hashed once for a search over many messages.
class Needle {
 public:
  /// Folds the text it is given.
  explicit Needle(std::string_view utf8);
  const std::string& folded() const { return folded_; }
  /// False: the text is certainly not there. True: look. Needles of one or two letters always say true.
  bool may_be_in(std::string_view signature) const;

 private:
  std::string folded_;
  std::vector<unsigned> hashes_;
};

}  // namespace lab::message
