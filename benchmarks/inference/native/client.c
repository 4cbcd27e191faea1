/* A closed-loop gRPC client on libnghttp2: what h2load cannot do.
 *
 *   client --port P --path /package.Service/Method --body FILE [--holds FILE]
 *          [--connections C] [--streams M] [--seconds S] [--bidi] [--first]
 *          [--tls CA CERT KEY]
 *
 * FILE of --body holds one framed gRPC message, sent again and again; each stream has one message
 * in flight. --expect: a framed answer that every answer must equal. --bidi: the streams stay open,
 * message by message. --tls: TLS 1.3 or 1.2 with a client certificate, server checked against CA.
 * --first: tries to connect until the first good answer and prints when that was.
 *
 * Prints one line of JSON. An answer is good when :status is 200, grpc-status 0 and the message
 * holds what it must; every other is counted in "bad".
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <netinet/tcp.h>
#include <nghttp2/nghttp2.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define WINDOW (1 << 24)
#define CONNECTIONS_MAX 256
#define OUT_BYTES (256 * 1024)
#define PAUSE_US 500
#define CONNECT_SECONDS 10

typedef struct {
  int fd;
  SSL *ssl;
  nghttp2_session *session;
  uint8_t out[OUT_BYTES];
  size_t out_begin, out_end;
} Connection;

typedef struct {
  Connection *connection;
  int32_t id;
  uint64_t begin;
  size_t sent, messages;
  uint8_t *answer;
  size_t answer_size, answer_room;
  int status, grpc_status, wrong;
} Call;

static int port, connections = 1, streams = 1, bidi, first;
static double seconds = 2;
static const char *path, *tls_ca, *tls_cert, *tls_key;
static uint8_t *body, *expected;
static size_t body_size, expected_size;

static uint32_t *latencies; /* in units of 100 ns */
static size_t good, room, bad;
static uint64_t first_answer;
static Connection *all[CONNECTIONS_MAX];

static uint64_t now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void fail(const char *what) {
  fprintf(stderr, "%s: %s\n", what, errno ? strerror(errno) : "refused");
  ERR_print_errors_fp(stderr);
  exit(1);
}

static void *checked(void *memory) {
  if (memory == NULL) fail("no memory");
  return memory;
}

static uint8_t *read_file(const char *name, size_t *size) {
  FILE *file = fopen(name, "rb");
  if (file == NULL) fail(name);
  fseek(file, 0, SEEK_END);
  *size = (size_t)ftell(file);
  rewind(file);
  uint8_t *data = checked(malloc(*size + 1));
  if (fread(data, 1, *size, file) != *size) fail(name);
  fclose(file);
  return data;
}

static void answered(Call *call, int ok) {
  if (!ok) {
    bad++;
    return;
  }
  uint64_t end = now();
  if (first_answer == 0) first_answer = end;
  if (good == room) {
    room = room ? room * 2 : 1 << 20;
    latencies = checked(realloc(latencies, room * sizeof *latencies));
  }
  latencies[good++] = (uint32_t)((end - call->begin) / 100);
}

static ssize_t give_body(nghttp2_session *session, int32_t id, uint8_t *to, size_t length,
                         uint32_t *flags, nghttp2_data_source *source, void *user) {
  (void)session, (void)id, (void)user;
  Call *call = source->ptr;
  size_t left = body_size - call->sent;
  if (left == 0) return NGHTTP2_ERR_DEFERRED; /* bidi: until the answer is there */
  if (length > left) length = left;
  memcpy(to, body + call->sent, length);
  call->sent += length;
  if (call->sent == body_size && !bidi) *flags |= NGHTTP2_DATA_FLAG_EOF;
  return (ssize_t)length;
}

#define HEADER(n, v) \
  {(uint8_t *)(n), (uint8_t *)(v), strlen(n), strlen(v), NGHTTP2_NV_FLAG_NONE}

static void begin(Call *call) {
  char authority[32];
  snprintf(authority, sizeof authority, "127.0.0.1:%d", port);
  nghttp2_nv headers[] = {
      HEADER(":method", "POST"),
      HEADER(":scheme", tls_ca ? "https" : "http"),
      HEADER(":path", path),
      HEADER(":authority", authority),
      HEADER("content-type", "application/grpc"),
      HEADER("te", "trailers"),
      HEADER("grpc-timeout", "10S"),
  };
  size_t count = sizeof headers / sizeof *headers - (bidi ? 1 : 0);
  nghttp2_data_provider provider = {.source.ptr = call, .read_callback = give_body};
  call->sent = call->messages = call->answer_size = 0;
  call->status = call->grpc_status = -1;
  call->wrong = 0;
  call->begin = now();
  call->id = nghttp2_submit_request(call->connection->session, NULL, headers, count, &provider,
                                    call);
  if (call->id < 0) fail("no new stream");
}

static int on_header(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name,
                     size_t name_size, const uint8_t *value, size_t value_size, uint8_t flags,
                     void *user) {
  (void)flags, (void)user, (void)value_size;
  Call *call = nghttp2_session_get_stream_user_data(session, frame->hd.stream_id);
  if (call == NULL) return 0;
  if (name_size == 7 && memcmp(name, ":status", 7) == 0) call->status = atoi((const char *)value);
  if (name_size == 11 && memcmp(name, "grpc-status", 11) == 0)
    call->grpc_status = atoi((const char *)value);
  return 0;
}

