"""What Python's email package finds in messages: paths on standard input, one a line; JSON on standard output.

One list per message, of one entry per part: its place in the tree, its type, whether it is composite, its decoded
octets and, for a text, the same with canonical line ends, both as digests; the header fields with encoded words
decoded, and file names.
"""

import email
import email.header
import email.message
import email.policy
import hashlib
import json
import re
import sys


def digest(octets):
    return f"{len(octets)}:{hashlib.sha256(octets).hexdigest()[:16]}"


def octets_of(text):
    """What the bytes parser makes of octets above 127, undone."""
    return text.encode("ascii", "surrogateescape")


WORD = re.compile(r"(=\?[^? ]+\?[BbQq]\?[^? ]*\?=)")


def decoded(value):
    """One character per octet; white space as one blank, and none between encoded words."""
    out = ""
    between = False
    for piece in WORD.split(octets_of(value).decode("latin-1")):
        if WORD.fullmatch(piece):
            [(text, _)] = email.header.decode_header(piece)
            out += text.decode("latin-1")
            between = True
        elif not (between and piece.isspace()):
            out += piece
            between = False
    # A phrase may be a quoted string or encoded words, which white space separates from what stands beside them.
    return re.sub(r"[ \t\r\n]*([ ,:;\r\n])[ \t\r\n]*", r"\1", re.sub(r'[\\"]', "", out)).strip(" ")


def file_name(part):
    """One character per octet, whatever charset it says."""
    plain = email.message.Message()
    for name, value in part.raw_items():
        plain[name] = octets_of(value).decode("latin-1")
    for name, header in (("filename", "content-disposition"), ("name", "content-type")):
        found = plain.get_param(name, None, header)
        if found is not None:
            return found[2] if isinstance(found, tuple) else found
    return None


def parts(part, place=""):
    header = [[name, decoded(value)] for name, value in part.raw_items()]
    entry = {
        "place": place,
        "type": part.get_content_type(),
        "charset": str(part.get_content_charset()),
        "composite": part.is_multipart(),
        "name": file_name(part),
        "header": header,
    }
    if part.is_multipart():
        yield entry
        for index, child in enumerate(part.get_payload()):
            yield from parts(child, f"{place}/{index}")
        return
    octets = part.get_payload(decode=True) or b""
    entry["octets"] = digest(octets)
    if part.get_content_maintype() == "text":
        entry["text"] = digest(re.sub(rb"\r\n|\r|\n", b"\n", octets))
    yield entry


def read(path):
    with open(path, "rb") as file:
        message = email.message_from_bytes(file.read(), policy=email.policy.compat32)
    return list(parts(message))


json.dump([read(line.rstrip("\n")) for line in sys.stdin], sys.stdout)
