"""An Identicom device, written from the profile's document alone."""

import socket
import struct
import zlib

FLAG, ESCAPE = 0x1E, 0x1D


def frame(kind: int, data: bytes = b"") -> bytes:
    out = bytearray([FLAG, kind])
    for byte in data:
        out += bytes([ESCAPE, byte ^ 0x40]) if byte in (FLAG, ESCAPE) else bytes([byte])
    out.append(FLAG)
    return bytes(out)


class Device:
    """Serves a station's requests over one connection."""

    def __init__(self, sock: socket.socket, serial: str, version: str = "1.0.0"):
        self.sock, self.serial, self.version = sock, serial, version
        self.sock.settimeout(10)
        self.log = []
        self.pictures = {}
        self.commands = []
        self.deleted = []
        self.buffer = b""

    def event(self, index, time, code, detail=b""):
        self.log.append((index, time, code, detail))

    def read_frame(self):
        """The next frame, or None when the station has closed."""
        while True:
            start = self.buffer.find(FLAG)
            end = self.buffer.find(FLAG, start + 1) if start >= 0 else -1
            if end == start + 1:
                self.buffer = self.buffer[end:]
                continue
            if end > 0:
                raw, self.buffer = self.buffer[start + 1 : end], self.buffer[end + 1 :]
                data, escaped = bytearray(), False
                for byte in raw[1:]:
                    if escaped:
                        data.append(byte ^ 0x40)
                        escaped = False
                    elif byte == ESCAPE:
                        escaped = True
                    else:
                        data.append(byte)
                return raw[0], bytes(data)
            got = self.sock.recv(4096)
            if not got:
                return None
            self.buffer += got

    def identity(self):
        return frame(0x81, self.serial.encode().ljust(10, b"\0") + self.version.encode().ljust(8, b"\0"))

    def page(self, start):
        entries = [entry for entry in self.log if entry[0] >= start][:8]
        rest = len([entry for entry in self.log if entry[0] >= start]) - len(entries)
        data = struct.pack("<HB", rest, len(entries))
        for index, time, code, detail in entries:
            data += struct.pack("<IIBB", index, time, code, len(detail)) + detail
        return frame(0x82, data)

    def run(self):
        """Answers until the station says goodbye; gives the types of its requests."""
        self.sock.sendall(self.identity())
        seen = []
        while (got := self.read_frame()) is not None:
            kind, data = got
            seen.append(kind)
            answer = self.answer(kind, data)
            if answer:
                self.sock.sendall(answer)
        return seen

    def answer(self, kind, data):
        if kind == 0x01:
            return self.identity()
        if kind == 0x02:
            return self.page(struct.unpack("<I", data)[0])
        if kind == 0x03:
            (last,) = struct.unpack("<I", data)
            gone = [entry for entry in self.log if entry[0] <= last]
            self.deleted += gone
            self.log = [entry for entry in self.log if entry[0] > last]
            return frame(0x83, struct.pack("<H", len(gone)))
        if kind == 0x40:
            for picture, content in self.pictures.items():
                return frame(0xC0, struct.pack("<IIHII", picture, len(content), 1000, 1700000000, zlib.crc32(content)))
            return frame(0xC0, struct.pack("<IIHII", 0, 0, 1000, 0, 0))
        if kind == 0x41:
            picture, block = struct.unpack("<IH", data)
            return frame(0xC1, data + self.pictures[picture][block * 1000 : (block + 1) * 1000])
        if kind == 0x42:
            del self.pictures[struct.unpack("<I", data)[0]]
            return frame(0xC2, data)
        if kind == 0x10:
            number, code = struct.unpack("<HB", data[:3])
            self.commands.append((number, code, data[3:]))
            return frame(0x90, struct.pack("<HB", number, 0))
        assert kind == 0x7F, hex(kind)
        return None
