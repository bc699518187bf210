"""Sealing a text as the server does, for what only the server's own operations write. By libsodium."""

import base64
import ctypes
import secrets

NONCE, TAG, KEY = 24, 16, 32
_sodium = ctypes.CDLL("libsodium.so.23")


def _unwrap(master, owner, wrapped):
    key = ctypes.create_string_buffer(KEY)
    nonce, sealed = wrapped[:NONCE], wrapped[NONCE:]
    opened = _sodium.crypto_aead_xchacha20poly1305_ietf_decrypt(
        key, None, None, sealed, ctypes.c_ulonglong(len(sealed)), owner,
        ctypes.c_ulonglong(len(owner)), nonce, master)
    assert opened == 0, "not a key of this master key"
    return key.raw


def person_key(stage, database, person):
    """The key of a person, from this key database."""
    hexadecimal = stage.cluster.psql("SELECT encode(wrapped, 'hex') FROM person_key "
                                     f"WHERE person_id = '{person}'", database=database)
    return _unwrap(bytes.fromhex(stage.master_key), person.encode(), bytes.fromhex(hexadecimal))


def seal(key, person, resource, member, text):
    clear, place = text.encode(), f"{person}\n{resource}\n{member}".encode()
    nonce = secrets.token_bytes(NONCE)
    sealed = ctypes.create_string_buffer(len(clear) + TAG)
    _sodium.crypto_aead_xchacha20poly1305_ietf_encrypt(
        sealed, None, clear, ctypes.c_ulonglong(len(clear)), place,
        ctypes.c_ulonglong(len(place)), None, nonce, key)
    return "~1." + base64.urlsafe_b64encode(nonce + sealed.raw).decode().rstrip("=")
