/// content -- a message ready to be stored: its text with line ends as they should be, and its summary. Made
/// on the thread that received it, so that the one writer thread only writes.
#pragma once
#include <memory>
#include <string>

#include "mail/message/summary.hpp"

namespace lab::mail {

struct Content {
  std::shared_ptr<const std::string> text;
  message::Summary summary;

  static std::shared_ptr<const Content> of(std::shared_ptr<const std::string> text);
};

}  // namespace lab::mail
