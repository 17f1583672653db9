#!/usr/bin/env python3
"""libmongocrypt's KMIP against a key manager, without a mongod.

Every MongoDB driver has this code inside: a data key is made under a master key that the key
manager holds (local mode) or never gives out (delegated mode), a value is encrypted and, by a
client that has cached nothing, decrypted again.

usage: mongocrypt.py HOST:PORT BUNDLE_DIR
"""

import socket
import ssl
import sys
from pathlib import Path

import bson
from pymongocrypt.mongocrypt import MongoCryptOptions
from pymongocrypt.synchronous.explicit_encrypter import ExplicitEncrypter
from pymongocrypt.synchronous.state_machine import MongoCryptCallback

ALGORITHM = "AEAD_AES_256_CBC_HMAC_SHA_512-Random"


class Vault(MongoCryptCallback):
    """The key vault in memory, and the TLS that drivers bring themselves."""

    def __init__(self, bundle, keys):
        self.context = ssl.create_default_context(cafile=str(bundle / "ca.pem"))
        self.context.load_cert_chain(str(bundle / "cert.pem"), str(bundle / "key.pem"))
        self.keys = keys
        self.messages = 0

    def kms_request(self, kms_context):
        host, port = kms_context.endpoint.split(":")
        self.messages += 1
        with socket.create_connection((host, int(port)), timeout=20) as tcp:
            with self.context.wrap_socket(tcp, server_hostname=host) as tls:
                tls.sendall(kms_context.message)
                while kms_context.bytes_needed > 0:
                    data = tls.recv(kms_context.bytes_needed)
                    if not data:
                        raise OSError("the key manager closed the connection")
                    kms_context.feed(data)

    def insert_data_key(self, data_key):
        self.keys.append(bytes(data_key))
        return bytes(bson.decode(data_key)["_id"])

    def fetch_keys(self, filter):
        yield from self.keys

    def bson_encode(self, doc):
        return bson.encode(doc)

    def collection_info(self, database, filter):
        raise NotImplementedError

    def mark_command(self, database, cmd):
        raise NotImplementedError

    def close(self):
        pass


def encrypter(endpoint, bundle, keys):
    vault = Vault(bundle, keys)
    options = MongoCryptOptions({"kmip": {"endpoint": endpoint}})
    return ExplicitEncrypter(vault, options), vault


def round_trip(endpoint, bundle, master_key):
    """Makes a data key, encrypts, and decrypts as another client that knows the vault only."""
    keys = []
    writer, writing = encrypter(endpoint, bundle, keys)
    key_id = writer.create_data_key("kmip", master_key)
    value = bson.encode({"v": "a value worth encrypting"})
    encrypted = writer.encrypt(value, ALGORITHM, key_id=key_id)
    writer.close()
    assert b"worth encrypting" not in encrypted

    reader, reading = encrypter(endpoint, bundle, keys)
    decrypted = reader.decrypt(encrypted)
    reader.close()
    assert bson.decode(decrypted) == bson.decode(value), "decrypted to something else"
    return bson.decode(keys[0])["masterKey"], writing.messages, reading.messages


def local_mode(endpoint, bundle):
    """The client registers 96 bytes, gets them back and encrypts with them itself."""
    master, made, opened = round_trip(endpoint, bundle, {})
    assert master["provider"] == "kmip" and master["keyId"], master
    # A second data key under the same master key: the master key is fetched only.
    again, _, _ = round_trip(endpoint, bundle, {"keyId": master["keyId"]})
    assert again["keyId"] == master["keyId"]
    return made, opened


def delegated_mode(endpoint, bundle):
    """The key manager encrypts and decrypts the data key; the master key never leaves it."""
    master, made, opened = round_trip(endpoint, bundle, {"delegated": True})
    assert master["delegated"] is True and master["keyId"], master
    again, _, _ = round_trip(endpoint, bundle, {"delegated": True, "keyId": master["keyId"]})
    assert again["keyId"] == master["keyId"]
    return made, opened


def main():
    endpoint, bundle = sys.argv[1], Path(sys.argv[2])
    passed = failed = 0
    for mode in (local_mode, delegated_mode):
        try:
            made, opened = mode(endpoint, bundle)
            print(f"ok     {mode.__name__}: {made} messages to make a key, {opened} to open it")
            passed += 1
        except Exception as error:
            print(f"FAILED {mode.__name__}: {type(error).__name__}: {error}")
            failed += 1
    print(f"{passed} passed, {failed} failed, 0 skipped")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
