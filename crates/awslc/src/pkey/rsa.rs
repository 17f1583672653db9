//! RSA keys by component and RSA encryption.

use std::ptr;

use aws_lc_sys as ffi;

use super::{Key, Kind, Operation, PrivateKey, PublicKey};
use crate::bn::{Bn, Scratch};
use crate::buffer::{Buffer, reader};
use crate::digest::Md;
use crate::{Error, clear_errors, ok};

/// An RSA private key's numbers as big-endian bytes.
pub struct RsaPrivate<B> {
    /// The modulus.
    pub n: B,
    /// The public exponent.
    pub e: B,
    /// The private exponent.
    pub d: B,
    /// The first prime.
    pub p: B,
    /// The second prime.
    pub q: B,
    /// `d` modulo `p - 1`.
    pub dp: B,
    /// `d` modulo `q - 1`.
    pub dq: B,
    /// The inverse of `q` modulo `p`.
    pub qinv: B,
}

/// How RSA pads what it encrypts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encryption<'a> {
    /// PKCS #1 v1.5. An attacker who learns whether decryption succeeded learns the plaintext.
    Pkcs1,
    /// OAEP.
    Oaep {
        /// The hash of the label.
        hash: Md,
        /// The hash of the mask.
        mgf: Md,
        /// The label.
        label: &'a [u8],
    },
}

impl PrivateKey {
    /// Generates an RSA key of `bits` with an odd public exponent of at least 3.
    pub fn generate_rsa(bits: u32, exponent: u32) -> Result<Self, Error> {
        let bits = i32::try_from(bits).map_err(|_| Error::BadParameter("RSA length"))?;
        let e = Bn::from_bytes(&exponent.to_be_bytes())?;
        // SAFETY: allocates or returns null, which is checked; the numbers are live.
        let rsa = Rsa::own(unsafe { ffi::RSA_new() }, Error::Internal("RSA_new"))?;
        let result =
            // SAFETY: as above; a null callback is permitted.
            unsafe { ffi::RSA_generate_key_ex(rsa.0, bits, e.as_ptr(), ptr::null_mut()) };
        ok(result, Error::BadParameter("the library generates no such RSA key"))?;
        rsa.into_key().map(Self)
    }

    /// Parses PKCS #1 (RFC 8017, appendix A.1.2).
    pub fn from_pkcs1(der: &[u8]) -> Result<Self, Error> {
        // SAFETY: `der` is valid for its length; nothing may follow the key.
        let rsa = unsafe { ffi::RSA_private_key_from_bytes(der.as_ptr(), der.len()) };
        Rsa::own(rsa, Error::BadKey("not a PKCS #1 private key"))?.into_key().map(Self)
    }

    /// Parses PKCS #1 that came out of this library and was kept safe since: whether its numbers fit
    /// together is not checked again, which takes longer than a signature.
    pub fn from_trusted_pkcs1(der: &[u8]) -> Result<Self, Error> {
        let refused = Error::BadKey("not a PKCS #1 private key");
        let mut outer = reader(der);
        let mut fields = outer.element(ffi::CBS_ASN1_SEQUENCE, refused)?;
        if !outer.is_at_end() || fields.integer(refused)? != 0 {
            return Err(refused);
        }
        let mut next = || {
            let number = Bn::zero()?;
            let to = number.as_mut_ptr();
            // SAFETY: the reader covers `der`, which outlives the call, and the number is live.
            let result = unsafe { ffi::BN_parse_asn1_unsigned(fields.as_mut_ptr(), to) };
            ok(result, refused)?;
            Ok::<_, Error>(number)
        };
        let [n, e, d, p, q] = [next()?, next()?, next()?, next()?, next()?];
        let [dp, dq, qinv] = [next()?, next()?, next()?];
        if !fields.is_at_end() || [&n, &e, &d, &p, &q].iter().any(|number| number.is_zero()) {
            return Err(refused);
        }
        // SAFETY: allocates or returns null, which is checked.
        let rsa = Rsa::own(unsafe { ffi::RSA_new() }, Error::Internal("RSA_new"))?;
        // SAFETY: the key is live and takes over the numbers; none of the three fails for a fresh key
        // and numbers that are not null.
        let set = unsafe {
            ffi::RSA_set0_key(rsa.0, n.into_ptr(), e.into_ptr(), d.into_ptr()) == 1
                && ffi::RSA_set0_factors(rsa.0, p.into_ptr(), q.into_ptr()) == 1
                && ffi::RSA_set0_crt_params(rsa.0, dp.into_ptr(), dq.into_ptr(), qinv.into_ptr())
                    == 1
        };
        if !set {
            return Err(Error::Internal("RSA_set0_key"));
        }
        rsa.into_key().map(Self)
    }

