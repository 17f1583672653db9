//! Signatures: RSA and ECDSA over a digest, Ed25519 and ML-DSA over a message.

use std::ptr;

use aws_lc_sys as ffi;

use super::{Key, Kind, PrivateKey, PublicKey};
use crate::digest::Md;
use crate::{Error, clear_errors, ok};

/// The salt of a PSS signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SaltLen {
    /// As long as the hash.
    Digest,
    /// This many bytes.
    Bytes(usize),
    /// The longest that fits; in verification, whatever the signature has.
    Any,
}

/// How RSA pads what it signs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RsaSignature {
    /// PKCS #1 v1.5 with the hash named in front of the digest.
    Pkcs1(Md),
    /// PKCS #1 v1.5 over the bytes as they are.
    Pkcs1Bare,
    /// PSS.
    Pss {
        /// The hash of the digest.
        hash: Md,
        /// The hash of the mask.
        mgf: Md,
        /// The salt.
        salt: SaltLen,
    },
}

impl PrivateKey {
    /// Signs a digest with RSA.
    pub fn rsa_sign(&self, padding: RsaSignature, digest: &[u8]) -> Result<Vec<u8>, Error> {
        self.0.rsa()?;
        check_digest(padding, digest)?;
        let refused = Error::BadParameter("this digest, padding or salt with this RSA key");
        self.0.sign_digest(Some(padding), digest, refused)
    }

    /// Signs a digest with ECDSA; DER. A digest longer than the order is cut, as the standard says.
    pub fn ecdsa_sign(&self, digest: &[u8]) -> Result<Vec<u8>, Error> {
        self.0.curve()?;
        self.0.sign_digest(None, digest, Error::Internal("ECDSA"))
    }

    /// Signs a message with Ed25519 or ML-DSA (pure, empty context).
    pub fn sign_message(&self, message: &[u8]) -> Result<Vec<u8>, Error> {
        self.0.signs_messages()?;
        let context = MessageContext::new()?;
        let mut out = vec![0; self.0.size()];
        let mut len = out.len();
        // SAFETY: context and key are live; a null hash means the algorithm's own; `out` has the
        // signature's length and `message` is valid for its.
        let done = unsafe {
            let (none, engine) = (ptr::null_mut(), ptr::null_mut());
            let (at, from) = (out.as_mut_ptr(), message.as_ptr());
            ffi::EVP_DigestSignInit(context.0, none, ptr::null(), engine, self.0.0) == 1
                && ffi::EVP_DigestSign(context.0, at, &raw mut len, from, message.len()) == 1
        };
        if !done {
            clear_errors();
            return Err(Error::Internal("EVP_DigestSign"));
        }
        out.truncate(len);
        Ok(out)
    }
}

impl PublicKey {
    /// Whether `signature` is an RSA signature of the digest.
    pub fn rsa_verify(
        &self,
        padding: RsaSignature,
        digest: &[u8],
        signature: &[u8],
    ) -> Result<bool, Error> {
        self.0.rsa()?;
        check_digest(padding, digest)?;
        self.0.verify_digest(Some(padding), digest, signature)
    }

    /// Whether `signature` is an ECDSA signature of the digest, in DER.
    pub fn ecdsa_verify(&self, digest: &[u8], signature: &[u8]) -> Result<bool, Error> {
        self.0.curve()?;
        self.0.verify_digest(None, digest, signature)
    }

    /// Whether `signature` is an Ed25519 or ML-DSA signature of the message.
    pub fn verify_message(&self, message: &[u8], signature: &[u8]) -> Result<bool, Error> {
        self.0.signs_messages()?;
        let context = MessageContext::new()?;
        // SAFETY: context and key are live; a null hash means the algorithm's own; both slices are
        // valid for their lengths.
        let valid = unsafe {
            let (none, engine) = (ptr::null_mut(), ptr::null_mut());
            let (at, len) = (signature.as_ptr(), signature.len());
            ffi::EVP_DigestVerifyInit(context.0, none, ptr::null(), engine, self.0.0) == 1
                && ffi::EVP_DigestVerify(context.0, at, len, message.as_ptr(), message.len()) == 1
        };
        clear_errors();
        Ok(valid)
    }
}

