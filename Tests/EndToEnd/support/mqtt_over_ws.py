"""Lets `RawMQTT` speak over a WebSocket: what looks like its socket puts each write into a binary frame."""

import socket

from support.raw_http import Ended
from support.raw_ws import BINARY, CLOSE, PING, PONG, RawWS, frame


class FramedSocket:
    def __init__(self, connection: socket.socket, *headers: str, target: str = "/mqtt"):
        self.ws = RawWS(connection, target, "Sec-WebSocket-Protocol: mqtt", *headers)
        self.answer = self.ws.answer

    def sendall(self, data: bytes) -> None:
        self.ws.send(frame(BINARY, data))

    def recv(self, _limit: int) -> bytes:
        try:
            while True:
                opcode, payload = self.ws.frame()
                if opcode == PING:
                    self.ws.send(frame(PONG, payload))
                elif opcode == CLOSE:
                    self.ws.send(frame(CLOSE, payload[:2]))
                elif opcode == BINARY:
                    return payload
        except Ended:
            return b""

    def close(self) -> None:
        self.ws.socket.close()