/* Takes complete messages off the front of what came. */
static void take_messages(Call *call) {
  size_t at = 0;
  while (call->answer_size - at >= 5) {
    uint8_t *head = call->answer + at;
    size_t size = 5 + ((size_t)head[1] << 24 | head[2] << 16 | head[3] << 8 | head[4]);
    if (call->answer_size - at < size) break;
    if (expected && memmem(head, size, expected, expected_size) == NULL) call->wrong = 1;
    at += size;
    call->messages++;
    if (bidi) {
      answered(call, !call->wrong);
      call->sent = 0;
      call->begin = now();
      nghttp2_session_resume_data(call->connection->session, call->id);
    }
  }
  memmove(call->answer, call->answer + at, call->answer_size - at);
  call->answer_size -= at;
}

static int on_data(nghttp2_session *session, uint8_t flags, int32_t id, const uint8_t *data,
                   size_t size, void *user) {
  (void)flags, (void)user;
  Call *call = nghttp2_session_get_stream_user_data(session, id);
  if (call == NULL) return 0;
  if (call->answer_size + size > call->answer_room) {
    call->answer_room = (call->answer_size + size) * 2;
    call->answer = checked(realloc(call->answer, call->answer_room));
  }
  memcpy(call->answer + call->answer_size, data, size);
  call->answer_size += size;
  take_messages(call);
  return 0;
}

static int on_close(nghttp2_session *session, int32_t id, uint32_t code, void *user) {
  (void)user;
  Call *call = nghttp2_session_get_stream_user_data(session, id);
  if (call == NULL) return 0;
  int ok = code == 0 && call->status == 200 && call->grpc_status == 0 && call->messages == 1 &&
           call->answer_size == 0 && !call->wrong;
  answered(call, ok && !bidi);
  if (first && first_answer) return 0;
  if (first) usleep(PAUSE_US);
  if (bad <= 1000 || first) begin(call); /* a server that only refuses need not be asked for long */
  return 0;
}

/* Gathers frames to one buffer, so that what is sent at once goes out in one packet. */
static void flush(Connection *c) {
  for (;;) {
    while (c->out_end - c->out_begin < OUT_BYTES / 2) {
      const uint8_t *data;
      ssize_t size = nghttp2_session_mem_send(c->session, &data);
      if (size < 0) fail(nghttp2_strerror((int)size));
      if (size == 0) break;
      if (c->out_end + (size_t)size > OUT_BYTES) {
        memmove(c->out, c->out + c->out_begin, c->out_end - c->out_begin);
        c->out_end -= c->out_begin;
        c->out_begin = 0;
      }
      memcpy(c->out + c->out_end, data, (size_t)size);
      c->out_end += (size_t)size;
    }
    size_t left = c->out_end - c->out_begin;
    if (left == 0) break;
    ssize_t wrote = c->ssl ? SSL_write(c->ssl, c->out + c->out_begin, (int)left)
                           : send(c->fd, c->out + c->out_begin, left, MSG_NOSIGNAL);
    if (wrote <= 0) {
      int again = c->ssl ? SSL_get_error(c->ssl, (int)wrote) == SSL_ERROR_WANT_WRITE
                         : errno == EAGAIN;
      if (!again) fail("the server ended the connection");
      return;
    }
    c->out_begin += (size_t)wrote;
    if (c->out_begin == c->out_end) c->out_begin = c->out_end = 0;
  }
}

static void receive(Connection *c) {
  static uint8_t data[1 << 16];
  do {
    ssize_t size = c->ssl ? SSL_read(c->ssl, data, sizeof data) : read(c->fd, data, sizeof data);
    if (size <= 0) {
      int again = c->ssl ? SSL_get_error(c->ssl, (int)size) == SSL_ERROR_WANT_READ
                         : size < 0 && errno == EAGAIN;
      if (!again) fail("the server ended the connection");
      return;
    }
    ssize_t taken = nghttp2_session_mem_recv(c->session, data, (size_t)size);
    if (taken < 0) fail(nghttp2_strerror((int)taken));
  } while (c->ssl && SSL_pending(c->ssl));
}

