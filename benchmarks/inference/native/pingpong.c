/* The floor under one closed-loop connection: 100 bytes there and back over TCP, nothing else.
 *
 *   pingpong serve PORT           sends back what comes, from one connection, then ends
 *   pingpong ask PORT SECONDS     prints round trips a second
 *
 * No server that sleeps while it waits answers one connection more often between these two cores.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

#define BYTES 100
#define LIFE_SECONDS 60

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int fail(const char *what) {
  perror(what);
  return 1;
}

static int serve(int fd, struct sockaddr_in *address) {
  int on = 1;
  char data[4096];
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (bind(fd, (struct sockaddr *)address, sizeof *address) || listen(fd, 8)) return fail("bind");
  int one = accept(fd, NULL, NULL);
  if (one < 0) return fail("accept");
  setsockopt(one, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  int poll = epoll_create1(0); /* as an event loop waits */
  struct epoll_event event = {.events = EPOLLIN};
  epoll_ctl(poll, EPOLL_CTL_ADD, one, &event);
  for (;;) {
    epoll_wait(poll, &event, 1, -1);
    ssize_t size = read(one, data, sizeof data);
    if (size <= 0) return 0;
    if (write(one, data, (size_t)size) != size) return fail("write");
  }
}

static int ask(int fd, struct sockaddr_in *address, double seconds) {
  int on = 1;
  char data[BYTES];
  memset(data, 1, sizeof data);
  while (connect(fd, (struct sockaddr *)address, sizeof *address)) usleep(1000); /* see alarm */
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  long count = 0;
  double begin = now(), end = begin;
  for (; end - begin < seconds; end = now(), count++)
    if (write(fd, data, sizeof data) < 0 || read(fd, data, sizeof data) <= 0) return fail("ask");
  printf("%.1f\n", (double)count / (end - begin));
  return 0;
}

int main(int count, char **words) {
  if (count < 3) return 2;
  alarm(LIFE_SECONDS);
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(words[2]))};
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  int fd = socket(AF_INET, SOCK_STREAM, 0);
  if (fd < 0) return fail("socket");
  if (strcmp(words[1], "serve") == 0) return serve(fd, &address);
  return count > 3 ? ask(fd, &address, atof(words[3])) : 2;
}