impl Key {
    fn sign_digest(
        &self,
        padding: Option<RsaSignature>,
        digest: &[u8],
        refused: Error,
    ) -> Result<Vec<u8>, Error> {
        let operation = self.context()?;
        // SAFETY: the context is live.
        let ready = unsafe { ffi::EVP_PKEY_sign_init(operation.0) };
        ok(ready, Error::Internal("EVP_PKEY_sign_init"))?;
        set_padding(operation.0, padding)?;
        let mut out = vec![0; self.size()];
        let mut len = out.len();
        // SAFETY: the context is ready, `out` has the longest signature's length and `digest` is
        // valid for its.
        let result = unsafe {
            let (at, from) = (out.as_mut_ptr(), digest.as_ptr());
            ffi::EVP_PKEY_sign(operation.0, at, &raw mut len, from, digest.len())
        };
        ok(result, refused)?;
        out.truncate(len);
        Ok(out)
    }

    fn verify_digest(
        &self,
        padding: Option<RsaSignature>,
        digest: &[u8],
        signature: &[u8],
    ) -> Result<bool, Error> {
        let operation = self.context()?;
        // SAFETY: the context is live.
        let ready = unsafe { ffi::EVP_PKEY_verify_init(operation.0) };
        ok(ready, Error::Internal("EVP_PKEY_verify_init"))?;
        set_padding(operation.0, padding)?;
        // SAFETY: the context is ready and both slices are valid for their lengths.
        let result = unsafe {
            let (at, len) = (signature.as_ptr(), signature.len());
            ffi::EVP_PKEY_verify(operation.0, at, len, digest.as_ptr(), digest.len())
        };
        clear_errors();
        Ok(result == 1)
    }

    fn signs_messages(&self) -> Result<(), Error> {
        match self.kind()? {
            Kind::Ed25519 | Kind::MlDsa44 | Kind::MlDsa65 | Kind::MlDsa87 => Ok(()),
            _ => Err(Error::Unsupported("signing a whole message with this algorithm")),
        }
    }
}

fn check_digest(padding: RsaSignature, digest: &[u8]) -> Result<(), Error> {
    match padding {
        RsaSignature::Pkcs1(hash) | RsaSignature::Pss { hash, .. }
            if hash.output_len() != digest.len() =>
        {
            Err(Error::BadParameter("the digest has not the hash's length"))
        }
        _ => Ok(()),
    }
}

fn set_padding(
    operation: *mut ffi::EVP_PKEY_CTX,
    padding: Option<RsaSignature>,
) -> Result<(), Error> {
    let Some(padding) = padding else { return Ok(()) };
    let refused = Error::BadParameter("this hash, padding or salt");
    // SAFETY: the callers pass a live context ready for signing or verifying with an RSA key; the
    // hashes are constant tables.
    unsafe {
        match padding {
            RsaSignature::Pkcs1(hash) => {
                let pkcs1 = ffi::RSA_PKCS1_PADDING;
                ok(ffi::EVP_PKEY_CTX_set_rsa_padding(operation, pkcs1), refused)?;
                ok(ffi::EVP_PKEY_CTX_set_signature_md(operation, hash.as_ptr()), refused)
            }
            RsaSignature::Pkcs1Bare => {
                let pkcs1 = ffi::RSA_PKCS1_PADDING;
                ok(ffi::EVP_PKEY_CTX_set_rsa_padding(operation, pkcs1), refused)
            }
            RsaSignature::Pss { hash, mgf, salt } => {
                let salt = match salt {
                    SaltLen::Digest => ffi::RSA_PSS_SALTLEN_DIGEST,
                    SaltLen::Bytes(len) => i32::try_from(len).map_err(|_| refused)?,
                    // RSA_PSS_SALTLEN_AUTO: longest in signing, any in verification.
                    SaltLen::Any => ffi::RSA_PSS_SALTLEN_AUTO,
                };
                let pss = ffi::RSA_PKCS1_PSS_PADDING;
                ok(ffi::EVP_PKEY_CTX_set_rsa_padding(operation, pss), refused)?;
                ok(ffi::EVP_PKEY_CTX_set_signature_md(operation, hash.as_ptr()), refused)?;
                ok(ffi::EVP_PKEY_CTX_set_rsa_mgf1_md(operation, mgf.as_ptr()), refused)?;
                ok(ffi::EVP_PKEY_CTX_set_rsa_pss_saltlen(operation, salt), refused)
            }
        }
    }
}

/// A context for signatures over messages.
struct MessageContext(*mut ffi::EVP_MD_CTX);

impl MessageContext {
    fn new() -> Result<Self, Error> {
        // SAFETY: allocates or returns null, which is checked.
        let context = unsafe { ffi::EVP_MD_CTX_new() };
        if context.is_null() { Err(Error::Internal("EVP_MD_CTX_new")) } else { Ok(Self(context)) }
    }
}

impl Drop for MessageContext {
    fn drop(&mut self) {
        // SAFETY: allocated in `new`, freed once.
        unsafe { ffi::EVP_MD_CTX_free(self.0) };
    }
}
