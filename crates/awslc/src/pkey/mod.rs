//! Asymmetric keys: one EVP key for parsing, conversion and use.

mod ec;
mod kem;
mod rsa;
mod sign;

use std::os::raw::c_int;
use std::ptr;

use aws_lc_sys as ffi;

use crate::buffer::{Buffer, reader};
use crate::{Error, clear_errors, ok};

pub use ec::Curve;
pub use kem::Encapsulated;
pub use rsa::{Encryption, RsaPrivate};
pub use sign::{RsaSignature, SaltLen};

/// What a key is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Kind {
    Rsa,
    Ec(Curve),
    Ed25519,
    X25519,
    MlKem512,
    MlKem768,
    MlKem1024,
    MlDsa44,
    MlDsa65,
    MlDsa87,
}

impl Kind {
    const KEMS: [(Self, c_int); 3] = [
        (Self::MlKem512, ffi::NID_MLKEM512),
        (Self::MlKem768, ffi::NID_MLKEM768),
        (Self::MlKem1024, ffi::NID_MLKEM1024),
    ];
    const DSAS: [(Self, c_int); 3] = [
        (Self::MlDsa44, ffi::NID_MLDSA44),
        (Self::MlDsa65, ffi::NID_MLDSA65),
        (Self::MlDsa87, ffi::NID_MLDSA87),
    ];

    fn nid(self, table: &[(Self, c_int)]) -> Option<c_int> {
        table.iter().find(|(kind, _)| *kind == self).map(|(_, nid)| *nid)
    }

    fn by_nid(nid: c_int, table: &[(Self, c_int)]) -> Option<Self> {
        table.iter().find(|(_, known)| *known == nid).map(|(kind, _)| *kind)
    }
}

/// The library's key, private or public.
struct Key(*mut ffi::EVP_PKEY);

// SAFETY: the key is owned by this value and not tied to a thread; it is changed only while made.
unsafe impl Send for Key {}
// SAFETY: the library documents that a key may be used on many threads at once while nobody
// changes it, and nothing here does.
unsafe impl Sync for Key {}

impl Key {
    /// Takes ownership of a key the library made, null meaning refusal.
    fn own(key: *mut ffi::EVP_PKEY, error: Error) -> Result<Self, Error> {
        if key.is_null() {
            clear_errors();
            return Err(error);
        }
        Ok(Self(key))
    }

    fn kind(&self) -> Result<Kind, Error> {
        let unsupported = Error::Unsupported("a key of this algorithm or curve");
        // SAFETY: the key is live; the three getters read it.
        unsafe {
            match ffi::EVP_PKEY_id(self.0) {
                ffi::EVP_PKEY_RSA => Ok(Kind::Rsa),
                ffi::EVP_PKEY_EC => self.curve().map(Kind::Ec),
                ffi::EVP_PKEY_ED25519 => Ok(Kind::Ed25519),
                ffi::EVP_PKEY_X25519 => Ok(Kind::X25519),
                ffi::EVP_PKEY_KEM => {
                    Kind::by_nid(ffi::EVP_PKEY_kem_get_type(self.0), &Kind::KEMS).ok_or(unsupported)
                }
                ffi::EVP_PKEY_PQDSA => {
                    let nid = ffi::EVP_PKEY_pqdsa_get_type(self.0);
                    Kind::by_nid(nid, &Kind::DSAS).ok_or(unsupported)
                }
                _ => Err(unsupported),
            }
        }
    }

    /// A fresh context for one operation with this key.
    fn context(&self) -> Result<Operation, Error> {
        // SAFETY: the key is live; the context keeps a reference of its own to it.
        Operation::own(unsafe { ffi::EVP_PKEY_CTX_new(self.0, ptr::null_mut()) })
    }

    /// A byte string that a getter with the usual "null asks for the length" manner gives.
    fn get(
        &self,
        getter: unsafe extern "C" fn(*const ffi::EVP_PKEY, *mut u8, *mut usize) -> c_int,
    ) -> Result<Buffer, Error> {
        let unsupported = Error::Unsupported("a raw form of this key");
        let mut len = 0;
        // SAFETY: a null output asks for the length only.
        ok(unsafe { getter(self.0, ptr::null_mut(), &raw mut len) }, unsupported)?;
        Buffer::build(len, |out| {
            // SAFETY: `out` has the `len` bytes that the getter asked for.
            ok(unsafe { getter(self.0, out.as_mut_ptr(), &raw mut len) }, unsupported)?;
            Ok(len)
        })
    }

    fn bits(&self) -> u32 {
        // SAFETY: the key is live.
        unsafe { ffi::EVP_PKEY_bits(self.0) }.unsigned_abs()
    }

    /// The longest signature or ciphertext in bytes.
    fn size(&self) -> usize {
        // SAFETY: the key is live.
        unsafe { ffi::EVP_PKEY_size(self.0) }.unsigned_abs() as usize
    }
}

