"""Changing the tags of encoded files byte by byte, as taggers do, without the code under test."""

import struct


def id3v2(text: bytes, padding: int = 0) -> bytes:
    """An ID3v2.3 tag with a title and some empty space behind it."""
    frame = b"TIT2" + struct.pack(">I", len(text) + 1) + b"\0\0" + b"\0" + text
    size = len(frame) + padding
    length = bytes((size >> shift) & 127 for shift in (21, 14, 7, 0))
    return b"ID3\x03\0\0" + length + frame + bytes(padding)


def id3v1(title: bytes) -> bytes:
    """The 128 bytes at the end of a file."""
    return b"TAG" + title.ljust(30, b"\0") + bytes(94) + b"\xff"


def ape(key: bytes, value: bytes) -> bytes:
    """An APEv2 tag with header and footer."""
    item = struct.pack("<II", len(value), 0) + key + b"\0" + value
    body = struct.pack("<IIII", 2000, len(item) + 32, 1, 0x80000000)
    header = struct.pack("<IIII", 2000, len(item) + 32, 1, 0xA0000000)
    return b"APETAGEX" + header + bytes(8) + item + b"APETAGEX" + body + bytes(8)


def lyrics3(text: bytes) -> bytes:
    """A Lyrics3 v2 block."""
    body = b"LYRICSBEGIN" + b"LYR" + b"%05d" % len(text) + text
    return body + b"%06d" % len(body) + b"LYRICS200"


def _crc_table() -> list[int]:
    table = []
    for byte in range(256):
        value = byte << 24
        for _ in range(8):
            value = ((value << 1) ^ 0x04C11DB7 if value & 0x80000000 else value << 1) & 0xFFFFFFFF
        table.append(value)
    return table


_TABLE = _crc_table()


def _crc(page: bytes) -> int:
    value = 0
    for byte in page:
        value = (value << 8 & 0xFFFFFFFF) ^ _TABLE[value >> 24 ^ byte]
    return value


def _packets(data: bytes) -> list[tuple[bytes, int]]:
    """(packet, granule position of the page it ends on) of an Ogg file of one stream."""
    packets: list[tuple[bytes, int]] = []
    packet, at, before = b"", 0, 0
    while at < len(data):
        assert data[at : at + 4] == b"OggS"
        granule = int.from_bytes(data[at + 6 : at + 14], "little")
        lacing = data[at + 27 : at + 27 + data[at + 26]]
        at += 27 + len(lacing)
        is_opus = bool(packets) and packets[0][0].startswith(b"OpusHead")
        for length in lacing:
            packet += data[at : at + length]
            at += length
            if length < 255:
                # Opus decoders check that a page ends where its packets (of 20 ms here) do.
                before = min(before + 960, granule) if is_opus and len(packets) > 1 else granule
                packets.append((packet, before))
                packet = b""
    return packets


def ogg_with_comment(data: bytes, title: str, serial: int = 77, most_segments: int = 120) -> bytes:
    """Write an Ogg Vorbis or Opus file anew: another comment packet, serial number and cut into pages."""
    packets = _packets(data)
    comment = f"TITLE={title}".encode()
    body = struct.pack("<I", 4) + b"test" + struct.pack("<II", 1, len(comment)) + comment
    is_vorbis = packets[0][0].startswith(b"\x01vorbis")
    packets[1] = (b"\x03vorbis" + body + b"\x01" if is_vorbis else b"OpusTags" + body, 0)
    out, sequence = b"", 0
    n_headers = 3 if is_vorbis else 2
    groups = [packets[:1], packets[1:n_headers], packets[n_headers:]]
    for number, group in enumerate(groups):
        segments: list[tuple[bytes, int | None]] = []
        for packet, granule in group:
            pieces = [packet[i : i + 255] for i in range(0, len(packet) + 1, 255)]
            segments += [(piece, None) for piece in pieces[:-1]] + [(pieces[-1], granule)]
        continued = False
        while segments:
            page, segments = segments[:most_segments], segments[most_segments:]
            ends = [granule for _piece, granule in page if granule is not None]
            granule = ends[-1] if ends else 0xFFFFFFFFFFFFFFFF
            flags = continued | (2 if number == 0 else 0) | (4 if number == 2 and not segments else 0)
            header = b"OggS\0" + bytes([flags]) + struct.pack("<QII", granule, serial, sequence)
            table = bytes([len(page)]) + bytes(len(piece) for piece, _granule in page)
            content = b"".join(piece for piece, _granule in page)
            crc = _crc(header + bytes(4) + table + content)
            out += header + struct.pack("<I", crc) + table + content
            continued = page[-1][1] is None
            sequence += 1
    return out


def moov_first(data: bytes) -> bytes:
    """Write an M4A file anew with its index before its audio, as taggers and web servers want it."""
    atoms, at = [], 0
    while at < len(data):
        length = int.from_bytes(data[at : at + 4], "big")
        atoms.append(data[at : at + length])
        at += length
    moov = next(atom for atom in atoms if atom[4:8] == b"moov")
    table = bytearray(moov)
    place = moov.index(b"stco") + 8
    for i in range(int.from_bytes(moov[place : place + 4], "big")):
        entry = place + 4 + 4 * i
        table[entry : entry + 4] = struct.pack(
            ">I", struct.unpack(">I", moov[entry : entry + 4])[0] + len(moov)
        )
    rest = [atom for atom in atoms if atom is not moov]
    return rest[0] + bytes(table) + b"".join(rest[1:])
