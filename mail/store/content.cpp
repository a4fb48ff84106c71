#include "mail/store/content.hpp"

namespace lab::mail {

std::shared_ptr<const Content> Content::of(std::shared_ptr<const std::string> text) {
  auto content = std::make_shared<Content>();
  if (std::string fixed; message::normalize_line_ends(*text, fixed))
    text = std::make_shared<const std::string>(std::move(fixed));
  content->summary = message::summarize(*text);
  content->text = std::move(text);
  return content;
}

}  // namespace lab::mail