impl Drop for Key {
    fn drop(&mut self) {
        // SAFETY: owned, freed once; the library wipes what it frees.
        unsafe { ffi::EVP_PKEY_free(self.0) };
    }
}

/// The library's context for one operation with a key.
struct Operation(*mut ffi::EVP_PKEY_CTX);

impl Operation {
    fn own(context: *mut ffi::EVP_PKEY_CTX) -> Result<Self, Error> {
        if context.is_null() {
            clear_errors();
            return Err(Error::Internal("EVP_PKEY_CTX_new"));
        }
        Ok(Self(context))
    }

    /// Generates a key with what was set.
    fn generate(&self) -> Result<Key, Error> {
        let mut key = ptr::null_mut();
        // SAFETY: the context is live and was initialised for key generation.
        let result = unsafe { ffi::EVP_PKEY_keygen(self.0, &raw mut key) };
        if result != 1 {
            clear_errors();
            return Err(Error::BadParameter("the library generates no such key"));
        }
        Key::own(key, Error::Internal("EVP_PKEY_keygen"))
    }
}

impl Drop for Operation {
    fn drop(&mut self) {
        // SAFETY: owned, freed once.
        unsafe { ffi::EVP_PKEY_CTX_free(self.0) };
    }
}

/// A private key.
pub struct PrivateKey(Key);

/// A public key.
pub struct PublicKey(Key);

impl PrivateKey {
    /// Generates a key of any kind but RSA, for which see [`PrivateKey::generate_rsa`].
    pub fn generate(kind: Kind) -> Result<Self, Error> {
        let id = match kind {
            Kind::Rsa => return Err(Error::BadParameter("an RSA key needs a length")),
            Kind::Ec(curve) => return Self::generate_ec(curve),
            Kind::Ed25519 => ffi::EVP_PKEY_ED25519,
            Kind::X25519 => ffi::EVP_PKEY_X25519,
            Kind::MlKem512 | Kind::MlKem768 | Kind::MlKem1024 => ffi::EVP_PKEY_KEM,
            Kind::MlDsa44 | Kind::MlDsa65 | Kind::MlDsa87 => ffi::EVP_PKEY_PQDSA,
        };
        // SAFETY: allocates or returns null, which `own` checks.
        let operation = Operation::own(unsafe { ffi::EVP_PKEY_CTX_new_id(id, ptr::null_mut()) })?;
        // SAFETY: the context is live; the parameter setters take one number.
        let ready = unsafe {
            (match (kind.nid(&Kind::KEMS), kind.nid(&Kind::DSAS)) {
                (Some(nid), _) => ffi::EVP_PKEY_CTX_kem_set_params(operation.0, nid) == 1,
                (_, Some(nid)) => ffi::EVP_PKEY_CTX_pqdsa_set_params(operation.0, nid) == 1,
                _ => true,
            }) && ffi::EVP_PKEY_keygen_init(operation.0) == 1
        };
        if !ready {
            clear_errors();
            return Err(Error::Internal("EVP_PKEY_keygen_init"));
        }
        operation.generate().map(Self)
    }

    /// Parses PKCS #8 (RFC 5958), with nothing behind it.
    pub fn from_pkcs8(der: &[u8]) -> Result<Self, Error> {
        let mut input = reader(der);
        // SAFETY: the reader covers `der`, which outlives the call.
        let key = unsafe { ffi::EVP_parse_private_key(input.as_mut_ptr()) };
        let key = Key::own(key, Error::BadKey("not a PKCS #8 private key"))?;
        if !input.is_at_end() {
            return Err(Error::BadKey("bytes after the PKCS #8 private key"));
        }
        key.kind()?;
        Ok(Self(key))
    }

    /// As PKCS #8.
    pub fn to_pkcs8(&self) -> Result<Buffer, Error> {
        Buffer::marshal(Error::Unsupported("PKCS #8 for this key"), |out| {
            // SAFETY: the writer is valid and the key live.
            unsafe { ffi::EVP_marshal_private_key(out, self.0.0) }
        })
    }

