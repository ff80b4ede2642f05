"""The picture of a code: a QR code as SVG, readable from paper and from a screen at night."""

import io

import segno


def svg(address: str) -> bytes:
    """Return a QR code of an address: level M, quiet zone of four modules, black on white."""
    out = io.BytesIO()
    segno.make(address, error="m", micro=False).save(
        out, kind="svg", scale=4, border=4, dark="#000", light="#fff", xmldecl=False
    )
    return out.getvalue()
