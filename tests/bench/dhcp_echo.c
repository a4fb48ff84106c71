// dhcp_echo -- the floor of a DHCP server on this machine: one thread that answers each DISCOVER and REQUEST of a relay with
// an OFFER or ACK of the next address, knows nobody and keeps nothing. dhcp_echo ADDRESS FIRST
#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

enum { kOptions = 240, kSize = 300, kDiscover = 1, kOffer = 2, kRequest = 3, kAck = 5 };

// The data of an option; a null pointer where the message has none.
static const unsigned char* option(const unsigned char* message, long size, unsigned char code) {
  for (long i = kOptions; i + 1 < size && message[i] != 255; i += message[i] == 0 ? 1 : 2 + message[i + 1])
    if (message[i] == code && i + 2 + message[i + 1] <= size) return message + i + 2;
  return 0;
}

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(67), .sin_addr.s_addr = inet_addr(argv[1])}, peer;
  in_addr_t next = ntohl(inet_addr(argv[2]));
  const int s = socket(AF_INET, SOCK_DGRAM, 0);
  if (bind(s, (const struct sockaddr*)&at, sizeof at) != 0) return 1;
  static unsigned char message[2048];
  for (;;) {
    socklen_t length = sizeof peer;
    const long size = recvfrom(s, message, sizeof message, 0, (struct sockaddr*)&peer, &length);
    const unsigned char *type = option(message, size, 53), *wanted = option(message, size, 50);
    if (!type || (*type != kDiscover && (*type != kRequest || !wanted))) continue;
    in_addr_t address;
    if (*type == kDiscover)
      address = htonl(next++);
    else
      memcpy(&address, wanted, sizeof address);
    const unsigned char options[] = {53, 1, *type == kDiscover ? kOffer : kAck, 54, 4, 0, 0, 0, 0, 51, 4, 0, 0, 15, 160, 1, 4, 255, 255, 0, 0, 255};
    message[0] = 2;
    memcpy(message + 16, &address, sizeof address);
    memset(message + kOptions, 0, kSize - kOptions);
    memcpy(message + kOptions, options, sizeof options);
    memcpy(message + kOptions + 5, &at.sin_addr, sizeof at.sin_addr);
    sendto(s, message, kSize, 0, (const struct sockaddr*)&peer, length);
  }
}
