"""Small files of evidence: a text, a picture and a page, made of nothing but the standard library."""
import random
import struct
import zlib


def survey(title, number):
    """A table as text."""
    source = random.Random(number)
    rows = [f"{question:<44}{source.randint(40, 60):>8} %{source.randint(65, 92):>8} %" for question in (
        "I know whom to ask for help", "I can concentrate in lessons", "Adults listen to me",
        "I feel that I belong", "I know what I am good at")]
    return "\n".join([title, "", f"{'Question':<44}{'before':>10}{'after':>10}", *rows, ""]).encode()


def _chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def chart(_, number):
    """Six pairs of bars as a PNG of 240 by 120 pixels."""
    source = random.Random(number)
    bars = [(source.randint(30, 70), source.randint(60, 110)) for _ in range(6)]
    lines = []
    for y in range(120):
        line = bytearray([0])  # no filter
        for x in range(240):
            before, after = bars[x // 40]
            place, height = x % 40, 120 - y
            in_first, in_second = 4 <= place < 18, 22 <= place < 36
            is_bar = in_first and height <= before or in_second and height <= after
            line.append((1 if in_first else 2) if is_bar else 0)
        lines.append(bytes(line))
    return (b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", struct.pack(">IIBBBBB", 240, 120, 8, 3, 0, 0, 0))
            + _chunk(b"PLTE", bytes.fromhex("ffffff8fa8c82f5d50"))
            + _chunk(b"IDAT", zlib.compress(b"".join(lines), 9)) + _chunk(b"IEND", b""))


def summary(title, number):
    """One page as a PDF."""
    text = [title, f"Invented school {number}", "What we asked, what we did, and what changed.",
            "No learner is named on this page."]
    words = "BT /F1 14 Tf 60 770 Td 22 TL " + " ".join(f"({line}) Tj T*" for line in text) + " ET"
    parts = ["<< /Type /Catalog /Pages 2 0 R >>", "<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
             "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R "
             "/Resources << /Font << /F1 5 0 R >> >> >>",
             f"<< /Length {len(words)} >>\nstream\n{words}\nendstream",
             "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>"]
    out, places = "%PDF-1.4\n", []
    for place, part in enumerate(parts, 1):
        places.append(len(out))
        out += f"{place} 0 obj\n{part}\nendobj\n"
    table = "".join(f"{place:010d} 00000 n \n" for place in places)
    out += (f"xref\n0 6\n0000000000 65535 f \n{table}trailer\n<< /Size 6 /Root 1 0 R >>\n"
            f"startxref\n{len(out)}\n%%EOF\n")
    return out.encode("ascii")


# By the word in an act: what makes it, its media type and its name.
FILES = {"survey": (survey, "text/plain", "survey.txt"), "chart": (chart, "image/png", "chart.png"),
         "summary": (summary, "application/pdf", "summary.pdf")}
