// An IMAP command as it comes off the wire: lines and literals put together, then parsed. Whatever it is, it
// is a command or a complaint.
#include <cstdint>
#include <string>

#include "mail/imap/command_reader.hpp"
#include "mail/imap/parse.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace lab::mail::imap;
  const Limits limits{.literal = 4096, .message = 4096, .drained = 8192};
  CommandReader reader(limits);
  std::string_view wire(reinterpret_cast<const char*>(data), size);
  while (!wire.empty()) {
    const auto line = wire.substr(0, wire.find("\r\n"));
    wire.remove_prefix(std::min(wire.size(), line.size() + 2));
    switch (reader.add_line(line, true)) {
      case CommandReader::Next::Complete: {
        const auto command = parse_command(reader.text(), limits);
        if (!command && command.error().why.empty()) __builtin_trap();
        reader.clear();
        break;
      }
      case CommandReader::Next::Literal: {
        const auto bytes = wire.substr(0, reader.literal_size());
        bytes.copy(reader.literal_space(), bytes.size());
        wire.remove_prefix(bytes.size());
        break;
      }
      case CommandReader::Next::Drain:
        wire.remove_prefix(std::min(wire.size(), reader.literal_size()));
        break;
      case CommandReader::Next::TooBig: reader.clear(); break;
      case CommandReader::Next::Hopeless: return 0;
    }
  }
  return 0;
}