static SSL *tls_handshake(int fd) {
  static SSL_CTX *context;
  if (context == NULL) {
    context = SSL_CTX_new(TLS_client_method());
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
    SSL_CTX_set_mode(context,
                     SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    if (SSL_CTX_load_verify_locations(context, tls_ca, NULL) != 1 ||
        SSL_CTX_use_certificate_chain_file(context, tls_cert) != 1 ||
        SSL_CTX_use_PrivateKey_file(context, tls_key, SSL_FILETYPE_PEM) != 1 ||
        SSL_CTX_set_alpn_protos(context, (const uint8_t *)"\x02h2", 3) != 0)
      fail("the TLS files cannot be used");
  }
  SSL *ssl = SSL_new(context);
  SSL_set_fd(ssl, fd);
  SSL_set_tlsext_host_name(ssl, "localhost");
  if (SSL_connect(ssl) != 1) fail("TLS handshake");
  const uint8_t *protocol;
  unsigned size;
  SSL_get0_alpn_selected(ssl, &protocol, &size);
  if (size != 2 || memcmp(protocol, "h2", 2) != 0) fail("the server did not choose h2");
  return ssl;
}

static Connection *open_connection(uint64_t deadline) {
  struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  Connection *c = checked(calloc(1, sizeof *c));
  for (;;) {
    c->fd = socket(AF_INET, SOCK_STREAM, 0);
    if (connect(c->fd, (struct sockaddr *)&to, sizeof to) == 0) break;
    if (!first || now() > deadline) fail("connect");
    close(c->fd);
    usleep(PAUSE_US);
  }
  int on = 1;
  setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  if (tls_ca) c->ssl = tls_handshake(c->fd);
  fcntl(c->fd, F_SETFL, O_NONBLOCK);
  nghttp2_session_callbacks *callbacks;
  nghttp2_session_callbacks_new(&callbacks);
  nghttp2_session_callbacks_set_on_header_callback(callbacks, on_header);
  nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, on_data);
  nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, on_close);
  nghttp2_session_client_new(&c->session, callbacks, c);
  nghttp2_session_callbacks_del(callbacks);
  nghttp2_settings_entry settings[] = {{NGHTTP2_SETTINGS_ENABLE_PUSH, 0},
                                       {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, WINDOW}};
  nghttp2_submit_settings(c->session, NGHTTP2_FLAG_NONE, settings, 2);
  nghttp2_session_set_local_window_size(c->session, NGHTTP2_FLAG_NONE, 0, WINDOW);
  return c;
}

static int by_size(const void *a, const void *b) {
  uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
  return (x > y) - (x < y);
}

static double quantile(double share) { /* in microseconds, of sorted latencies */
  if (good == 0) return 0;
  return (double)latencies[(size_t)(share * (double)(good - 1))] / 10;
}

static void parse(int count, char **words) {
  static const struct option names[] = {
      {"port", 1, 0, 'p'},    {"path", 1, 0, 'P'},        {"body", 1, 0, 'b'},
      {"holds", 1, 0, 'h'},   {"connections", 1, 0, 'c'}, {"streams", 1, 0, 'm'},
      {"seconds", 1, 0, 's'}, {"bidi", 0, 0, 'B'},        {"first", 0, 0, 'f'},
      {"tls", 1, 0, 't'},     {0, 0, 0, 0}};
  for (int option; (option = getopt_long(count, words, "", names, NULL)) != -1;) switch (option) {
      case 'p': port = atoi(optarg); break;
      case 'P': path = optarg; break;
      case 'b': body = read_file(optarg, &body_size); break;
      case 'h': expected = read_file(optarg, &expected_size); break;
      case 'c': connections = atoi(optarg); break;
      case 'm': streams = atoi(optarg); break;
      case 's': seconds = atof(optarg); break;
      case 'B': bidi = 1; break;
      case 'f': first = 1; break;
      case 't': /* three words: CA CERT KEY */
        if (optind + 1 >= count) exit(2);
        tls_ca = optarg, tls_cert = words[optind++], tls_key = words[optind++];
        break;
      default: exit(2);
    }
  if (!port || !path || !body || connections < 1 || connections > CONNECTIONS_MAX || streams < 1)
    exit(2);
}

int main(int count, char **words) {
  parse(count, words);
  signal(SIGPIPE, SIG_IGN);
  uint64_t deadline = now() + (uint64_t)(seconds * 1e9);
  if (!first) alarm((unsigned)seconds + CONNECT_SECONDS); /* also for a server that never answers */
  struct pollfd waiting[CONNECTIONS_MAX];
  for (int n = 0; n < connections; n++) {
    all[n] = open_connection(deadline);
    for (int m = 0; m < streams; m++) {
      Call *call = checked(calloc(1, sizeof *call));
      call->connection = all[n];
      begin(call);
    }
    waiting[n].fd = all[n]->fd;
  }
  uint64_t start = now(), end = start;
  if (!first) deadline = start + (uint64_t)(seconds * 1e9);
  for (int n = 0; n < connections; n++) flush(all[n]);
  while ((end = now()) < deadline && !(first && first_answer)) {
    for (int n = 0; n < connections; n++)
      waiting[n].events = (short)(POLLIN | (all[n]->out_end > all[n]->out_begin ? POLLOUT : 0));
    if (poll(waiting, (nfds_t)connections, 100) < 0) fail("poll");
    for (int n = 0; n < connections; n++)
      if (waiting[n].revents) {
        receive(all[n]);
        flush(all[n]);
      }
  }
  qsort(latencies, good, sizeof *latencies, by_size);
  printf("{\"answers\": %zu, \"bad\": %zu, \"seconds\": %.6f, \"p50_us\": %.1f, "
         "\"p99_us\": %.1f, \"first_ns\": %llu}\n",
         good, bad, (double)(end - start) / 1e9, quantile(0.5), quantile(0.99),
         (unsigned long long)first_answer);
  return 0;
}