    /// Parses PKCS #8 that came out of this library and was kept safe since; for RSA as
    /// [`PrivateKey::from_trusted_pkcs1`], for the rest as [`PrivateKey::from_pkcs8`].
    pub fn from_trusted_pkcs8(der: &[u8]) -> Result<Self, Error> {
        /// rsaEncryption, 1.2.840.113549.1.1.1.
        const RSA_ENCRYPTION: [u8; 9] = [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01];
        let refused = Error::BadKey("not a PKCS #8 private key");
        let mut outer = reader(der);
        let mut fields = outer.element(ffi::CBS_ASN1_SEQUENCE, refused)?;
        let version = fields.integer(refused)?;
        let mut algorithm = fields.element(ffi::CBS_ASN1_SEQUENCE, refused)?;
        let oid = algorithm.element(ffi::CBS_ASN1_OBJECT, refused)?;
        let key = fields.element(ffi::CBS_ASN1_OCTETSTRING, refused)?;
        let plain = version == 0 && fields.is_at_end() && outer.is_at_end();
        if oid.rest() != RSA_ENCRYPTION || !plain {
            return Self::from_pkcs8(der);
        }
        Self::from_trusted_pkcs1(key.rest())
    }

    /// As PKCS #1.
    pub fn to_pkcs1(&self) -> Result<Buffer, Error> {
        let rsa = self.0.rsa()?;
        Buffer::marshal(Error::Internal("RSA_marshal_private_key"), |out| {
            // SAFETY: the writer is valid and the key live.
            unsafe { ffi::RSA_marshal_private_key(out, rsa) }
        })
    }

    /// From components; `d` or both primes must be given, the rest is computed if absent.
    pub fn from_rsa_components(parts: &RsaPrivate<Option<&[u8]>>) -> Result<Self, Error> {
        let scratch = Scratch::new()?;
        let number = |part: &Option<&[u8]>| part.map(Bn::from_bytes).transpose();
        let missing = |what| move || Error::BadKey(what);
        let n = number(&parts.n)?;
        let e = number(&parts.e)?.ok_or_else(missing("the public exponent is missing"))?;
        let d = number(&parts.d)?;
        let (p, q) = match (number(&parts.p)?, number(&parts.q)?, &n, &d) {
            (Some(p), Some(q), ..) => (p, q),
            (_, _, Some(n), Some(d)) => scratch.factor(n, &e, d)?,
            _ => {
                return Err(Error::BadKey("neither the private exponent nor the primes are there"));
            }
        };
        let n = match n {
            Some(n) => n,
            None => scratch.product(&p, &q)?,
        };
        let (p1, q1) = (p.minus_one()?, q.minus_one()?);
        let d = match d {
            Some(d) => d,
            None => scratch.inverse(&e, &scratch.product(&p1, &q1)?)?,
        };
        let or = |given: Option<Bn>, computed: Result<Bn, Error>| given.map_or(computed, Ok);
        let dp = or(number(&parts.dp)?, scratch.remainder(&d, &p1))?;
        let dq = or(number(&parts.dq)?, scratch.remainder(&d, &q1))?;
        let qinv = or(number(&parts.qinv)?, scratch.inverse(&q, &p))?;
        // SAFETY: all numbers are live and copied; the function checks that they fit together.
        let rsa = unsafe {
            ffi::RSA_new_private_key(
                n.as_ptr(),
                e.as_ptr(),
                d.as_ptr(),
                p.as_ptr(),
                q.as_ptr(),
                dp.as_ptr(),
                dq.as_ptr(),
                qinv.as_ptr(),
            )
        };
        Rsa::own(rsa, Error::BadKey("its components do not fit together"))?.into_key().map(Self)
    }