    /// From the raw private key: 32 bytes for Ed25519 and X25519; for ML-DSA the seed of 32 bytes or
    /// the expanded key; for ML-KEM the seed of 64 bytes or the expanded key.
    pub fn from_raw(kind: Kind, bytes: &[u8]) -> Result<Self, Error> {
        if bytes.len() == kem::SEED_LEN && kind.nid(&Kind::KEMS).is_some() {
            return Self::from_pkcs8(kem::pkcs8_of_seed(kind, bytes)?.as_slice());
        }
        let (at, len) = (bytes.as_ptr(), bytes.len());
        // SAFETY: `bytes` is valid for its length, which each function checks.
        let key = unsafe {
            match (kind, kind.nid(&Kind::KEMS), kind.nid(&Kind::DSAS)) {
                (Kind::Ed25519, ..) => {
                    let id = ffi::EVP_PKEY_ED25519;
                    ffi::EVP_PKEY_new_raw_private_key(id, ptr::null_mut(), at, len)
                }
                (Kind::X25519, ..) => {
                    let id = ffi::EVP_PKEY_X25519;
                    ffi::EVP_PKEY_new_raw_private_key(id, ptr::null_mut(), at, len)
                }
                (_, Some(nid), _) => ffi::EVP_PKEY_kem_new_raw_secret_key(nid, at, len),
                (_, _, Some(nid)) => ffi::EVP_PKEY_pqdsa_new_raw_private_key(nid, at, len),
                _ => return Err(Error::Unsupported("a raw private key of this algorithm")),
            }
        };
        Key::own(key, Error::BadKey("not a raw private key of this algorithm")).map(Self)
    }

    /// The raw private key: the seed where the key has one, else the expanded key.
    pub fn to_raw(&self) -> Result<Buffer, Error> {
        self.0
            .get(ffi::EVP_PKEY_get_private_seed)
            .or_else(|_| self.0.get(ffi::EVP_PKEY_get_raw_private_key))
    }

    /// What the key is.
    pub fn kind(&self) -> Result<Kind, Error> {
        self.0.kind()
    }

    /// The key's length in bits: the modulus for RSA, the order for EC.
    pub fn bits(&self) -> u32 {
        self.0.bits()
    }

    /// The public half.
    pub fn public(&self) -> Result<PublicKey, Error> {
        let kind = self.kind()?;
        if kind.nid(&Kind::KEMS).is_some() {
            return self.kem_public(kind);
        }
        PublicKey::from_spki(public_der(&self.0)?.as_slice())
    }
}

impl PublicKey {
    /// Parses a SubjectPublicKeyInfo (RFC 5280), with nothing behind it.
    pub fn from_spki(der: &[u8]) -> Result<Self, Error> {
        let mut input = reader(der);
        // SAFETY: the reader covers `der`, which outlives the call.
        let key = unsafe { ffi::EVP_parse_public_key(input.as_mut_ptr()) };
        let key = Key::own(key, Error::BadKey("not a SubjectPublicKeyInfo"))?;
        if !input.is_at_end() {
            return Err(Error::BadKey("bytes after the SubjectPublicKeyInfo"));
        }
        key.kind()?;
        Ok(Self(key))
    }

    /// As SubjectPublicKeyInfo.
    pub fn to_spki(&self) -> Result<Buffer, Error> {
        public_der(&self.0)
    }

    /// From the raw public key of Ed25519, X25519, ML-KEM or ML-DSA.
    pub fn from_raw(kind: Kind, bytes: &[u8]) -> Result<Self, Error> {
        let (at, len) = (bytes.as_ptr(), bytes.len());
        // SAFETY: `bytes` is valid for its length, which each function checks.
        let key = unsafe {
            match (kind, kind.nid(&Kind::KEMS), kind.nid(&Kind::DSAS)) {
                (Kind::Ed25519, ..) => {
                    let id = ffi::EVP_PKEY_ED25519;
                    ffi::EVP_PKEY_new_raw_public_key(id, ptr::null_mut(), at, len)
                }
                (Kind::X25519, ..) => {
                    let id = ffi::EVP_PKEY_X25519;
                    ffi::EVP_PKEY_new_raw_public_key(id, ptr::null_mut(), at, len)
                }
                (_, Some(nid), _) => ffi::EVP_PKEY_kem_new_raw_public_key(nid, at, len),
                (_, _, Some(nid)) => ffi::EVP_PKEY_pqdsa_new_raw_public_key(nid, at, len),
                _ => return Err(Error::Unsupported("a raw public key of this algorithm")),
            }
        };
        Key::own(key, Error::BadKey("not a raw public key of this algorithm")).map(Self)
    }

    /// The raw public key of Ed25519, X25519, ML-KEM or ML-DSA; for EC see [`PublicKey::ec_point`].
    pub fn to_raw(&self) -> Result<Buffer, Error> {
        self.0.get(ffi::EVP_PKEY_get_raw_public_key)
    }

    /// What the key is.
    pub fn kind(&self) -> Result<Kind, Error> {
        self.0.kind()
    }

    /// The key's length in bits: the modulus for RSA, the order for EC.
    pub fn bits(&self) -> u32 {
        self.0.bits()
    }
}

fn public_der(key: &Key) -> Result<Buffer, Error> {
    Buffer::marshal(Error::Unsupported("SubjectPublicKeyInfo for this key"), |out| {
        // SAFETY: the writer is valid and the key live.
        unsafe { ffi::EVP_marshal_public_key(out, key.0) }
    })
}
