"""A zip package in memory: parts are read one by one; entries nobody changed are copied, compressed bytes and all.

Source: ECMA-376 part 2 (packages), PKWARE APPNOTE (zip).
"""

from __future__ import annotations

import hashlib
import io
import struct
import zipfile
import zlib
from collections.abc import Iterable, Iterator

from sync.xlsx.complaints import complaint

_LOCAL = struct.Struct("<IHHHHHIIIHH")
_CENTRAL = struct.Struct("<IHHHHHHIIIHHHHHII")
_END = struct.Struct("<IHHHHIIH")
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"  # what Excel writes for a password, and the .xls of old
_ENCRYPTED = "EncryptedPackage".encode("utf-16-le")
_MIDNIGHT_1980 = 0x21  # zip's first day, so that equal parts give equal bytes
_DESCRIPTOR, _UTF8 = 0x08, 0x800
_LEVEL = 3  # measured: half the time of 6 for a tenth more bytes
_PIECE = 1 << 16  # packed; about ten times as much unpacked


class Package:
    """The parts of one file. Changes stay in memory until `packed` gives the new file's bytes."""

    def __init__(self, data: bytes, name: str, max_mb: float) -> None:
        self.name = name
        self._data = data
        self._entries = _entries(data, name)
        self._by_name = {entry.orig_filename.lower(): entry for entry in self._entries}
        self._changed: dict[str, tuple[str, bytes | None]] = {}
        if len(self._by_name) < len(self._entries):  # two programs may not take the same one of them
            raise complaint("damaged", name=name)
        if sum(entry.file_size for entry in self._entries) > max_mb * 1_000_000:
            raise complaint("too_big", name=name, limit=int(max_mb))

    def __contains__(self, part: str) -> bool:
        if part.lower() in self._changed:
            return self._changed[part.lower()][1] is not None
        return part.lower() in self._by_name

    @property
    def parts(self) -> list[str]:
        """Names of all parts, those added last."""
        old = [e.orig_filename for e in self._entries if e.orig_filename in self]
        known = set(self._by_name)
        return old + [name for key, (name, new) in self._changed.items() if key not in known and new is not None]

    @property
    def touched(self) -> bool:
        """True when `packed` would differ from the bytes read."""
        return bool(self._changed)

    def size(self, part: str) -> int:
        """Bytes that *part* unpacks to, as the zip states it; 0 when it is not there."""
        entry = self._by_name.get(part.lower())
        return entry.file_size if entry else 0

    def checksum(self, *, without: str) -> str:
        """What tells the content of all parts but one from any other content, by the checksums the zip keeps."""
        seen = sorted((e.orig_filename, e.CRC, e.file_size) for e in self._entries if e.orig_filename != without)
        return hashlib.sha256(repr(seen).encode()).hexdigest()

    def read(self, part: str) -> bytes:
        """The content of *part*; parts are compared without case, as the format asks."""
        return b"".join(self.chunks(part))

    def chunks(self, part: str) -> Iterator[bytes]:
        """The content of *part* in pieces, never more than the size the package declares."""
        changed = self._changed.get(part.lower(), ("", None))[1]
        if changed is not None:
            yield changed
            return
        entry = self._by_name.get(part.lower())
        if (
            entry is None
            or entry.flag_bits & 1
            or entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
        ):
            raise complaint("damaged", name=self.name)
        raw = self._raw(entry)
        if entry.compress_type == zipfile.ZIP_STORED:
            yield bytes(raw)
            return
        yield from self._inflated(entry, raw)

    def verify(self, parts: Iterable[str]) -> None:
        """Nothing, when each of *parts* unpacks to the size it declares: a program that trusts it is in for no more."""
        for part in parts:
            for _ in self.chunks(part):
                pass

    def _inflated(self, entry: zipfile.ZipInfo, raw: memoryview) -> Iterator[bytes]:
        inflate, left = zlib.decompressobj(-15), entry.file_size
        try:
            # Small pieces stay in the processor's cache. A lie about the size is seen before it fills the memory.
            for start in range(0, len(raw), _PIECE):
                piece = inflate.decompress(raw[start : start + _PIECE])
                left -= len(piece)
                if left < 0:
                    break
                yield piece
        except zlib.error as error:
            raise complaint("damaged", name=self.name) from error
        if left:
            raise complaint("damaged", name=self.name)

    def put(self, part: str, content: bytes) -> None:
        """Make *part* hold *content*; nothing happens when it does already."""
        if part in self and self.read(part) == content:
            return
        self._changed[part.lower()] = (part, content)

    def drop(self, part: str) -> None:
        """Leave *part* out."""
        if part in self:
            self._changed[part.lower()] = (part, None)

    def packed(self) -> bytes:
        """The bytes of the file: untouched entries in their order and as they were, then what was added."""
        out = io.BytesIO()
        central: list[bytes] = []
        written = set()
        for entry in self._entries:
            key = entry.orig_filename.lower()
            name = entry.orig_filename.encode("utf-8" if entry.flag_bits & _UTF8 else "cp437")
            if key not in self._changed:
                self._copy(entry, name, out, central)
            elif key not in written and self._changed[key][1] is not None:
                _add(name, self._changed[key][1] or b"", out, central)
            written.add(key)
        for key, (added, content) in self._changed.items():
            if key not in written and content is not None:
                _add(added.encode(), content, out, central)
        directory = out.tell()
        out.write(b"".join(central))
        out.write(_END.pack(0x06054B50, 0, 0, len(central), len(central), out.tell() - directory, directory, 0))
        return out.getvalue()

    def _copy(self, entry: zipfile.ZipInfo, name: bytes, out: io.BytesIO, central: list[bytes]) -> None:
        facts = (
            entry.flag_bits & ~_DESCRIPTOR,
            entry.compress_type,
            (entry.date_time[3] << 11) | (entry.date_time[4] << 5) | (entry.date_time[5] // 2),
            ((entry.date_time[0] - 1980) << 9) | (entry.date_time[1] << 5) | entry.date_time[2],
            entry.CRC,
            entry.compress_size,
            entry.file_size,
        )
        _write(name, facts, self._raw(entry), out, central, entry.external_attr)

    def _raw(self, entry: zipfile.ZipInfo) -> memoryview:
        try:
            head = _LOCAL.unpack_from(self._data, entry.header_offset)
        except struct.error as error:
            raise complaint("damaged", name=self.name) from error
        start = entry.header_offset + _LOCAL.size + head[-2] + head[-1]
        raw = memoryview(self._data)[start : start + entry.compress_size]
        if head[0] != 0x04034B50 or len(raw) != entry.compress_size:  # noqa: PLR2004 - the local header's signature
            raise complaint("damaged", name=self.name)
        return raw


def _entries(data: bytes, name: str) -> list[zipfile.ZipInfo]:
    if not data:
        raise complaint("empty", name=name)
    if data.startswith(_OLE):
        raise complaint("password" if _ENCRYPTED in data else "old_xls", name=name)
    if not data.startswith(b"PK"):
        raise complaint("not_xlsx", name=name)
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as package:
            return package.infolist()
    except (zipfile.BadZipFile, NotImplementedError, ValueError, EOFError, OSError, struct.error) as error:
        raise complaint("damaged", name=name) from error


def _add(name: bytes, content: bytes, out: io.BytesIO, central: list[bytes]) -> None:
    deflate = zlib.compressobj(_LEVEL, zlib.DEFLATED, -15)
    raw = deflate.compress(content) + deflate.flush()
    facts = (_UTF8, zipfile.ZIP_DEFLATED, 0, _MIDNIGHT_1980, zlib.crc32(content), len(raw), len(content))
    _write(name, facts, memoryview(raw), out, central)


def _write(
    name: bytes,
    facts: tuple[int, int, int, int, int, int, int],
    raw: memoryview,
    out: io.BytesIO,
    central: list[bytes],
    attributes: int = 0,
) -> None:
    offset = out.tell()
    out.write(_LOCAL.pack(0x04034B50, 20, *facts, len(name), 0) + name)
    out.write(raw)
    central.append(_CENTRAL.pack(0x02014B50, 20, 20, *facts, len(name), 0, 0, 0, 0, attributes, offset) + name)