    /// The components.
    pub fn rsa_components(&self) -> Result<RsaPrivate<Buffer>, Error> {
        let rsa = self.0.rsa()?;
        // SAFETY: the key is live, and so are the numbers in it while they are copied; a number it
        // lacks is null, which is checked.
        unsafe {
            let get = |number: *const ffi::BIGNUM| {
                if number.is_null() {
                    return Err(Error::Unsupported("an RSA key without all its components"));
                }
                Bn::bytes(number)
            };
            Ok(RsaPrivate {
                n: get(ffi::RSA_get0_n(rsa))?,
                e: get(ffi::RSA_get0_e(rsa))?,
                d: get(ffi::RSA_get0_d(rsa))?,
                p: get(ffi::RSA_get0_p(rsa))?,
                q: get(ffi::RSA_get0_q(rsa))?,
                dp: get(ffi::RSA_get0_dmp1(rsa))?,
                dq: get(ffi::RSA_get0_dmq1(rsa))?,
                qinv: get(ffi::RSA_get0_iqmp(rsa))?,
            })
        }
    }

    /// Decrypts what [`PublicKey::rsa_encrypt`] made.
    pub fn rsa_decrypt(&self, padding: Encryption<'_>, data: &[u8]) -> Result<Buffer, Error> {
        self.0.rsa()?;
        let operation = self.0.context()?;
        // SAFETY: the context is live.
        let ready = unsafe { ffi::EVP_PKEY_decrypt_init(operation.0) };
        ok(ready, Error::Internal("EVP_PKEY_decrypt_init"))?;
        operation.set_encryption(padding)?;
        Buffer::build(self.0.size(), |out| {
            let mut len = out.len();
            // SAFETY: the context is ready, `out` has the modulus' length, which no plaintext
            // exceeds, and `data` is valid for its length.
            let result = unsafe {
                let (at, from) = (out.as_mut_ptr(), data.as_ptr());
                ffi::EVP_PKEY_decrypt(operation.0, at, &raw mut len, from, data.len())
            };
            ok(result, Error::BadData)?;
            Ok(len)
        })
    }
}

impl PublicKey {
    /// Parses PKCS #1 (RFC 8017, appendix A.1.1).
    pub fn from_pkcs1(der: &[u8]) -> Result<Self, Error> {
        // SAFETY: `der` is valid for its length; nothing may follow the key.
        let rsa = unsafe { ffi::RSA_public_key_from_bytes(der.as_ptr(), der.len()) };
        Rsa::own(rsa, Error::BadKey("not a PKCS #1 public key"))?.into_key().map(Self)
    }

    /// As PKCS #1.
    pub fn to_pkcs1(&self) -> Result<Buffer, Error> {
        let rsa = self.0.rsa()?;
        Buffer::marshal(Error::Internal("RSA_marshal_public_key"), |out| {
            // SAFETY: the writer is valid and the key live.
            unsafe { ffi::RSA_marshal_public_key(out, rsa) }
        })
    }

    /// From modulus and public exponent.
    pub fn from_rsa_components(n: &[u8], e: &[u8]) -> Result<Self, Error> {
        let (n, e) = (Bn::from_bytes(n)?, Bn::from_bytes(e)?);
        // SAFETY: both numbers are live and copied.
        let rsa = unsafe { ffi::RSA_new_public_key(n.as_ptr(), e.as_ptr()) };
        Rsa::own(rsa, Error::BadKey("no RSA modulus and exponent"))?.into_key().map(Self)
    }

    /// Modulus and public exponent.
    pub fn rsa_components(&self) -> Result<(Buffer, Buffer), Error> {
        let rsa = self.0.rsa()?;
        // SAFETY: the key is live, and so are the numbers in it while they are copied.
        unsafe { Ok((Bn::bytes(ffi::RSA_get0_n(rsa))?, Bn::bytes(ffi::RSA_get0_e(rsa))?)) }
    }

