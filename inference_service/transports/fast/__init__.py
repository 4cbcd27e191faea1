"""The fast transport: gRPC over an HTTP/2 of our own, on one thread and one epoll.

    loop.Server       sockets, TLS, epoll; what arrived in one turn is answered together
    connection.Connection   HTTP/2 (RFC 9113): bytes in, frames out, no socket
    headers.HeaderDecoder   HPACK (RFC 7541), with a memo of blocks seen before
    sending.Sender    what goes out: flow control, what waits for a window
    calls.Call        gRPC on one stream: messages in, answers out in order
    dispatcher.Dispatcher   which batch runs where and when, deadlines, admission

docs/explanation/data-plane.md tells why it exists and what it does not do.
"""
