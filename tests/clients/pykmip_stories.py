#!/usr/bin/env python3
"""PyKMIP's client against a key manager, in every version that it speaks.

The stories are what products do that have this client inside (EDB's PostgreSQL TDE, TrueNAS,
Barbican), besides plain life cycle.

usage: pykmip_stories.py HOST:PORT BUNDLE_DIR
"""

import logging
import sys
import uuid
import warnings
from pathlib import Path

warnings.filterwarnings("ignore")

from kmip import enums
from kmip.core.factories.attributes import AttributeFactory
from kmip.pie import client, exceptions, objects

VERSIONS = [
    enums.KMIPVersion.KMIP_1_0,
    enums.KMIPVersion.KMIP_1_1,
    enums.KMIPVersion.KMIP_1_2,
    enums.KMIPVersion.KMIP_1_3,
    enums.KMIPVersion.KMIP_1_4,
    enums.KMIPVersion.KMIP_2_0,
]
BOTH = [enums.CryptographicUsageMask.ENCRYPT, enums.CryptographicUsageMask.DECRYPT]
AES = enums.CryptographicAlgorithm.AES
CBC = {
    "cryptographic_algorithm": AES,
    "block_cipher_mode": enums.BlockCipherMode.CBC,
    "padding_method": enums.PaddingMethod.PKCS5,
}


def name_filter(name):
    return AttributeFactory().create_attribute(enums.AttributeType.NAME, name_value(name))


def name_value(name):
    from kmip.core.attributes import Name

    return Name.create(name, enums.NameType.UNINTERPRETED_TEXT_STRING)


def life_cycle(c, version):
    """Create, find by name, get, activate, revoke, destroy, gone."""
    name = f"story-{uuid.uuid4()}"
    uid = c.create(AES, 256, name=name, cryptographic_usage_mask=BOTH)
    assert c.locate(attributes=[name_filter(name)]) == [uid], "locate by name"
    key = c.get(uid)
    assert key.cryptographic_length == 256 and len(key.value) == 32
    c.activate(uid)
    c.revoke(enums.RevocationReasonCode.CESSATION_OF_OPERATION, uid)
    c.destroy(uid)
    assert c.locate(attributes=[name_filter(name)]) == [], "destroyed, yet located"
    try:
        c.get(uid)
        raise AssertionError("a destroyed key was handed out")
    except exceptions.KmipOperationFailure:
        pass


def attributes(c, version):
    """The attribute list names only what can be fetched."""
    uid = c.create(AES, 128, cryptographic_usage_mask=BOTH)
    names = c.get_attribute_list(uid)
    got_uid, got = c.get_attributes(uid, ["State", "Cryptographic Length"])
    assert got_uid == uid
    if version < enums.KMIPVersion.KMIP_2_0:
        assert "State" in names and "Object Type" in names, names
        found = {a.attribute_name.value: a.attribute_value.value for a in got}
        assert found["State"] == enums.State.PRE_ACTIVE
        assert found["Cryptographic Length"] == 128
    c.destroy(uid)


def password_store(c, version):
    """TrueNAS: a disk password as secret data, fetched back, revoked, destroyed."""
    secret = objects.SecretData(b"correct horse", enums.SecretDataType.PASSWORD)
    uid = c.register(secret)
    assert c.get(uid).value == b"correct horse"
    c.activate(uid)
    c.revoke(enums.RevocationReasonCode.CESSATION_OF_OPERATION, uid)
    c.destroy(uid)


def all_objects(c, version):
    """Barbican: registered material comes back byte for byte."""
    for thing in (
        objects.SymmetricKey(AES, 128, bytes(range(16)), masks=BOTH),
        objects.OpaqueObject(b"\x00\x01\x02", enums.OpaqueDataType.NONE),
        objects.SecretData(b"\xff" * 96, enums.SecretDataType.SEED),
    ):
        uid = c.register(thing)
        assert c.get(uid).value == thing.value, type(thing).__name__
        c.destroy(uid)


def key_pair(c, version):
    """Barbican: a key pair, whose halves are found."""
    public, private = c.create_key_pair(
        enums.CryptographicAlgorithm.RSA,
        2048,
        public_usage_mask=[enums.CryptographicUsageMask.VERIFY],
        private_usage_mask=[enums.CryptographicUsageMask.SIGN],
    )
    assert c.get(public).cryptographic_length == 2048
    assert c.get(private).object_type == enums.ObjectType.PRIVATE_KEY
    c.destroy(public)
    c.destroy(private)


def database_key(c, version):
    """EDB: the server encrypts and decrypts the database's key, IV by the caller."""
    uid = c.create(AES, 256, cryptographic_usage_mask=BOTH)
    c.activate(uid)
    iv = bytes(range(16))
    encrypted, _ = c.encrypt(b"the key of a database", uid, CBC, iv)
    assert encrypted != b"the key of a database"
    assert c.decrypt(encrypted, uid, CBC, iv) == b"the key of a database"
    c.revoke(enums.RevocationReasonCode.CESSATION_OF_OPERATION, uid)
    c.destroy(uid)


def unknown_key(c, version):
    """A key that is not there is said not to be there, in the standard's word."""
    try:
        c.get("no-such-key")
        raise AssertionError("got a key that does not exist")
    except exceptions.KmipOperationFailure as refusal:
        # Percona's MongoDB and others look for exactly this reason in 1.x; 2.x renamed it.
        expected = enums.ResultReason.ITEM_NOT_FOUND
        if version >= enums.KMIPVersion.KMIP_2_0:
            expected = enums.ResultReason.OBJECT_NOT_FOUND
        assert refusal.reason == expected, refusal.reason


STORIES = [
    # (story, first version that has its operations)
    (life_cycle, enums.KMIPVersion.KMIP_1_0),
    (attributes, enums.KMIPVersion.KMIP_1_0),
    (password_store, enums.KMIPVersion.KMIP_1_0),
    (all_objects, enums.KMIPVersion.KMIP_1_0),
    (key_pair, enums.KMIPVersion.KMIP_1_0),
    (unknown_key, enums.KMIPVersion.KMIP_1_0),
    (database_key, enums.KMIPVersion.KMIP_1_2),
]


def main():
    host, port = sys.argv[1].split(":")
    bundle = Path(sys.argv[2])
    logging.disable(logging.CRITICAL)
    passed = failed = 0
    for version in VERSIONS:
        for story, first in STORIES:
            if version < first:
                continue
            label = f"{version.name} {story.__name__}"
            try:
                with client.ProxyKmipClient(
                    hostname=host,
                    port=int(port),
                    cert=str(bundle / "cert.pem"),
                    key=str(bundle / "key.pem"),
                    ca=str(bundle / "ca.pem"),
                    ssl_version="PROTOCOL_TLSv1_2",
                    kmip_version=version,
                ) as c:
                    story(c, version)
                passed += 1
            except Exception as error:
                print(f"FAILED {label}: {type(error).__name__}: {error}")
                failed += 1
    print(f"{passed} passed, {failed} failed, 0 skipped")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
