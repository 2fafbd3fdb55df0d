"""A broker that drops, doubles and delays messages on purpose and keeps count: the load program has to find out."""

import collections
import selectors
import socket
import ssl
import struct
import threading

CONNACK, SUBACK, ACK = b"\x20\x02\x00%c", b"\x90\x03%s%c", b"%c\x02%s"
PUBACK, PUBREC, PUBREL, PUBCOMP = 0x40, 0x50, 0x62, 0x70


class ImperfectBroker:
    """MQTT 3.1.1 as far as the load program speaks it. Every n-th message goes wrong; 0 means never.

    `tls` gives the context of the next connection; `ballast` is how many bytes each of them takes.
    """

    def __init__(self, drop=0, double=0, delay=0, refuse=False, cut_after=0, tls=None, ballast=0):
        self.every = {"drop": drop, "double": double, "delay": delay}
        self.refuse, self.cut_after, self.tls, self.ballast = refuse, cut_after, tls, ballast
        self.ballasts = []
        self.counts = collections.Counter()
        self.buffers, self.subscribers, self.held = {}, [], {}
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.selector = selectors.DefaultSelector()
        self.selector.register(self.listener, selectors.EVENT_READ)
        self.ended = threading.Event()
        self.thread = threading.Thread(target=self.serve, daemon=True)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.ended.set()
        self.thread.join()
        self.selector.close()
        for opened in (self.listener, *self.buffers):
            opened.close()

    def serve(self):
        while not self.ended.is_set():
            for key, _ in self.selector.select(0.02):
                if key.fileobj is self.listener:
                    self.accept()
                else:
                    self.read(key.fileobj)

    def accept(self):
        peer, (source, _) = self.listener.accept()
        self.counts[source] += 1
        try:
            peer = self.shake_hands(peer) if self.tls else peer
        except OSError:
            self.counts["failed handshakes"] += 1
            return
        self.buffers[peer] = b""
        self.selector.register(peer, selectors.EVENT_READ)

    def shake_hands(self, peer):
        secure = self.tls().wrap_socket(peer, server_side=True)
        self.counts["resumed" if secure.session_reused else "full"] += 1
        self.counts["certificates"] += bool(secure.getpeercert())
        return secure

    def read(self, peer):
        data = receive(peer)
        if not data:
            self.selector.unregister(peer)
            return
        self.buffers[peer] += data
        while packet := next_packet(self.buffers[peer]):
            header, body, whole = packet
            self.buffers[peer] = self.buffers[peer][len(whole) :]
            self.take(peer, header, body, whole)

    def take(self, peer, header, body, whole):
        kind = header >> 4
        if kind == 1:
            self.counts["connects"] += 1
            self.ballasts.append(b"x" * self.ballast)
            peer.sendall(CONNACK % (5 if self.refuse else 0))
        elif kind == 8:
            self.subscribers.append(peer)
            peer.sendall(SUBACK % (body[:2], body[-1]))
        elif kind == 3:
            self.acknowledge(peer, header >> 1 & 3, body)
            self.publish(header >> 1 & 3, body, whole)
        elif kind == 4 or kind == 7:
            self.counts["acknowledged"] += 1
        elif kind == 5:
            send(peer, ACK % (PUBREL, body))
        elif kind == 6:
            send(peer, ACK % (PUBCOMP, body))

    @staticmethod
    def acknowledge(peer, qos, body):
        [topic] = struct.unpack_from(">H", body)
        if qos:
            send(peer, ACK % (PUBACK if qos == 1 else PUBREC, body[2 + topic : 4 + topic]))

    def publish(self, qos, body, whole):
        [topic] = struct.unpack_from(">H", body)
        [publisher] = struct.unpack_from("=I", body, 2 + topic + (2 if qos else 0) + 8)
        self.counts["published"] += 1
        if self.counts["published"] == self.cut_after:
            self.subscribers[0].shutdown(socket.SHUT_RDWR)
            return
        for subscriber in self.subscribers:
            self.deliver(subscriber, (subscriber, publisher), whole)

    def deliver(self, subscriber, pair, whole):
        self.counts["due"] += 1
        if self.turn("drop"):
            return
        if self.turn("delay") and pair not in self.held:
            self.held[pair] = whole
            return
        late = self.held.pop(pair, b"")
        self.counts["late"] += bool(late)
        copies = 2 if self.turn("double") else 1
        self.counts["delivered"] += 1 + bool(late)
        send(subscriber, whole * copies + late)

    def turn(self, fault):
        every = self.every[fault]
        happens = bool(every) and self.counts["due"] % every == 0
        self.counts[fault] += happens
        return happens


def receive(peer):
    try:
        data = peer.recv(1 << 18)
        while data and isinstance(peer, ssl.SSLSocket) and peer.pending():
            data += peer.recv(1 << 18)
        return data
    except OSError:
        return b""


def send(peer, data):
    try:
        peer.sendall(data)
    except OSError:
        pass  # the load program has ended


def next_packet(data):
    """(first byte, body, all of it) of the first whole packet; None if there is none."""
    length, shift = 0, 0
    for at in range(1, min(len(data), 5)):
        length |= (data[at] & 127) << shift
        shift += 7
        if data[at] < 128:
            end = at + 1 + length
            return (data[0], data[at + 1 : end], data[:end]) if len(data) >= end else None
    return None