    /// Encrypts; the padding limits the length of `data`.
    pub fn rsa_encrypt(&self, padding: Encryption<'_>, data: &[u8]) -> Result<Vec<u8>, Error> {
        self.0.rsa()?;
        let operation = self.0.context()?;
        // SAFETY: the context is live.
        let ready = unsafe { ffi::EVP_PKEY_encrypt_init(operation.0) };
        ok(ready, Error::Internal("EVP_PKEY_encrypt_init"))?;
        operation.set_encryption(padding)?;
        let mut out = vec![0; self.0.size()];
        let mut len = out.len();
        // SAFETY: the context is ready, `out` has the modulus' length and `data` is valid for its.
        let result = unsafe {
            let (at, from) = (out.as_mut_ptr(), data.as_ptr());
            ffi::EVP_PKEY_encrypt(operation.0, at, &raw mut len, from, data.len())
        };
        ok(result, Error::BadParameter("more data than this RSA key and padding take"))?;
        out.truncate(len);
        Ok(out)
    }
}

impl Operation {
    fn set_encryption(&self, padding: Encryption<'_>) -> Result<(), Error> {
        let refused = Error::BadParameter("this RSA padding");
        let Encryption::Oaep { hash, mgf, label } = padding else {
            // SAFETY: the context is live and ready for encryption or decryption.
            let set = unsafe { ffi::EVP_PKEY_CTX_set_rsa_padding(self.0, ffi::RSA_PKCS1_PADDING) };
            return ok(set, refused);
        };
        // SAFETY: the context is live and ready; the hashes are constant tables. The label must be
        // the library's own allocation, which the context takes over when the call succeeds.
        unsafe {
            let oaep = ffi::RSA_PKCS1_OAEP_PADDING;
            ok(ffi::EVP_PKEY_CTX_set_rsa_padding(self.0, oaep), refused)?;
            ok(ffi::EVP_PKEY_CTX_set_rsa_oaep_md(self.0, hash.as_ptr()), refused)?;
            ok(ffi::EVP_PKEY_CTX_set_rsa_mgf1_md(self.0, mgf.as_ptr()), refused)?;
            if !label.is_empty() {
                let copy = ffi::OPENSSL_memdup(label.as_ptr().cast(), label.len());
                if copy.is_null() {
                    return Err(Error::Internal("OPENSSL_memdup"));
                }
                let set = ffi::EVP_PKEY_CTX_set0_rsa_oaep_label(self.0, copy.cast(), label.len());
                if set != 1 {
                    ffi::OPENSSL_free(copy);
                    clear_errors();
                    return Err(refused);
                }
            }
        }
        Ok(())
    }
}

impl Key {
    /// The RSA key inside; lives as long as `self`.
    pub(super) fn rsa(&self) -> Result<*mut ffi::RSA, Error> {
        if self.kind()? != Kind::Rsa {
            return Err(Error::BadKey("not an RSA key"));
        }
        // SAFETY: the key is live and RSA.
        let rsa = unsafe { ffi::EVP_PKEY_get0_RSA(self.0) };
        if rsa.is_null() { Err(Error::BadKey("not an RSA key")) } else { Ok(rsa) }
    }
}

/// An RSA key before it is wrapped.
struct Rsa(*mut ffi::RSA);

impl Rsa {
    fn own(rsa: *mut ffi::RSA, error: Error) -> Result<Self, Error> {
        if rsa.is_null() {
            clear_errors();
            return Err(error);
        }
        Ok(Self(rsa))
    }

    fn into_key(self) -> Result<Key, Error> {
        let failed = Error::Internal("EVP_PKEY_set1_RSA");
        // SAFETY: allocates or returns null, which is checked.
        let key = Key::own(unsafe { ffi::EVP_PKEY_new() }, failed)?;
        // SAFETY: both are live; the key takes a reference of its own.
        ok(unsafe { ffi::EVP_PKEY_set1_RSA(key.0, self.0) }, failed)?;
        Ok(key)
    }
}

impl Drop for Rsa {
    fn drop(&mut self) {
        // SAFETY: owned, freed once.
        unsafe { ffi::RSA_free(self.0) };
    }
}
