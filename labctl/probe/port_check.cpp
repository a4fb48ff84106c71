#include <fmt/format.h>

#include "labctl/probe/connection.hpp"
#include "labctl/probe/verdict.hpp"

namespace lab::probe {

Verdict verify(const plan::PortCheck& check, const Surroundings& world) {
  const auto expected = check.banner.empty() ? fmt::format("an open port {}", check.port)
                                             : fmt::format("a greeting that begins with '{}'", check.banner);
  auto connection = Connection::open(check.host, check.port, world.patience);
  if (!connection) return broken(connection.error().what, expected);
  if (check.banner.empty()) return holds("open");
  auto greeting = connection->read_some();
  greeting = greeting.substr(0, greeting.find_first_of("\r\n"));
  if (greeting.empty()) return broken("connected, but no greeting came", expected);
  if (!greeting.starts_with(check.banner)) return broken("'" + greeting + "'", expected);
  return holds(greeting);
}

}  // namespace lab::probe
