/* The floor of a UDP server on this machine: one thread takes up to 64 datagrams a call, sets QR and AA,
 * sends them back. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum { kBatch = 64, kSize = 2048 };

int main(int argc, char** argv) {
  const int s = socket(AF_INET, SOCK_DGRAM, 0);
  const struct sockaddr_in at = {.sin_family = AF_INET,
                                 .sin_port = htons(atoi(argv[argc - 1])),
                                 .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  if (bind(s, (const struct sockaddr*)&at, sizeof at) != 0) return 1;
  static char data[kBatch][kSize];
  static struct sockaddr_in from[kBatch];
  struct iovec part[kBatch];
  struct mmsghdr message[kBatch];
  for (;;) {
    for (int i = 0; i < kBatch; i++) {
      part[i] = (struct iovec){data[i], kSize};
      memset(&message[i], 0, sizeof message[i]);
      message[i].msg_hdr = (struct msghdr){
          .msg_name = &from[i], .msg_namelen = sizeof from[i], .msg_iov = &part[i], .msg_iovlen = 1};
    }
    const int n = recvmmsg(s, message, kBatch, MSG_WAITFORONE, NULL);
    for (int i = 0; i < n; i++) {
      data[i][2] |= (char)0x84;
      part[i].iov_len = message[i].msg_len;
    }
    for (int sent = 0; sent < n;) {
      const int r = sendmmsg(s, message + sent, n - sent, 0);
      if (r <= 0) break;
      sent += r;
    }
  }
}
