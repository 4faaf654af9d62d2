"""What a site says about its body's bytes, taken as a hint and never as an order: anybody may write it.

Only encodings of text that browsers know are used: Python has others, some of which need time by the square of the
text, and some of which refuse to decode. Whatever is said, there is a text in the end, in time linear in the body.
"""

from __future__ import annotations

import zlib
from types import MappingProxyType
from typing import TYPE_CHECKING

from watchtower.sources.probe.result import Down

if TYPE_CHECKING:
    from collections.abc import Mapping

#: Python's names with the names that sites use for them (https://encoding.spec.whatwg.org/#names-and-labels).
_NAMES = {
    "utf-8": "utf-8 utf8 unicode-1-1-utf-8 x-unicode20utf8",
    "utf-16-le": "utf-16 utf-16le ucs-2 unicode csunicode iso-10646-ucs-2",
    "utf-16-be": "utf-16be unicodefffe",
    "cp1252": "windows-1252 cp1252 x-cp1252 iso-8859-1 iso8859-1 iso_8859-1 latin1 l1 us-ascii ascii cp819 ibm819",
    "iso8859-2": "iso-8859-2 iso8859-2 iso_8859-2 latin2 l2",
    "iso8859-3": "iso-8859-3 iso8859-3 iso_8859-3 latin3 l3",
    "iso8859-4": "iso-8859-4 iso8859-4 iso_8859-4 latin4 l4",
    "iso8859-5": "iso-8859-5 iso8859-5 iso_8859-5 cyrillic",
    "iso8859-6": "iso-8859-6 iso8859-6 iso_8859-6 iso-8859-6-e iso-8859-6-i arabic",
    "iso8859-7": "iso-8859-7 iso8859-7 iso_8859-7 greek greek8 sun_eu_greek",
    "iso8859-8": "iso-8859-8 iso8859-8 iso_8859-8 iso-8859-8-e iso-8859-8-i hebrew visual logical",
    "iso8859-10": "iso-8859-10 iso8859-10 latin6 l6",
    "iso8859-13": "iso-8859-13 iso8859-13",
    "iso8859-14": "iso-8859-14 iso8859-14",
    "iso8859-15": "iso-8859-15 iso8859-15 iso_8859-15 l9",
    "iso8859-16": "iso-8859-16",
    "cp866": "ibm866 cp866 866",
    "cp874": "windows-874 dos-874 tis-620 iso-8859-11 iso8859-11",
    "cp1250": "windows-1250 cp1250 x-cp1250",
    "cp1251": "windows-1251 cp1251 x-cp1251",
    "cp1253": "windows-1253 cp1253 x-cp1253",
    "cp1254": "windows-1254 cp1254 x-cp1254 iso-8859-9 iso8859-9 iso_8859-9 latin5 l5",
    "cp1255": "windows-1255 cp1255 x-cp1255",
    "cp1256": "windows-1256 cp1256 x-cp1256",
    "cp1257": "windows-1257 cp1257 x-cp1257",
    "cp1258": "windows-1258 cp1258 x-cp1258",
    "koi8-r": "koi8-r koi8 koi koi8_r cskoi8r",
    "koi8-u": "koi8-u koi8-ru",
    "mac-roman": "macintosh mac x-mac-roman",
    "mac-cyrillic": "x-mac-cyrillic x-mac-ukrainian",
    "gb18030": "gb18030 gbk x-gbk gb2312 gb_2312-80 chinese",
    "big5hkscs": "big5 big5-hkscs cn-big5 x-x-big5",
    "euc-jp": "euc-jp x-euc-jp",
    "iso2022-jp": "iso-2022-jp csiso2022jp",
    "cp932": "shift_jis shift-jis sjis x-sjis ms_kanji ms932 windows-31j",
    "cp949": "euc-kr ks_c_5601-1987 ks_c_5601-1989 ksc5601 ksc_5601 korean windows-949",
}
_CODECS: Mapping[str, str] = MappingProxyType(
    {name: codec for codec, names in _NAMES.items() for name in names.split()}
)
#: The first bytes of a text that say what it is, whatever its Content-Type says.
_MARKS = ((b"\xef\xbb\xbf", "utf-8"), (b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be"))
#: Characters of a Content-Type that are looked at.
_MAX_TYPE = 1_024

_RAW, _GZIP_OR_ZLIB = -15, 47  # zlib's wbits
_PACKED = frozenset({"gzip", "x-gzip", "deflate"})
_GZIP = b"\x1f\x8b"
#: How many gzip files one after the other are opened: each costs a copy of all that follow it.
_MAX_MEMBERS = 128


def text_of(body: bytes, content_type: str) -> str:
    """Bytes as text: by their own mark, else as the Content-Type says, else UTF-8; what does not fit is replaced."""
    for mark, codec in _MARKS:
        if body.startswith(mark):
            return body[len(mark) :].decode(codec, errors="replace")
    return body.decode(_codec(content_type), errors="replace")


def _codec(content_type: str) -> str:
    for part in content_type[:_MAX_TYPE].split(";")[1:]:
        name, _, value = part.partition("=")
        if name.strip().lower() == "charset":
            return _CODECS.get(value.strip(" \t\"'").lower(), "utf-8")
    return "utf-8"


def unpacked(body: bytes, encoding: str, most: int, *, whole: bool) -> bytes:
    """At most so many bytes of a body as its Content-Encoding says; ``whole`` false: its end was left unread.

    Raises Down when it cannot be read, or breaks off.
    """
    encoding = encoding.strip().lower()
    if encoding in ("identity", "") or not body:
        return body
    if encoding not in _PACKED:
        raise Down(f"body is encoded with {encoding}, though none was asked for; its text cannot be read")
    try:
        opened, ended = _opened(body, most, _GZIP_OR_ZLIB)
    except zlib.error:
        opened, ended = _bare(body, encoding, most)
    if whole and not ended and len(opened) < most:
        raise Down(f"body says that it is {encoding}, and breaks off after {len(opened)} bytes of text")
    return opened


def _bare(body: bytes, encoding: str, most: int) -> tuple[bytes, bool]:
    """Deflate without zlib's frame: some servers send it, and browsers take it."""
    try:
        if encoding == "deflate":
            return _opened(body, most, _RAW)
    except zlib.error:
        pass
    raise Down(f"body says that it is {encoding}, and is not")


def _opened(body: bytes, most: int, form: int) -> tuple[bytes, bool]:
    """What is inside, and whether its end was there; files of gzip may follow each other."""
    opened, rest = b"", body
    for _ in range(_MAX_MEMBERS):
        opener = zlib.decompressobj(form)
        opened += opener.decompress(rest, most - len(opened))
        rest = opener.unused_data
        if not opener.eof or len(opened) >= most or not rest.startswith(_GZIP):
            return opened, opener.eof
    return opened, True
