#include "mail/message/header_scan.hpp"

#include "mail/message/header.hpp"

namespace lab::message {

HeaderScan scan_header(std::string_view message) {
  HeaderScan scan;
  FieldReader reader(message);
  while (auto field = reader.next()) {
    if (equals_ignoring_case(field->name, "Received")) ++scan.received;
    if (equals_ignoring_case(field->name, "Date")) scan.date = true;
    if (equals_ignoring_case(field->name, "From")) scan.from = true;
    if (equals_ignoring_case(field->name, "Subject") && scan.subject.empty())
      scan.subject = unfold(field->value);
    if (equals_ignoring_case(field->name, "Message-ID") && scan.id.empty()) scan.id = unfold(field->value);
  }
  return scan;
}

}  // namespace lab::message
